#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void peek_mem(struct run *run);
void peek_copy(struct run *run);
void peek_vm_readv(struct run *run);
void pin(struct run *run);

#endif
