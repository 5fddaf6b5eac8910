"""What a case left behind in its guest: counts before and after -> findings. Pure.

A slightly higher count proves nothing: daemons of the guest allocate too, and caches keep free objects. docs/oracles.md
has the measured thresholds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from orchestrator.model.attempt import Attempt, Count
from orchestrator.model.case import Dialect
from orchestrator.model.report import Metric
from orchestrator.words import counted

PAGES = "pages"
TOLERANCE = 6  # objects of a slab cache
TOLERANCES = {
    "mm_struct": 2,  # the guest sees to it that no CPU keeps one; each stands for a whole address space
    PAGES: 128,  # of all that the guest has; its network and its daemons take some, too. A huge page has 512
    "committed_pages": 128,
}
# what keeps the stack of whoever allocated or freed something, in pages of its own that are in no count of the kernel's
KEEP_STACKS = frozenset({"CONFIG_KASAN", "CONFIG_KMSAN", "CONFIG_DEBUG_KMEMLEAK", "CONFIG_PAGE_OWNER"})
CHARGE = "committed_pages"  # files on a tmpfs have some: other people's programs leave files behind
WORDS = {
    PAGES: "pages that nothing accounts for",
    "mlocked_pages": "locked pages",
    "committed_pages": "pages of commit charge",
}
EXACT = {"mounts": "mounts", "posix_shm": "files in /dev/shm", "sysv_shm": "segments of System V shared memory"}

_WORDS = re.compile(r"leaked -?\d+ |left (?:1 process|\d+ processes) behind ")


def leaks(run: Attempt) -> Iterator[str]:
    """Each thing that stayed, in words: "leaked 1200 vm_area_struct"."""
    if run.stuck:
        yield f"{counted(run.stuck, 'process')} could not be killed ({run.left_name})"
    elif run.left and run.dialect is Dialect.KTAP:  # a habit of other people's programs, no fault of the kernel
        yield f"left {counted(run.left, 'process')} behind ({run.left_name})"
    for count in run.counts:
        # a process that cannot end keeps all that it has: no leak of its own
        if not run.stuck and _is_leak(count) and (run.dialect is Dialect.KTAP or count.name != CHARGE):
            yield f"leaked {count.after - count.before} {(WORDS | EXACT).get(count.name, count.name)}"


def meaningful(counts: Sequence[Count], symbols: Collection[str]) -> tuple[Count, ...]:
    """The counts that say something about a kernel with these symbols."""
    return tuple(count for count in counts if count.name != PAGES or KEEP_STACKS.isdisjoint(symbols))


def is_leak(message: str) -> bool:
    """Whether a message is one of those of `leaks`, about something that stayed."""
    return _WORDS.match(message) is not None


def leak_metrics(run: Attempt) -> tuple[Metric, ...]:
    """The difference of each count, also where there is none."""
    return tuple(Metric(f"left.{count.name}", float(count.after - count.before), "objects") for count in run.counts)


def _is_leak(count: Count) -> bool:
    tolerated = 0 if count.name in EXACT else TOLERANCES.get(count.name, TOLERANCE)
    return count.after - count.before > tolerated
