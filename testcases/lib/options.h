/* The command line, the same for every case. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_MAX 8

struct options {
	double duration_s;              /* of the whole program */
	double slowdown;                /* of this machine against a native, idle one: TESTCASE_SLOWDOWN */
	double hang_after_s;            /* without progress, of a thread that sleeps */
	uint64_t seed;
	unsigned int threads;
	bool list;
	const char *only;               /* one subtest, by hand */
	const char *sabotage;           /* --self-test-fail */
	const char *settings[SETTINGS_MAX + 1]; /* --set NAME=VALUE, for what only one case knows; the last is NULL */
};

/* exits with status 2 and a message on stderr when the command line is wrong */
struct options options_parse(int argc, char **argv);
void options_usage_error(const char *program, const char *fmt, const char *detail) __attribute__((noreturn));

#endif
