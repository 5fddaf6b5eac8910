"""Changed statements + where others may come between -> where CPUs are to stand still now and then. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

# What comes too late opens a window before itself, what is missing one behind, up to the next things that others can
# notice. Twice as many behind: a lock that was not taken is missed to the end of its section
BEFORE, BEHIND = 3, 6


def places(
    statements: Iterable[int], between: Sequence[int], span: Callable[[int], tuple[int, int]]
) -> tuple[int, ...]:
    """The nearest of the ascending addresses `between` that lie in the functions of the statements' addresses,
    ascending. `span`: where the function of an address begins, and its end, exclusive."""
    chosen: set[int] = set()
    for address in statements:
        start, end = span(address)
        at = bisect_left(between, address)
        chosen.update(one for one in between[max(at - BEFORE, 0) : at + BEHIND] if start <= one < end)
    return tuple(sorted(chosen))
