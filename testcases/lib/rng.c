#include "rng.h"

#include <sched.h>

/* splitmix64: any seed is good, also 0, and streams do not correlate */
uint64_t rng_next(struct rng *rng)
{
	uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

struct rng rng_make(uint64_t seed, uint64_t stream)
{
	struct rng rng = { .state = seed };

	rng.state = rng_next(&rng) ^ (stream * UINT64_C(0xd1342543de82ef95));
	return rng;
}

unsigned int rng_below(struct rng *rng, unsigned int bound)
{
	return (unsigned int)(rng_next(rng) >> 32) % bound;
}

unsigned int rng_turn(struct rng *rng, unsigned int turn, unsigned int bound)
{
	return turn < bound ? turn : rng_below(rng, bound);
}

bool rng_one_in(struct rng *rng, unsigned int n)
{
	return rng_below(rng, n) == 0;
}

void rng_dither(struct rng *rng)
{
	unsigned int choice = rng_below(rng, 8);

	if (choice == 0) {
		sched_yield();
	} else if (choice <= 2) {
		for (volatile unsigned int spin = rng_below(rng, 300); spin > 0; spin = spin - 1)
			;
	}
}

void rng_dither_below(struct rng *rng, unsigned int bound)
{
	for (unsigned int left = rng_below(rng, bound); left > 0; left--)
		rng_dither(rng);
}
