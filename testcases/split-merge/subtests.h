#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void protect_anon(struct run *run);
void protect_shmem(struct run *run);
void advise_split(struct run *run);
void moving_border(struct run *run);
void fresh_borders(struct run *run);
void file_borders(struct run *run);
void anon_borders(struct run *run);
void stack_borders(struct run *run);

#endif
