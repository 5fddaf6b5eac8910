/* Carries what the program prints from a pipe to where it is wanted, up to a limit.
 *
 * The program has the pipe and not the channel behind it. Nothing is held back (a guest that crashes must not take finished
 * output with it), and the pipe is emptied beyond the limit, too (the writer must not stop or die for being talkative).
 * Neither side is ever waited for alone: who takes the output slowly does not delay the end of a program that overruns. */
#ifndef PUMP_H
#define PUMP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct pump {
	int inlet;			/* the program's end of the pipe */
	int from;			/* ours; -1: nobody has the other one any more */
	int to;				/* -1: nobody takes it any more */
	unsigned long long room, dropped; /* bytes */
	size_t have, done;		/* of block */
	char block[16384];
};

/* false and errno when there is no pipe to be had */
bool pump_open(struct pump *pump, int to, unsigned long long room);

/* Carries what there is, after waiting for it for at most 'ms', or for a signal that 'mask' lets through. Whether anything
 * moved. */
bool pumps_run(struct pump *pumps, int count, int ms, const sigset_t *mask);

/* What is in the pipes now. */
void pumps_empty(struct pump *pumps, int count);

#endif
