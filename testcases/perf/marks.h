/* Addresses of user space that nothing else has. Whoever counts instructions (guest/files/plugins/instructions.c) sees
 * them being executed, and takes down how many there were so far. */
#ifndef MARKS_H
#define MARKS_H

#include <stdbool.h>

#define MARKS_AT 0x4f5243480000ul       /* the tool knows it too: parse/results/instructions.py */
#define MARK_BYTES 16
#define MARKS_MAX 64

/* false: the address is taken, or nothing may be executed there */
bool marks_make(void);
void mark(unsigned int number);

#endif
