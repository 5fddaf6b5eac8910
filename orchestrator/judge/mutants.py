"""Which mutant was killed by what: judged suites -> the kill matrix and its verdict. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import UNLOCKED_WRITE, KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import BOOT, Finding, StageResult, SuiteReport
from orchestrator.model.series import Mutant
from orchestrator.parse.results import ktap

SERIES_ALONE = ("apply", "configure", "screen")  # the stages of a mutation run that see no mutant


class Detector(Enum):
    """What noticed a mutant."""

    KERNEL_REPORT = "kernel report"
    DATA = "data error"
    HANG = "hang"
    COUNTER = "counter"
    VMA_WRITES = "watch of VMA writes"
    EXIT = "exit"


class MutantStatus(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    SKIPPED = "skipped"  # declared as equivalent or unobservable, or not run; the reason says which
    ERROR = "error"  # it could not be applied or judged


TESTED = (MutantStatus.KILLED, MutantStatus.SURVIVED)
HUNG = frozenset({Outcome.TIMEOUT, Outcome.CRASH})
NOT_RUN = "not run: "  # begins the reason of a mutant of lines that no case executes


@dataclass(frozen=True)
class Kill:
    """The evidence. `guest_s` is when it appeared: by the kernel's clock if the kernel reported it, else the seconds
    that boot and cases had taken. `also`: what would have noticed it in the same attempt without `detector`.
    `attempt`: which one of the case it was."""

    kconfig: str
    case: str  # a case, or boot
    detector: Detector
    evidence: str
    guest_s: float
    kernel_reports: tuple[KernelReport, ...] = ()
    also: tuple[Detector, ...] = ()
    attempt: int = 1

    @property
    def detectors(self) -> tuple[Detector, ...]:
        return (self.detector, *self.also)


@dataclass(frozen=True)
class Cell:
    """One case on one kconfig with one mutant."""

    kconfig: str
    case: str
    outcome: Outcome


@dataclass(frozen=True)
class MutantRow:
    """One mutant: its status, the first kill, and all that was run."""

    mutant: str
    group: str
    status: MutantStatus
    reason: str
    kill: Kill | None = None
    cells: tuple[Cell, ...] = ()
    breaks: str = ""  # what is wrong with it
    place: str = ""  # this and the next: of a generated one. FILE: FUNCTION()
    hunk: str = ""  # FILE:FIRST-LAST of the series' lines that it tests
    diff: str = field(default="", repr=False)  # of a survivor


@dataclass(frozen=True)
class HunkResult:
    """What came of the generated mutants of one hunk. `not_run` are those of lines that no case executes, `kills` in
    the order of their times."""

    hunk: str
    place: str
    kills: tuple[Kill, ...]
    survivors: tuple[str, ...]
    not_run: int

    @property
    def tested(self) -> int:
        return len(self.kills) + len(self.survivors)


@dataclass(frozen=True)
class Matrix:
    """All mutants of a run, with the kconfigs and the cases that they were tested on."""

    rows: tuple[MutantRow, ...]
    kconfigs: tuple[str, ...]
    cases: tuple[str, ...]

    def count(self, status: MutantStatus) -> int:
        return sum(row.status is status for row in self.rows)

    @property
    def tested(self) -> int:
        return sum(row.status in TESTED for row in self.rows)

    def noticed_by(self, detector: Detector) -> int:
        """How many kills there would be if nothing but this detector counted. At least: an attempt that a kernel
        report or a hang ends cannot show more, and no further attempt follows a kill."""
        return sum(detector in row.kill.detectors for row in self.rows if row.kill)

    @property
    def at_first_try(self) -> int:
        """How many kills there would be if each case had one attempt."""
        return sum(row.kill.attempt == 1 for row in self.rows if row.kill)

    @property
    def by_hunk(self) -> tuple[HunkResult, ...]:
        """The hunks that generated mutants test or would test, as the mutants name them."""
        found: dict[str, list[MutantRow]] = {}
        for row in self.rows:
            if row.hunk and (row.status in TESTED or row.reason.startswith(NOT_RUN)):
                found.setdefault(row.hunk, []).append(row)
        return tuple(
            HunkResult(
                hunk,
                rows[0].place,
                tuple(sorted((row.kill for row in rows if row.kill), key=lambda kill: kill.guest_s)),
                tuple(row.mutant for row in rows if row.status is MutantStatus.SURVIVED),
                sum(row.status is MutantStatus.SKIPPED for row in rows),
            )
            for hunk, rows in found.items()
        )

    @property
    def median_kill_s(self) -> float | None:
        """Guest seconds to the kill, the median over the killed."""
        return (
            statistics.median(row.kill.guest_s for row in self.rows if row.kill)
            if self.count(MutantStatus.KILLED)
            else None
        )


def row_of(
    mutant: Mutant,
    suites: Sequence[SuiteReport],
    controls: Mapping[str, SuiteReport] = MappingProxyType({}),
    *,
    not_run: str = "",
    refused: str = "",
) -> MutantRow:
    """The row of a mutant from the suites that ran with it, in the order in which they ran.

    `controls`: by kconfig, the same kernels with no mutant switched on. `refused`: why it could not be applied.
    `not_run`: why nothing (more) was run.
    """
    cells = tuple(
        Cell(suite.kconfig, case.case, case.outcome)
        for suite in suites
        for case in suite.cases
        if case.outcome is not Outcome.SKIP
    )

    def made(status: MutantStatus, reason: str, kill: Kill | None = None) -> MutantRow:
        diff = mutant.diff.decode("utf-8", "replace") if status is MutantStatus.SURVIVED else ""
        about = (mutant.breaks, mutant.place, mutant.hunk, diff)
        return MutantRow(mutant.name, mutant.group, status, reason, kill, cells, *about)

    if refused:
        return made(MutantStatus.ERROR, refused)
    kill = next((kill for suite in suites if (kill := kill_of(suite, controls.get(suite.kconfig)))), None)
    if kill:
        return made(MutantStatus.KILLED, "", kill)
    if failed := next((trouble for suite in suites if (trouble := _trouble(suite))), ""):
        return made(MutantStatus.ERROR, failed)
    was_tried = any(cell.outcome is Outcome.PASS for cell in cells)
    if not_run and not was_tried:
        return made(MutantStatus.SKIPPED, not_run)
    if not was_tried:
        return made(MutantStatus.ERROR, "no case ran")
    return made(MutantStatus.SURVIVED, f"nothing noticed it; {not_run}" if not_run else "nothing noticed it")


def kill_of(suite: SuiteReport, control: SuiteReport | None = None) -> Kill | None:
    """The first evidence in a suite that something is wrong with its kernel.

    A case that did not exercise its code is the weakest evidence: it counts only if there is no other, nothing was
    delayed on purpose, and the control, the same kernel with no mutant switched on, always exercised it.
    """
    boot = next((stage for stage in suite.stages if stage.stage == BOOT), None)
    if boot and boot.outcome.is_bad and boot.is_patch_fault:
        detector = next((one for one, noticed in _reported(boot.kernel_reports).items() if noticed), Detector.HANG)
        seconds = _kernel_report_s(boot.kernel_reports) or boot.time_s
        return Kill(suite.kconfig, BOOT, detector, boot.message, seconds, boot.kernel_reports)
    guest_s = boot.time_s if boot else 0.0
    idle = {found.case for found in control.attempts if found.outcome is Outcome.NOT_EXERCISED} if control else set()
    weak: Kill | None = None
    for found in suite.attempts:
        guest_s += found.time_s
        is_weak = found.outcome is Outcome.NOT_EXERCISED
        if found.is_host_fault or found.outcome is Outcome.ERROR or not (found.outcome.is_bad or is_weak):
            continue
        seconds = _kernel_report_s(found.kernel_reports) or guest_s
        first, *also = detectors_of(found)
        shown = (_evidence(found, first), seconds, found.kernel_reports)
        kill = Kill(suite.kconfig, found.case, first, *shown, also=tuple(also), attempt=found.number)
        if not is_weak:
            return kill
        weak = weak or (kill if found.case not in idle else None)
    return None if suite.facts.delays else weak


def detectors_of(case: Finding) -> tuple[Detector, ...]:
    """What noticed the mutant. The kernel's reports come first, then what the program saw, then what we have watched. A
    hang that a kernel report explains is the report's alone. A subtest that was never reached has noticed nothing."""
    said = max((found.outcome for found in case.kernel_reports if found.outcome.is_bad), default=Outcome.PASS)
    bad = {subtest.outcome for subtest in case.subtests if subtest.outcome.is_bad and not ktap.is_missing(subtest)}
    reported = _reported(case.kernel_reports)
    noticed = {
        Detector.KERNEL_REPORT: reported[Detector.KERNEL_REPORT],
        Detector.HANG: bool(bad & HUNG) or (case.run_outcome in HUNG and case.run_outcome > said),
        Detector.COUNTER: case.outcome is Outcome.NOT_EXERCISED or case.message.startswith("leaked"),
        Detector.DATA: bool(bad - HUNG),
        Detector.VMA_WRITES: reported[Detector.VMA_WRITES],
    }
    return tuple(detector for detector, has_noticed in noticed.items() if has_noticed) or (Detector.EXIT,)


def _evidence(found: Finding, detector: Detector) -> str:
    """What the detector has noticed. A message begins with reports, if there are some."""
    worst = max((one for one in found.subtests if one.outcome.is_bad), key=lambda one: one.outcome, default=None)
    if detector in (Detector.DATA, Detector.HANG) and worst and any(map(_is_ours, found.kernel_reports)):
        return f"{worst.name}: {worst.message or 'not ok'}"
    return found.message


def _is_ours(kernel_report: KernelReport) -> bool:
    return kernel_report.kind == UNLOCKED_WRITE


def _reported(kernel_reports: Iterable[KernelReport]) -> dict[Detector, bool]:
    """Whether the kernel has reported something, and whether we have in its console."""
    ours = {_is_ours(kernel_report) for kernel_report in kernel_reports if kernel_report.outcome.is_bad}
    return {Detector.KERNEL_REPORT: False in ours, Detector.VMA_WRITES: True in ours}


def _kernel_report_s(kernel_reports: Iterable[KernelReport]) -> float | None:
    """When the first failure among the reports was printed, by the kernel's clock."""
    first = next((kernel_report for kernel_report in kernel_reports if kernel_report.outcome.is_bad), None)
    return first.time_s if first else None


def _trouble(suite: SuiteReport) -> str:
    """Why a suite says nothing about its kernel: the host was at fault, or a stage failed."""
    stage = next((stage for stage in suite.stages if stage.outcome.is_bad), None)
    if stage:
        return f"{stage.stage}: {stage.message}"
    case = next((case for case in suite.cases if case.is_host_fault or case.outcome is Outcome.ERROR), None)
    return f"{case.case}: {case.message}" if case else ""


def mutation_verdict(
    matrix: Matrix, controls: Mapping[str, SuiteReport], *, interrupted: bool = False
) -> tuple[Verdict, str]:
    """The verdict of the matrix, and one sentence why. A control is the same kernel with no mutant switched on."""
    for suite in controls.values():
        stage = next((stage for stage in suite.stages if stage.outcome.is_bad), None)
        case = next((case for case in suite.cases if case.outcome.is_bad), None)
        if bad := (f"{stage.stage}: {stage.message}" if stage else f"{case.case}: {case.message}" if case else ""):
            has_mutants = suite.role is Role.MUTATED and (stage is None or stage.stage not in SERIES_ALONE)
            return _of_control(
                suite, stage
            ), f"{suite.name}{', with no mutant switched on' if has_mutants else ''}: {bad}"
    if interrupted:
        return Verdict.INTERRUPTED, "interrupted before all mutants had run"
    killed, survived = matrix.count(MutantStatus.KILLED), matrix.count(MutantStatus.SURVIVED)
    tried = killed + survived
    share = f"{killed} of {tried} mutants killed" + (f" ({killed / tried:.0%})" if tried else "")
    others = ((matrix.count(MutantStatus.SKIPPED), "skipped"), (matrix.count(MutantStatus.ERROR), "in error"))
    left = [f"{count} {word}" for count, word in others if count]
    sentence = ", ".join([share, *left])
    if survived:
        names = ", ".join(row.mutant for row in matrix.rows if row.status is MutantStatus.SURVIVED)
        return Verdict.SURVIVED, f"{sentence}; survivors: {names}"
    if matrix.count(MutantStatus.ERROR) or not killed:
        return Verdict.NO_VERDICT, sentence
    return Verdict.ALL_KILLED, sentence


def _of_control(suite: SuiteReport, stage: StageResult | None) -> Verdict:
    """Whose fault it is that no mutant can be tested. Later stages see the mutants' text too, and cases the delay
    points: there a failure may be ours."""
    if stage and (suite.role is Role.PATCHED or stage.stage in SERIES_ALONE):
        if stage.is_patch_fault:
            return Verdict.PATCH_AT_FAULT
        if stage.is_request_fault:
            return Verdict.BAD_REQUEST
    return Verdict.NO_VERDICT
