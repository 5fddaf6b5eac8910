#include "case.h"

#include <string.h>

#include "clock.h"
#include "ktap.h"
#include "options.h"
#include "supervise.h"

/* as tools/testing/selftests/kselftest.h numbers them */
enum { EXIT_PASS = 0, EXIT_FAIL = 1, EXIT_SKIPPED = 4 };

static bool breaks(const struct subtest *subtest, const char *sabotage)
{
	for (int i = 0; i < SABOTAGES_MAX && subtest->sabotages[i]; i++)
		if (strcmp(subtest->sabotages[i], sabotage) == 0)
			return true;
	return false;
}

static bool chosen(const struct options *options, const struct subtest *subtest)
{
	if (options->only && strcmp(options->only, subtest->name) != 0)
		return false;
	return !options->sabotage || breaks(subtest, options->sabotage);
}

static bool knows(const struct subtest *subtest, const char *setting)
{
	size_t length = strcspn(setting, "=");

	for (int i = 0; i < NAMES_MAX && subtest->settings[i]; i++)
		if (strlen(subtest->settings[i]) == length && strncmp(subtest->settings[i], setting, length) == 0)
			return true;
	return false;
}

static void check_settings(const struct options *options, const char *program, const struct subtest *subtests, size_t count)
{
	for (const char *const *setting = options->settings; *setting; setting++) {
		bool known = false;

		for (size_t i = 0; i < count; i++)
			known |= knows(&subtests[i], *setting);
		if (!known)
			options_usage_error(program, "nothing here is set by %s", *setting);
	}
}

static void list(const struct options *options, const struct subtest *subtests, size_t count)
{
	bool sabotages = options->sabotage && strcmp(options->sabotage, "list") == 0;

	for (size_t i = 0; i < count; i++) {
		if (!sabotages)
			ktap_line("%s", subtests[i].name);
		for (int s = 0; sabotages && s < SABOTAGES_MAX && subtests[i].sabotages[s]; s++)
			ktap_line("%s", subtests[i].sabotages[s]);
	}
}

/* What is left is shared by those that are left: a skip gives its time to the rest. One that overran does not take all
 * of theirs. */
static int64_t part_of(int64_t rest_ns, unsigned int left, int64_t least_ns)
{
	return rest_ns / left > least_ns ? rest_ns / left : least_ns;
}

int case_main(int argc, char **argv, const struct subtest *subtests, size_t count)
{
	struct options options = options_parse(argc, argv);
	unsigned int left = 0, index = 0, failed = 0, skipped = 0;
	int64_t end_ns = clock_ns() + (int64_t)(options.duration_s * NS_PER_S);
	int64_t share_ns;
	bool hung = false;

	if (options.list || (options.sabotage && strcmp(options.sabotage, "list") == 0)) {
		list(&options, subtests, count);
		return EXIT_PASS;
	}
	check_settings(&options, argv[0], subtests, count);
	for (size_t i = 0; i < count; i++)
		left += chosen(&options, &subtests[i]);
	if (left == 0)
		options_usage_error(argv[0], "no subtest matches %s", options.only ? options.only : options.sabotage);
	ktap_plan(left);
	share_ns = (int64_t)(options.duration_s * NS_PER_S) / left;
	for (size_t i = 0; i < count; i++) {
		struct assignment assignment;
		int64_t now = clock_ns();

		if (!chosen(&options, &subtests[i]))
			continue;
		index++;
		if (hung) {
			/* stuck threads still hold locks and memory: nothing that follows would mean anything */
			ktap_skip(index, subtests[i].name, "an earlier subtest hangs");
			left--;
			continue;
		}
		assignment = (struct assignment){
			.subtest = &subtests[i], .options = &options, .index = index,
			.stop_ns = now + part_of(end_ns - now, left--, share_ns / 2),
		};
		switch (supervise(&assignment)) {
		case SUBTEST_OK:
			break;
		case SUBTEST_SKIPPED:
			skipped++;
			break;
		case SUBTEST_HUNG:
			hung = true;
			/* fall through */
		case SUBTEST_NOT_EXERCISED:
		case SUBTEST_FAILED:
			failed++;
			break;
		}
	}
	if (failed)
		return EXIT_FAIL;
	return skipped == index ? EXIT_SKIPPED : EXIT_PASS;
}
