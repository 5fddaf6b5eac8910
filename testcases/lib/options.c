#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define EXIT_USAGE 2

void options_usage_error(const char *program, const char *fmt, const char *detail)
{
	fprintf(stderr, "%s: ", program);
	fprintf(stderr, fmt, detail);
	fprintf(stderr, "\nusage: %s [--duration SECONDS] [--seed N] [--threads N] [--only SUBTEST] [--list] [--set NAME=VALUE]\n", program);
	exit(EXIT_USAGE);
}

static double parse_seconds(const char *program, const char *text)
{
	char *end = NULL;
	double value = strtod(text, &end);

	if (end == text || *end || !isfinite(value) || value <= 0 || value > 1e6)
		options_usage_error(program, "not a number of seconds: %s", text);
	return value;
}

/* What whoever runs us knows about the machine: emulation and checking kernels make every step take longer. */
static double slowdown_of_machine(const char *program)
{
	const char *text = getenv("TESTCASE_SLOWDOWN");

	return text && *text ? parse_seconds(program, text) : 1;
}

static uint64_t parse_number(const char *program, const char *text)
{
	char *end = NULL;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (end == text || *end || errno || text[0] == '-')
		options_usage_error(program, "not a number: %s", text);
	return value;
}

#define THREADS_LEAST 4                 /* a changer, and more than one whom it gets in the way of */
#define THREADS_PER_CPU 2               /* some are preempted inside a window, and each still runs often */

static unsigned int default_threads(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long threads = THREADS_PER_CPU * (cpus > 0 ? cpus : 1);

	return threads < THREADS_LEAST ? THREADS_LEAST : threads > THREADS_MAX ? THREADS_MAX : threads;
}

struct options options_parse(int argc, char **argv)
{
	enum { DURATION = 1, SEED, THREADS, LIST, ONLY, SELF_TEST_FAIL, HANG_AFTER, SET };
	static const struct option known[] = {
		{ "duration", required_argument, NULL, DURATION },
		{ "seed", required_argument, NULL, SEED },
		{ "threads", required_argument, NULL, THREADS },
		{ "list", no_argument, NULL, LIST },
		{ "only", required_argument, NULL, ONLY },
		{ "self-test-fail", required_argument, NULL, SELF_TEST_FAIL },
		{ "hang-after", required_argument, NULL, HANG_AFTER },
		{ "set", required_argument, NULL, SET },
		{ 0 },
	};
	const char *program = argv[0];
	double slowdown = slowdown_of_machine(program);
	struct options options = {
		.duration_s = 5, .slowdown = slowdown, .hang_after_s = 1 + slowdown, .seed = 1, .threads = default_threads(),
	};
	unsigned int settings = 0;
	int choice;

	while ((choice = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (choice) {
		case DURATION:
			options.duration_s = parse_seconds(program, optarg);
			break;
		case SEED:
			options.seed = parse_number(program, optarg);
			break;
		case THREADS: {
			uint64_t threads = parse_number(program, optarg);

			if (threads < 1 || threads > THREADS_MAX)
				options_usage_error(program, "too many threads, or none: %s", optarg);
			options.threads = threads;
			break;
		}
		case LIST:
			options.list = true;
			break;
		case ONLY:
			options.only = optarg;
			break;
		case SELF_TEST_FAIL:
			options.sabotage = optarg;
			break;
		case HANG_AFTER:
			options.hang_after_s = parse_seconds(program, optarg);
			break;
		case SET:
			if (settings == SETTINGS_MAX || !strchr(optarg, '='))
				options_usage_error(program, "not NAME=VALUE, or too many: %s", optarg);
			options.settings[settings++] = optarg;
			break;
		default:
			options_usage_error(program, "see above%s", "");
		}
	}
	if (optind < argc)
		options_usage_error(program, "unexpected argument: %s", argv[optind]);
	return options;
}
