#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void same_mm(struct run *run);
void cross_process(struct run *run);
void exit_churn(struct run *run);
void exec_churn(struct run *run);
void kill_churn(struct run *run);

#endif
