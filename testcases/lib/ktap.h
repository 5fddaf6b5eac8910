/* KTAP on stdout. Every line is one write(2): nothing is lost in a buffer when the guest dies. */
#ifndef KTAP_H
#define KTAP_H

#include <stdbool.h>
#include <stdint.h>

void ktap_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void ktap_plan(unsigned int count);
void ktap_diagnostic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void ktap_metric(const char *name, uint64_t value, const char *unit);
void ktap_result(bool ok, unsigned int index, const char *name, int64_t time_ms);
void ktap_not_exercised(unsigned int index, const char *name, const char *what, int64_t time_ms);
void ktap_hung(unsigned int index, const char *name, const char *what, int64_t time_ms);
void ktap_skip(unsigned int index, const char *name, const char *reason);

#endif
