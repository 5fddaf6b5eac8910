/* Seeded choices: the same --seed makes every thread choose the same sequence again. */
#ifndef RNG_H
#define RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

struct rng rng_make(uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *rng);
unsigned int rng_below(struct rng *rng, unsigned int bound);    /* 0 .. bound-1 */
bool rng_one_in(struct rng *rng, unsigned int n);

/* The turn-th choice: each once in order, then at random. So a slow machine too has made each choice soon. */
unsigned int rng_turn(struct rng *rng, unsigned int turn, unsigned int bound);

/* Widens race windows: mostly nothing, sometimes a short spin, sometimes giving the CPU away. With two
 * emulated CPUs, a thread that never yields inside a window is rarely caught in it. */
void rng_dither(struct rng *rng);

void rng_dither_below(struct rng *rng, unsigned int bound);     /* 0 .. bound-1 times */

#endif
