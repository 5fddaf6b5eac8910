#define _GNU_SOURCE
#include "uffd.h"
#include "uffd_move.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.8; the headers at hand may be older */
#ifndef UFFD_FEATURE_MOVE
#define UFFD_FEATURE_MOVE (1 << 16)
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define MESSAGES 8
#define TRIES 20

static int open_uffd(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	/* what an ordinary user may have: no faults from inside the kernel, and we cause none */
	if (fd < 0 && errno == EPERM)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	return fd;
}

bool uffd_is_zero_page(const struct uffd *uffd, unsigned int page)
{
	return uffd->way == UFFD_COPIES && page % 4 == 3;
}

static bool map(struct uffd *uffd, unsigned int pages, void **at)
{
	*at = area_reserve(uffd->run, pages);
	return *at && area_map(uffd->run, *at, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) != MAP_FAILED;
}

bool uffd_init(struct uffd *uffd, struct run *run, enum uffd_way way)
{
	bool moves = way != UFFD_COPIES;
	struct uffdio_api api = { .api = UFFD_API, .features = moves ? UFFD_FEATURE_MOVE : 0 };
	unsigned int pages = way == UFFD_MOVES_WITHIN ? 2 * UFFD_PAGES : UFFD_PAGES;

	*uffd = (struct uffd){ .run = run, .way = way, .fd = open_uffd() };
	if (uffd->fd < 0) {
		run_skip(run, "userfaultfd is not available: %s", error_words(errno));
		return false;
	}
	if (ioctl(uffd->fd, UFFDIO_API, &api) != 0) {
		run_skip(run, moves ? "UFFDIO_MOVE is not available" : "userfaultfd API is not available");
		return false;
	}
	if (!map(uffd, pages, &uffd->base) || !map(uffd, 1, &uffd->scratch) ||
	    (way == UFFD_MOVES && !map(uffd, UFFD_PAGES, &uffd->source)))
		return false;
	if (way == UFFD_MOVES_WITHIN)
		uffd->source = area_word(uffd->base, UFFD_PAGES, 0);
	uffd_register(uffd, 0, pages);
	for (unsigned int page = 0; page < UFFD_PAGES; page++)
		claim_publish(&uffd->claim[page], 0,
			      CLAIM_RW | MAY_LOSE_WRITES | (uffd_is_zero_page(uffd, page) ? MAY_BE_ZERO : 0));
	uffd->touched = (struct touched){ .base = uffd->base, .pages = UFFD_PAGES, .claims = uffd->claim };
	uffd->copied = run_event(run, moves ? SLOT_EVENT : SLOT_REQUIRED, "copied");
	uffd->zeroed = run_event(run, moves ? SLOT_EVENT : SLOT_REQUIRED, "zeroed");
	uffd->moved = run_event(run, moves ? SLOT_REQUIRED : SLOT_EVENT, "moved");
	uffd->busy = run_event(run, SLOT_EVENT, "busy");
	return true;
}

static struct uffdio_range range_of(struct uffd *uffd, unsigned int first, unsigned int count)
{
	return (struct uffdio_range){ (uintptr_t)area_word(uffd->base, first, 0), count * page_bytes() };
}

void uffd_register(struct uffd *uffd, unsigned int first, unsigned int count)
{
	struct uffdio_register reg = { .range = range_of(uffd, first, count), .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (ioctl(uffd->fd, UFFDIO_REGISTER, &reg) != 0)
		run_fail_errno(uffd->run, "UFFDIO_REGISTER");
}

void uffd_wake(struct uffd *uffd, unsigned int first, unsigned int count)
{
	struct uffdio_range range = range_of(uffd, first, count);

	if (ioctl(uffd->fd, UFFDIO_WAKE, &range) != 0)
		run_fail_errno(uffd->run, "UFFDIO_WAKE");
}

static int give_zero(struct uffd *uffd, unsigned int page)
{
	struct uffdio_zeropage zero = { .range = range_of(uffd, page, 1) };

	return ioctl(uffd->fd, UFFDIO_ZEROPAGE, &zero);
}

static int copy_to(struct uffd *uffd, void *at, unsigned int tag)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)at, .src = (uintptr_t)uffd->scratch, .len = page_bytes() };

	*area_word(uffd->scratch, 0, WORD_TAG) = tag_make(0, tag, 0);
	return ioctl(uffd->fd, UFFDIO_COPY, &copy);
}

static int give_copy(struct uffd *uffd, unsigned int page)
{
	return copy_to(uffd, area_word(uffd->base, page, 0),
		       run_sabotaged(uffd->run, "uffd-wrong-page") ? page + 1 : page);
}

static int move_from(struct uffd *uffd, void *source, unsigned int page)
{
	struct uffdio_move move = {
		.dst = (uintptr_t)area_word(uffd->base, page, 0), .src = (uintptr_t)source, .len = page_bytes(),
	};

	return ioctl(uffd->fd, UFFDIO_MOVE, &move);
}

static int give_move(struct uffd *uffd, unsigned int page)
{
	uint64_t *source = area_word(uffd->source, page, WORD_TAG);
	int result;

	*source = tag_make(0, run_sabotaged(uffd->run, "uffd-moves-wrong") ? page + 1 : page, 0);
	result = move_from(uffd, area_word(uffd->source, page, 0), page);
	if (result == 0 && run_sabotaged(uffd->run, "uffd-move-leaves"))
		*source = 1;
	/* Oracle: a page is in one place. The source VMA, locked together with the target, must be empty now. */
	if (result == 0 && *(volatile uint64_t *)source != 0)
		run_fail(uffd->run, "page %u was moved but its source still has %#llx", page, (unsigned long long)*source);
	return result;
}

/* A look at the source would be a fault that only we could answer: a copy to it tells whether it is empty. */
static int give_move_within(struct uffd *uffd, unsigned int page)
{
	void *source = area_word(uffd->source, page, 0);
	int result;

	if (!uffd->staged[page] || run_sabotaged(uffd->run, "uffd-stages-twice")) {
		unsigned int tag = run_sabotaged(uffd->run, "uffd-stages-wrong") ? page + 1 : page;

		if (copy_to(uffd, source, tag) == 0)
			uffd->staged[page] = true;
		else if (errno != EEXIST)
			return -1;
		else /* Oracle: a page is in one place. */
			run_fail(uffd->run, "page %u was moved but its source still has one", page);
	}
	result = move_from(uffd, source, page);
	if (result == 0)
		uffd->staged[page] = false;
	return result;
}

static int give(struct uffd *uffd, unsigned int page)
{
	switch (uffd->way) {
	case UFFD_MOVES: return give_move(uffd, page);
	case UFFD_MOVES_WITHIN: return give_move_within(uffd, page);
	default: return give_copy(uffd, page);
	}
}

/* Oracle: each answer succeeds or fails for a reason that the changes going on explain. EAGAIN and EBUSY: try again;
 * a VMA that cannot be read-locked must end up here and not in a leaked lock or an endless loop. */
static void answer_page(struct uffd *uffd, unsigned int page)
{
	bool zero = uffd_is_zero_page(uffd, page) || run_sabotaged(uffd->run, "uffd-zero");
	bool moves = uffd->way != UFFD_COPIES;

	for (unsigned int try = 0; try < TRIES; try++) {
		int result = zero ? give_zero(uffd, page) : give(uffd, page);

		if (result == 0) {
			slot_hit(zero ? uffd->zeroed : moves ? uffd->moved : uffd->copied);
			return;
		}
		/* answered already, or unmapped or not registered meanwhile: the fault has to look again */
		if (errno == EEXIST || errno == ENOENT || errno == ESRCH)
			break;
		if (errno != EAGAIN && errno != EBUSY) {
			run_fail_errno(uffd->run, zero ? "UFFDIO_ZEROPAGE" : moves ? "UFFDIO_MOVE" : "UFFDIO_COPY");
			break;
		}
		slot_hit(uffd->busy);
	}
	uffd_wake(uffd, page, 1);
}

void uffd_answer(struct worker *worker)
{
	struct uffd *uffd = worker->arg;
	struct pollfd poller = { .fd = uffd->fd, .events = POLLIN };
	struct uffd_msg messages[MESSAGES];

	/* not before the last toucher is done: it may sleep in a fault that only we can answer */
	while (atomic_load(&uffd->touchers) > 0) {
		ssize_t got;

		if (poll(&poller, 1, 10) <= 0)
			continue;
		got = read(uffd->fd, messages, sizeof(messages));
		for (ssize_t i = 0; i < got / (ssize_t)sizeof(messages[0]); i++) {
			uintptr_t at = messages[i].arg.pagefault.address;
			size_t page = (at - (uintptr_t)uffd->base) / page_bytes();

			/* Oracle: reported addresses are those of the registered range. */
			if (messages[i].event != UFFD_EVENT_PAGEFAULT || page >= UFFD_PAGES)
				run_fail(uffd->run, "message %u for %#lx, outside of the registered range", messages[i].event,
					 (unsigned long)at);
			else
				answer_page(uffd, page);
			worker_did(worker);
		}
	}
}

void uffd_touch(struct worker *worker)
{
	struct uffd *uffd = worker->arg;

	worker->arg = &uffd->touched;
	touch(worker);
	worker->arg = uffd;
	atomic_fetch_sub(&uffd->touchers, 1);
}

/* flags without effect on the data: they only split and merge what a fault or an answer is about to lock */
void uffd_split(struct worker *worker)
{
	struct uffd *uffd = worker->arg;

	while (worker_continue(worker)) {
		bool source = uffd->source && rng_one_in(&worker->rng, 2);
		unsigned int page = rng_below(&worker->rng, UFFD_PAGES);
		void *at = area_word(source ? uffd->source : uffd->base, page, 0);

		area_advise(worker->run, at, 1, MADV_DONTDUMP);
		rng_dither(&worker->rng);
		area_advise(worker->run, at, 1, MADV_DODUMP);
		worker_did(worker);
	}
}
