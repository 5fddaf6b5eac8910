/* Splits and merges: the VMAs that a fault can find change their limits, are freed and are allocated again several
 * times per system call, while the memory itself stays. Contended locks on VMAs that are adjusted but not removed are
 * met here, and hardly ever by unmapping whole ranges. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ "protect-anon", protect_anon, { "protect-too-much", "protect-nothing", "protect-loses" } },
		{ "protect-shmem", protect_shmem, { "shmem-wrong-page" } },
		{ "advise-split", advise_split, { "advise-unmaps", "advise-loses" } },
		{ "moving-border", moving_border, { "border-stays" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
