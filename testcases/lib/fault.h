/* Memory accesses that may be refused: SIGSEGV and SIGBUS become results. */
#ifndef FAULT_H
#define FAULT_H

#include <stdint.h>

#include "run.h"

enum access {
	ACCESS_OK,
	ACCESS_SEGV,
	ACCESS_BUS,
};

/* once per process that runs a subtest; 'run' hears of signals that no access asked for */
void fault_init(struct run *run);

/* per thread: a stack of its own for the handler, so that faults on stacks can be handled too */
void fault_thread_begin(void);
void fault_thread_end(void);

enum access fault_load(const uint64_t *address, uint64_t *value);
enum access fault_store(uint64_t *address, uint64_t value);

const char *access_name(enum access access);

#endif
