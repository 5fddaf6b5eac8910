#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void fault1_threads(struct run *run);
void fault1_processes(struct run *run);
void fault2_threads(struct run *run);
void fault2_processes(struct run *run);
void fault3_threads(struct run *run);
void fault3_processes(struct run *run);
void mmap1_threads(struct run *run);
void mmap1_processes(struct run *run);
void mmap2_threads(struct run *run);
void mmap2_processes(struct run *run);

#endif
