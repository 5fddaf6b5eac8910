#define _GNU_SOURCE
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define PUMPS_MAX 2
#define STALLED_MS 1000

bool pump_open(struct pump *pump, int to, unsigned long long room)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	*pump = (struct pump){ .inlet = ends[1], .from = ends[0], .to = to, .room = room };
	fcntl(pump->from, F_SETFL, O_NONBLOCK);
	return true;
}

static bool fill(struct pump *pump)
{
	ssize_t got = read(pump->from, pump->block, sizeof(pump->block));
	size_t keep;

	if (got < 0)
		return false;
	if (got == 0) {
		close(pump->from);
		pump->from = -1;
		return true;
	}
	keep = pump->to < 0 ? 0 : (unsigned long long)got < pump->room ? (size_t)got : (size_t)pump->room;
	pump->room -= keep;
	pump->dropped += got - keep;
	pump->have = keep;
	pump->done = 0;
	return true;
}

static bool drain(struct pump *pump)
{
	ssize_t put = write(pump->to, pump->block + pump->done, pump->have - pump->done);

	if (put < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (put < 0) {
		pump->to = -1;
		pump->have = 0;
		return true;
	}
	pump->done += put;
	if (pump->done == pump->have)
		pump->have = 0;
	return true;
}

bool pumps_run(struct pump *pumps, int count, int ms, const sigset_t *mask)
{
	struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	struct pollfd polls[PUMPS_MAX];
	bool moved = false;

	for (int i = 0; i < count; i++)
		polls[i] = pumps[i].have ? (struct pollfd){ pumps[i].to, POLLOUT, 0 } :
					   (struct pollfd){ pumps[i].from, POLLIN, 0 };
	if (ppoll(polls, count, &wait, mask) <= 0)
		return false;
	for (int i = 0; i < count; i++)
		if (polls[i].revents)
			moved |= pumps[i].have ? drain(&pumps[i]) : fill(&pumps[i]);
	return moved;
}

static bool any_holds(const struct pump *pumps, int count)
{
	for (int i = 0; i < count; i++)
		if (pumps[i].have)
			return true;
	return false;
}

void pumps_empty(struct pump *pumps, int count)
{
	bool moved;

	do
		moved = pumps_run(pumps, count, any_holds(pumps, count) ? STALLED_MS : 0, NULL);
	while (moved || any_holds(pumps, count));
}
