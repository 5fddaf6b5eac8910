"""Which patch of a series broke a case: judged kernels behind each patch -> the first bad patch, or what to run. Pure.

The case is known to fail with the whole series and not without it. On the kernels between it is run until
judge.bisection is sure enough, because a bad commit may pass by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.judge.bisection import BadCommit, RunNext, Tally, next_step
from orchestrator.judge.signature import NOTHING, Signature, signature
from orchestrator.judge.verdict import is_patch_failure
from orchestrator.model.kernel import Role
from orchestrator.model.report import SuiteReport

MOST_IN_VAIN = 3  # attempts behind a patch that say nothing about the failure
HIGHEST_RATE = 0.99  # that a bad kernel fails always is never known for sure


@dataclass(frozen=True)
class FirstBad:
    """The patch behind which a case began to fail. `label` is as in KernelFacts.patch; `earlier` names patches that may
    be at fault instead, because the kernels behind them cannot be tested."""

    case: str
    label: str
    confidence: float
    earlier: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        hidden = f", or one of {len(self.earlier)} before it that cannot be tested" if self.earlier else ""
        return f"{self.case} fails from patch {self.label} on{hidden} ({self.confidence:.1%} sure)"


def regressed_cases(whole: SuiteReport) -> tuple[str, ...]:
    """The cases that fail because of the series, so that patches can be bisected for them."""
    return tuple(case.case for case in whole.cases if case.comparison and is_patch_failure(case))


def first_bad_patch(behind: Sequence[SuiteReport], whole: SuiteReport, case: str, error: float) -> FirstBad | int:
    """The first bad patch, or the number (from 0) of the kernel on which the case has to be run once more; the whole
    series is the last one. `behind` are in the order of the patches."""
    kernels = [*behind, whole]
    marks = _marks(whole, case)
    tried = [_tried(kernel, case, marks) for kernel in kernels]
    end = tried[-1] or Tally()
    rate = min(HIGHEST_RATE, (end.fails + 0.5) / (end.runs + 1))
    step = next_step(tried, rate, 1 - error, new_commit_cost=0.0)
    if isinstance(step, RunNext):
        return step.index
    return _first_bad(step, kernels, case)


def _first_bad(found: BadCommit, kernels: Sequence[SuiteReport], case: str) -> FirstBad:
    earlier = tuple(_label(kernel) for kernel in kernels[found.first : found.index])
    return FirstBad(case, _label(kernels[found.index]), found.confidence, earlier)


def by_kconfig(suites: Sequence[SuiteReport]) -> list[tuple[list[SuiteReport], SuiteReport]]:
    """For each kconfig with kernels of single patches: those in the order of the patches, and the whole series."""
    found = []
    for whole in (suite for suite in suites if suite.role is Role.PATCHED):
        behind = [suite for suite in suites if suite.role is Role.PER_PATCH and suite.kconfig == whole.kconfig]
        if behind:
            found.append((sorted(behind, key=_number), whole))
    return found


def _number(suite: SuiteReport) -> int:
    """The number of a kernel's last patch, from the kernel's name: a kernel that was not built has no facts."""
    digits = suite.name.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0


def _label(suite: SuiteReport) -> str:
    return suite.facts.patch or suite.name


def _marks(whole: SuiteReport, case: str) -> Signature:
    """The marks of the failure: everything that the whole series showed."""
    return NOTHING.union(*(signature(found) or NOTHING for found in whole.attempts if found.case == case))


def _tried(kernel: SuiteReport, case: str, marks: Signature) -> Tally | None:
    """The attempts on one kernel; None if it cannot be tested: it does not get to the case, or the case says
    nothing about the failure, because a need is not met or it fails in another way."""
    attempts = [signature(finding) for finding in kernel.attempts if finding.case == case]
    found = [one for one in attempts if one is not None and (not one or one & marks)]
    if not found and (len(attempts) >= MOST_IN_VAIN or any(stage.is_end for stage in kernel.stages)):
        return None
    return Tally(sum(map(bool, found)), sum(not one for one in found))
