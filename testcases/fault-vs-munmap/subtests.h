#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void anon_remap(struct run *run);
void file_replace(struct run *run);
void punch_hole(struct run *run);
void sealed_munmap(struct run *run);
void failed_mmap(struct run *run);

#endif
