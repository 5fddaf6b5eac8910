#include "clock.h"

#include <time.h>

int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

void clock_sleep_ms(unsigned int ms)
{
	struct timespec span = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * NS_PER_MS };

	nanosleep(&span, NULL);
}
