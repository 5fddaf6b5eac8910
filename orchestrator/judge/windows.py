"""Whose a part of a guest's console is. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.model.attempt import Attempt
from orchestrator.model.kernel_report import KernelReport


@dataclass(frozen=True)
class Window:
    """Bytes of a guest's console. `end` None: to its end."""

    guest: int
    start: int
    end: int | None


def window_of(attempt: Attempt, starts: Sequence[int]) -> Window | None:
    """The console bytes of an attempt: from its start to the start of the next one on the same guest, of those that
    `starts` has in their order. None if it had no guest.

    A kernel report between the end of a case and the beginning of the next is a late effect of the earlier case. What
    the kernel says during an examination answers our own questions.
    """
    if not attempt.console:
        return None
    next_one = bisect_right(starts, attempt.console_from)
    end = starts[next_one] if next_one < len(starts) else attempt.examined_at
    return Window(attempt.guest, attempt.console_from, end)


def starts_of(attempts: Iterable[Attempt]) -> defaultdict[int, list[int]]:
    """The console offsets at which attempts begin on each guest, in their order."""
    found = defaultdict[int, list[int]](list)
    for attempt in sorted(attempts, key=lambda attempt: attempt.console_from):
        if attempt.console:
            found[attempt.guest].append(attempt.console_from)
    return found


def reports_in(kernel_reports: Sequence[KernelReport], window: Window) -> tuple[KernelReport, ...]:
    """Those that begin in a window, of reports in the order of the log."""
    first = bisect_left(kernel_reports, window.start, key=lambda kernel_report: kernel_report.offset)
    if window.end is None:
        return tuple(kernel_reports[first:])
    return tuple(kernel_reports[first : bisect_left(kernel_reports, window.end, first, key=lambda one: one.offset)])
