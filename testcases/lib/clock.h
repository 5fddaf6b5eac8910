/* Time, for those who may look at it: reading a clock can be a slow system call in an emulated guest,
 * so workers never do; they ask the board whether to stop. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

int64_t clock_ns(void);                 /* monotonic */
void clock_sleep_ms(unsigned int ms);

#endif
