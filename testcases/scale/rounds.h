/* A benchmark: rounds that each worker does over and over, on memory of its own, in one process or in several. */
#ifndef ROUNDS_H
#define ROUNDS_H

#include "case.h"

#define ROUND_PAGES 64                  /* mapped and unmapped in a round */

struct rounds {
	void (*round)(struct worker *worker, struct rounds *rounds);    /* counts what it does: worker_counted() */
	int fd;                         /* ROUND_PAGES for each worker, tagged by worker; -1: anonymous memory */
	unsigned int workers;
	uint64_t done[THREADS_MAX];       /* by each worker */
};

/* 'file': the rounds map memory files. One worker for each of run->threads, or a process for each CPU. */
void rounds_by_threads(struct run *run, void (*round)(struct worker *worker, struct rounds *rounds), bool file);
void rounds_by_processes(struct run *run, void (*round)(struct worker *worker, struct rounds *rounds), bool file);

/* the worker's part of the file, or anonymous memory, wherever the kernel likes; NULL, and the run has failed */
char *rounds_map(struct worker *worker, struct rounds *rounds, int flags);

#endif
