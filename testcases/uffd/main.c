/* userfaultfd takes VMAs to read and, for UFFDIO_MOVE, two of them: it must take none without giving it back. Its
 * faults also sleep with the VMA given up, so that whatever it was may be gone when they come back. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ "missing", missing, { "uffd-wrong-page", "uffd-zero" } },
		{ "remap", remap, { "uffd-unregistered", "uffd-stays" } },
		{ "move", move, { "uffd-moves-wrong", "uffd-move-leaves" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
