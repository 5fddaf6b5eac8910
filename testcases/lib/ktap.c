#include "ktap.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

static void put(const char *prefix, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];
	size_t length = strlen(prefix);
	size_t done = 0;

	memcpy(line, prefix, length);
	vsnprintf(line + length, sizeof(line) - length - 1, fmt, args);
	length = strlen(line);
	line[length++] = '\n';
	while (done < length) {
		ssize_t wrote = write(STDOUT_FILENO, line + done, length - done);

		if (wrote < 0)
			return;         /* nobody listens any more */
		done += wrote;
	}
}

void ktap_line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put("", fmt, args);
	va_end(args);
}

void ktap_diagnostic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put("# ", fmt, args);
	va_end(args);
}

void ktap_plan(unsigned int count)
{
	ktap_line("KTAP version 1");
	ktap_line("1..%u", count);
}

void ktap_metric(const char *name, uint64_t value, const char *unit)
{
	ktap_line("# metric %s %" PRIu64 " %s", name, value, unit);
}

void ktap_result(bool ok, unsigned int index, const char *name, int64_t time_ms)
{
	ktap_line("%s %u %s # time=%" PRId64 "ms", ok ? "ok" : "not ok", index, name, time_ms);
}

/* not ok, but told apart from a failure: nothing was found wrong, because the code was not exercised */
void ktap_not_exercised(unsigned int index, const char *name, const char *what, int64_t time_ms)
{
	ktap_line("not ok %u %s # did not exercise: %s # time=%" PRId64 "ms", index, name, what, time_ms);
}

void ktap_hung(unsigned int index, const char *name, const char *what, int64_t time_ms)
{
	ktap_line("not ok %u %s # TIMEOUT %s # time=%" PRId64 "ms", index, name, what, time_ms);
}

void ktap_skip(unsigned int index, const char *name, const char *reason)
{
	ktap_line("ok %u %s # SKIP %s", index, name, reason);
}
