"""Which cases a change is best tested by, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Learned:
    """What earlier runs saw a case execute on one kernel and kconfig. `commit` is the base's, `is_whole` whether every
    function of the kernel was looked at once, and not only those that some series changed."""

    case: str
    commit: str
    rates: tuple[tuple[str, float], ...] = ()  # a function, and how often a second; by name
    is_whole: bool = False

    @property
    def functions(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.rates)


@dataclass(frozen=True)
class Choice:
    """A case, in the order in which a change is best tested. `hits` are the changed functions that it is known to
    execute. Each program begins and ends, and so executes much of mm/ a little; therefore `share` is the sum, over
    these functions, of how often it executes one compared with the case that does it most. `words` is how much its
    name and tags have in common with the change, which is all that is known of a case that has not been learned."""

    case: str
    hits: tuple[str, ...]
    share: float
    is_learned: bool
    words: float

    @property
    def is_proposed(self) -> bool:
        return bool(self.hits) or (not self.is_learned and self.words > 0)


@dataclass(frozen=True)
class Selection:
    """All cases in order. `missed` are the changed functions that no case is known to execute, so far as that was
    learned: only error paths call them, they are new, this kconfig does not compile them, or they are inlined."""

    changed: tuple[str, ...]
    choices: tuple[Choice, ...]
    missed: tuple[str, ...] = ()
