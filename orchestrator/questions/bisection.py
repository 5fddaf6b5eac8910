"""Which commit broke a case? git's bisection, with each commit tested until it is settled.

The bad end is run until it has failed a few times, which shows how often it fails. A commit that fails once in the same
way is bad, because the good end never fails. A commit is good if it passes so often that a bad one would hardly have
done so; the accepted probability of an error is spread over all steps. Pure, except that git chooses the next commit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from orchestrator.judge.signature import NOTHING, Signature, signature
from orchestrator.model.attempt import Planned
from orchestrator.model.job import Build, Job, Session
from orchestrator.model.kernel import Role, Source, Variant
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import SuiteReport
from orchestrator.model.request import Plan
from orchestrator.model.subject import Subject
from orchestrator.questions.question import Known
from orchestrator.words import counted

ENOUGH_FAILURES = 3  # of the bad end: from then on its rate is known well enough
MOST_RUNS = 60  # of the bad end: what fails less often than this shows cannot be bisected in a night
AT_ONCE = 12  # attempts in one session
COARSE = ("outcome: ", "kind of report: ")

Candidates = Callable[[Sequence[str], str], Sequence[str]]  # of good commits and a bad one: what to test, best first


class State(Enum):
    """What is known about a commit."""

    GOOD = "good"
    BAD = "bad"
    SKIPPED = "cannot be tested"
    OPEN = "not settled"


@dataclass(frozen=True)
class BisectedCommit:
    """One commit, and what its attempts say."""

    commit: str
    state: State
    fails: int = 0
    passes: int = 0
    why: str = ""  # it cannot be tested


@dataclass(frozen=True)
class BisectionState:
    """The state of the bisection. `suspects` is one commit if it was found, and several if those between cannot be
    tested. `trouble` says why there is no answer."""

    tried: tuple[BisectedCommit, ...]
    suspects: tuple[str, ...] = ()
    trouble: str = ""
    open: BisectedCommit | None = None  # what has to be tested next; None: it is over

    @property
    def is_found(self) -> bool:
        return len(self.suspects) == 1 and not self.trouble and self.open is None


@dataclass(frozen=True)
class Bisection:
    """Between two commits of a tree, about one case on one variant."""

    plan: Plan
    variant: Variant
    case: str
    good: str
    bad: str
    candidates: Candidates
    steps: int  # about how many commits will be tested

    def next(self, known: Known) -> Sequence[Job]:
        """One session at a time; a commit that does not build ends with its build."""
        if any(not known.is_over(job) for job in known.issued):
            return []
        result = self.result(known.report)
        if result.open is None:
            return []
        subject = self.subject(result.open.commit)
        build = Build(subject)
        if build not in known.issued:
            return [build]
        is_end = result.open.commit == self.bad
        made = result.open.fails + result.open.passes
        # the bad end first as often as it would have to fail, then as often as it was run so far
        wanted = max(ENOUGH_FAILURES, 2 * made) if is_end else self._passes_needed(result.tried[0])
        count = max(1, min(AT_ONCE, wanted - made))
        attempts = tuple(Planned(self.case, self.plan.request.seed + made + at) for at in range(count))
        number = 1 + sum(isinstance(job, Session) for job in known.of(subject))
        return [Session(subject, attempts, number, stop_at_failure=not is_end)]

    def subject(self, commit: str) -> Subject:
        kernel = replace(self.plan.kernel(self.variant), source=Source(self.plan.source.tree, commit))
        return Subject(kernel, Role.BISECTED, f"{self.variant.name}.{commit[:12]}")

    def result(self, report: Callable[[Subject], SuiteReport | None]) -> BisectionState:
        """What all attempts so far say, from the ends to the middle."""
        wanted = self._wanted(report(self.subject(self.bad)))
        end = self._tried(self.bad, report, wanted, None)
        if end.state is State.SKIPPED or (end.state is State.OPEN and end.fails + end.passes >= MOST_RUNS):
            why = end.why or f"it failed {end.fails} of {end.fails + end.passes} times"
            return BisectionState((end,), trouble=f"the bad commit is no place to start from: {why}")
        if end.state is State.OPEN:
            return BisectionState((end,), open=end)
        passes = self._passes_needed(end)
        start = self._tried(self.good, report, wanted, passes)
        tried = [end, start]
        if start.state is State.OPEN:
            return BisectionState(tuple(tried), open=start)
        if start.state is not State.GOOD:
            why = start.why or "the case fails there, too"
            return BisectionState(tuple(tried), trouble=f"the good commit is none: {why}")
        good, bad, skipped = [self.good], self.bad, set[str]()
        while True:
            suspects = tuple(self.candidates(good, bad))
            commit = next((one for one in suspects if one != bad and one not in skipped), None)
            if commit is None:
                return BisectionState(tuple(tried), suspects)
            found = self._tried(commit, report, wanted, passes)
            tried.append(found)
            if found.state is State.OPEN:
                return BisectionState(tuple(tried), suspects, open=found)
            if found.state is State.BAD:
                bad = commit
            elif found.state is State.GOOD:
                good.append(commit)
            else:
                skipped.add(commit)

    def _passes_needed(self, end: BisectedCommit) -> int:
        """How often a commit has to pass, so that a bad one would do so with a probability of at most error/steps. The
        rate is taken to be a little lower than the one seen on the bad end."""
        rate = end.fails / (end.fails + end.passes + 1)
        return max(1, math.ceil(math.log(self.plan.request.error / self.steps) / math.log1p(-rate)))

    def _wanted(self, report: SuiteReport | None) -> Signature:
        """What identifies the failure on the bad end: the marks that tell it apart from others."""
        found = [signature(finding) or NOTHING for finding in report.attempts] if report else []
        marks = NOTHING.union(*found)
        return frozenset(mark for mark in marks if not mark.startswith(COARSE)) or marks

    def _tried(
        self, commit: str, report: Callable[[Subject], SuiteReport | None], wanted: Signature, passes: int | None
    ) -> BisectedCommit:
        """So many passes are enough to call it good; None: it is the bad end, which is to fail."""
        found = report(self.subject(commit))
        if found is None:
            return BisectedCommit(commit, State.OPEN)
        if why := _why_untestable(found):
            return BisectedCommit(commit, State.SKIPPED, why=why)
        marks = [one for finding in found.attempts if (one := signature(finding)) is not None]
        fails, passed = sum(bool(one & wanted) for one in marks), sum(not one for one in marks)
        if fails >= (ENOUGH_FAILURES if passes is None else 1):
            return BisectedCommit(commit, State.BAD, fails, passed)
        if passes is not None and passed >= passes:
            return BisectedCommit(commit, State.GOOD, fails, passed)
        if passes is not None and (others := len(marks) - fails - passed) > passes:
            why = f"it failed {counted(others, 'time')} in other ways"
            return BisectedCommit(commit, State.SKIPPED, fails, passed, why)
        if (silent := len(found.attempts) - len(marks)) > AT_ONCE + len(marks):
            return BisectedCommit(commit, State.SKIPPED, fails, passed, f"{counted(silent, 'attempt')} said nothing")
        return BisectedCommit(commit, State.OPEN, fails, passed)


def _why_untestable(report: SuiteReport) -> str:
    """Empty if the kernel can boot guests, or if nothing is known yet."""
    if bad := next((stage for stage in report.stages if stage.is_end), None):
        return f"{bad.stage}: {bad.message}"
    return next((case.message or "it was skipped" for case in report.cases if case.outcome is Outcome.SKIP), "")
