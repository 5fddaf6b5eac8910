"""How things end, and what a whole run says."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntEnum


class Outcome(IntEnum):
    """How something ended, in order of severity."""

    PASS = 0
    SKIP = 1
    NOT_EXERCISED = 2  # it ran, nothing went wrong, and it did not exercise what it is there for: proves nothing
    FAIL = 3
    TIMEOUT = 4
    CRASH = 5
    ERROR = 6

    @property
    def is_bad(self) -> bool:
        """Something went wrong. NOT_EXERCISED proves nothing either way."""
        return self >= Outcome.FAIL

    @property
    def is_ok(self) -> bool:
        """What a test program calls "ok". A subtest that did not exercise its code is "not ok", though not bad."""
        return self <= Outcome.SKIP


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The one reducer of outcomes. No outcome at all is an ERROR: a run that ran nothing is never green."""
    return max(outcomes, default=Outcome.ERROR)


class Verdict(Enum):
    """The verdict of a run, with its exit status."""

    CLEAN = "nothing regressed"
    PATCH_AT_FAULT = "the patch is at fault"
    NO_VERDICT = "no verdict: the host, a tool or the base is at fault"
    BAD_REQUEST = "the request cannot be carried out"
    FAILED = "something failed, though nothing regressed"  # --strict
    INTERRUPTED = "interrupted"
    ALL_KILLED = "every mutant was killed"
    SURVIVED = "mutants survived"

    @property
    def exit_status(self) -> int:
        return {
            Verdict.CLEAN: 0,
            Verdict.PATCH_AT_FAULT: 1,
            Verdict.FAILED: 1,
            Verdict.BAD_REQUEST: 2,
            Verdict.NO_VERDICT: 3,
            Verdict.INTERRUPTED: 130,
            Verdict.ALL_KILLED: 0,
            Verdict.SURVIVED: 1,
        }[self]
