#include "claim.h"

#include <stddef.h>

#include "tag.h"

#define MAY_BITS 7
#define SEQ_BITS 25
#define SEQ_MASK ((UINT64_C(1) << SEQ_BITS) - 1)

unsigned int claim_may(uint64_t word)
{
	return word & ((1u << MAY_BITS) - 1);
}

uint64_t claim_generation(uint64_t word)
{
	return word >> (MAY_BITS + SEQ_BITS);
}

void claims_publish(struct claim *first, unsigned int count, uint64_t generation, unsigned int may)
{
	for (struct claim *claim = first; claim < first + count; claim++)
		claim_publish(claim, generation, may);
}

void claims_update(struct claim *first, unsigned int count, unsigned int may)
{
	for (struct claim *claim = first; claim < first + count; claim++)
		claim_update(claim, may);
}

uint64_t claim_read(const struct claim *claim)
{
	return atomic_load(&claim->word);
}

void claim_publish(struct claim *claim, uint64_t generation, unsigned int may)
{
	/* one changer per claim at a time: load and store need not be one step */
	uint64_t seq = (atomic_load_explicit(&claim->word, memory_order_relaxed) >> MAY_BITS) + 1;

	atomic_store(&claim->word, generation << (MAY_BITS + SEQ_BITS) | (seq & SEQ_MASK) << MAY_BITS | may);
}

void claim_update(struct claim *claim, unsigned int may)
{
	claim_publish(claim, claim_generation(atomic_load_explicit(&claim->word, memory_order_relaxed)), may);
}

static const char *judge_outcome(unsigned int may, enum access got, unsigned int success, unsigned int refusal)
{
	/* Oracle: catches a fault handled with a VMA that is not, or no longer, the one at this address: readers that
	 * skip the address or sequence re-check, VMAs missing from the tree after a split, merge or failed unmap. */
	if (got == ACCESS_SEGV && !(may & refusal))
		return "SIGSEGV although mapped and permitted";
	/* Oracle: catches pages installed behind a finished munmap or mprotect: a writer that does not wait for
	 * readers, a sequence published before they drained, a detached VMA that can still be locked. */
	if (got == ACCESS_OK && !(may & success))
		return "access succeeded although unmapped or forbidden";
	return NULL;
}

static uint64_t newest_generation(uint64_t after)
{
	return claim_generation(after) + !!(claim_may(after) & MAY_BE_NEXT);
}

static bool fair_zero(uint64_t before, uint64_t after, struct expected want)
{
	return before == after ? claim_may(before) & MAY_BE_ZERO : want.zero_while_changing;
}

/* The kernel copies with "rep movsb", or byte by byte once its first step met a page that was not there. Of a page that
 * changes meanwhile each byte may be of another time: zero, then of the tag, or of one tag and of the next. */
static bool fair_mixture(uint64_t before, uint64_t after, uint64_t value, struct expected want)
{
	if (before == after && !(claim_may(before) & (MAY_BE_ZERO | MAY_BE_NEXT)))
		return false;
	for (unsigned int shift = 0; shift < 64; shift += 8) {
		uint64_t byte = value >> shift & 0xff;
		bool fair = !byte && fair_zero(before, after, want);

		for (uint64_t at = claim_generation(before); !fair && at <= newest_generation(after); at++)
			fair = (tag_make(want.owner, want.page, at) >> shift & 0xff) == byte;
		if (!fair)
			return false;
	}
	return true;
}

static const char *judge_value(uint64_t before, uint64_t after, uint64_t value, struct expected want)
{
	/* Oracle: two faults installed two pages, or one came in behind a zap: what was written is gone. */
	if (value == 0)
		return fair_zero(before, after, want) ? NULL : "zero where data had been written";
	if (want.copied && fair_mixture(before, after, value, want))
		return NULL;
	if (!tag_valid(value))
		return "value is no page's data";
	/* Oracle: a recycled VMA of another mapping or process was used for the fault (TYPESAFE_BY_RCU reuse). */
	if (tag_owner(value) != want.owner)
		return "data of another mapping or process";
	if (tag_page(value) != want.page)
		return "data of another page";
	/* Oracle: the access went through a mapping that had been replaced before it began. */
	if (tag_generation(value) < claim_generation(before))
		return "data of an earlier mapping";
	if (tag_generation(value) > newest_generation(after))
		return "data of a mapping not made yet";
	return NULL;
}

const char *claim_judge_load(uint64_t before, uint64_t after, enum access got, uint64_t value, struct expected want)
{
	const char *wrong = NULL;

	/* no case truncates a file: SIGBUS means a fault computed its offset from a wrong VMA */
	if (got == ACCESS_BUS)
		return "SIGBUS";
	if (before == after)
		wrong = judge_outcome(claim_may(before), got, MAY_READ, MAY_FAULT_READ);
	else if (want.always_mapped)
		wrong = judge_outcome(MAY_READ, got, MAY_READ, MAY_FAULT_READ);
	if (!wrong && got == ACCESS_OK)
		wrong = judge_value(before, after, value, want);
	return wrong;
}

const char *claim_judge_store(uint64_t before, uint64_t after, enum access got)
{
	if (got == ACCESS_BUS)
		return "SIGBUS";
	if (before == after)
		return judge_outcome(claim_may(before), got, MAY_WRITE, MAY_FAULT_WRITE);
	return NULL;
}

static void complain(struct run *run, const char *wrong, const char *what, const void *address, uint64_t before,
		     uint64_t after, enum access got, uint64_t value, struct expected want)
{
	run_fail(run, "%s: %s of %p page %u owner %u: %s value %#llx, claims %#llx..%#llx", wrong, what, address, want.page,
		 want.owner, access_name(got), (unsigned long long)value, (unsigned long long)before,
		 (unsigned long long)after);
}

enum access claim_checked_load(struct run *run, const struct claim *claim, const uint64_t *address,
			       struct expected want, uint64_t *value)
{
	return claim_checked_load_by(run, fault_load, claim, address, want, value);
}

enum access claim_checked_load_by(struct run *run, claim_loader *load, const struct claim *claim, const uint64_t *address,
				  struct expected want, uint64_t *value)
{
	uint64_t before = claim_read(claim);
	enum access got;
	uint64_t after;
	const char *wrong;

	*value = 0;
	got = load(address, value);
	/* the second look must not move in front of the access */
	atomic_thread_fence(memory_order_seq_cst);
	after = claim_read(claim);
	wrong = claim_judge_load(before, after, got, *value, want);
	if (wrong)
		complain(run, wrong, "load", address, before, after, got, *value, want);
	return got;
}

enum access claim_checked_store(struct run *run, const struct claim *claim, uint64_t *address, uint64_t value)
{
	uint64_t before = claim_read(claim);
	enum access got;
	uint64_t after;
	const char *wrong;

	got = fault_store(address, value);
	/* a store may still sit in the store buffer when a later load is done: fence */
	atomic_thread_fence(memory_order_seq_cst);
	after = claim_read(claim);
	wrong = claim_judge_store(before, after, got);
	if (wrong)
		complain(run, wrong, "store", address, before, after, got, value, (struct expected){ 0 });
	return got;
}

/* a word of a page that came back may hold what the same thread wrote there before */
static bool fair_leftover(uint64_t seen, uint64_t stored)
{
	return seen == 0 || (tag_valid(seen) && tag_owner(seen) == tag_owner(stored) && tag_page(seen) == tag_page(stored) &&
			     tag_generation(seen) <= tag_generation(stored));
}

enum access claim_checked_roundtrip(struct run *run, const struct claim *claim, uint64_t *address, uint64_t value)
{
	uint64_t before = claim_read(claim);
	enum access stored, loaded = ACCESS_OK;
	uint64_t seen = value, after;
	const char *wrong;

	stored = fault_store(address, value);
	atomic_thread_fence(memory_order_seq_cst);
	if (stored == ACCESS_OK)
		loaded = fault_load(address, &seen);
	atomic_thread_fence(memory_order_seq_cst);
	after = claim_read(claim);
	wrong = claim_judge_store(before, after, stored);
	/* only the settled and permitted case is exact: a page that changes may turn to zero or be refused */
	if (!wrong && stored == ACCESS_OK && before == after &&
	    (claim_may(before) & (CLAIM_ANY | MAY_LOSE_WRITES)) == CLAIM_RW) {
		if (loaded != ACCESS_OK)
			wrong = "read back refused although mapped and permitted";
		else if (seen != value)
			wrong = "a write was lost";
	} else if (!wrong && loaded == ACCESS_OK && !fair_leftover(seen, value)) {
		wrong = "a word that only this thread writes has another value";
	}
	if (wrong)
		run_fail(run, "%s: %p stored %#llx (%s) loaded %#llx (%s), claims %#llx..%#llx", wrong, (void *)address,
			 (unsigned long long)value, access_name(stored), (unsigned long long)seen, access_name(loaded),
			 (unsigned long long)before, (unsigned long long)after);
	return stored;
}
