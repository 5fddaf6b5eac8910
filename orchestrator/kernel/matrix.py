"""Which seeded bug was noticed by what: judged suites -> the kill matrix and its verdict. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import BOOT, CaseResult, SuiteReport
from orchestrator.model.series import Mutant
from orchestrator.model.splat import Splat

DELAYS = "delays"  # the property of a suite: boot parameters that delay


class Weapon(Enum):
    """What noticed a bug."""

    SPLAT = "kernel report"
    DATA = "data error"
    HANG = "hang"
    COUNTER = "counter"
    EXIT = "exit"


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    SKIPPED = "skipped"  # declared as equivalent or unobservable, or not run; the reason says which
    ERROR = "error"  # it could not be seeded or judged


@dataclass(frozen=True)
class Kill:
    """The evidence. `guest_s`: when it was there, by the kernel's clock where the kernel reported it; else the seconds
    that boot and cases had taken by then."""

    kconfig: str
    case: str  # a case, or boot
    weapon: Weapon
    evidence: str
    guest_s: float
    splats: tuple[Splat, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One case on one kconfig with one mutant."""

    kconfig: str
    case: str
    outcome: Outcome


@dataclass(frozen=True)
class Row:
    """One mutant: its fate, the first kill, and all that was run."""

    mutant: str
    group: str
    fate: Fate
    reason: str
    kill: Kill | None = None
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Matrix:
    rows: tuple[Row, ...]
    kconfigs: tuple[str, ...]
    cases: tuple[str, ...]

    def count(self, fate: Fate) -> int:
        return sum(row.fate is fate for row in self.rows)

    @property
    def median_kill_s(self) -> float | None:
        """Guest seconds to the kill, the median over the killed."""
        return statistics.median(row.kill.guest_s for row in self.rows if row.kill) if self.count(Fate.KILLED) else None


def row(mutant: Mutant, suites: Sequence[SuiteReport], *, not_run: str = "", refused: str = "") -> Row:
    """The row of a mutant from the suites that ran with it, in the order in which they ran.

    `refused`: why it could not be seeded. `not_run`: why nothing (more) was run.
    """
    cells = tuple(
        Cell(suite.kconfig, case.case, case.outcome)
        for suite in suites
        for case in suite.cases
        if case.outcome is not Outcome.SKIP
    )

    def made(fate: Fate, reason: str, kill: Kill | None = None) -> Row:
        return Row(mutant.name, mutant.group, fate, reason, kill, cells)

    if refused:
        return made(Fate.ERROR, refused)
    kill = next((kill for suite in suites if (kill := kill_of(suite))), None)
    if kill:
        return made(Fate.KILLED, "", kill)
    if failed := next((trouble for suite in suites if (trouble := _trouble(suite))), ""):
        return made(Fate.ERROR, failed)
    was_tried = any(cell.outcome is Outcome.PASS for cell in cells)
    if not_run and not was_tried:
        return made(Fate.SKIPPED, not_run)
    if not was_tried:
        return made(Fate.ERROR, "no case ran")
    return made(Fate.SURVIVED, f"nothing noticed it; {not_run}" if not_run else "nothing noticed it")


def kill_of(suite: SuiteReport) -> Kill | None:
    """The first evidence in a suite that something is wrong with its kernel.

    That a case did not get where it wanted to is the weakest: it counts when there is no other, and nothing was delayed
    on purpose.
    """
    boot = next((stage for stage in suite.stages if stage.stage == BOOT), None)
    if boot and boot.outcome.is_bad and boot.is_patch_fault:
        weapon = Weapon.SPLAT if any(splat.outcome.is_bad for splat in boot.splats) else Weapon.HANG
        return Kill(suite.kconfig, BOOT, weapon, boot.message, _splat_s(boot.splats) or boot.time_s, boot.splats)
    guest_s = boot.time_s if boot else 0.0
    idle: Kill | None = None
    for case in suite.cases:
        guest_s += case.earlier_s + case.time_s
        if not case.outcome.is_bad or case.is_host_fault or case.outcome is Outcome.ERROR:
            continue
        kill = Kill(
            suite.kconfig, case.case, weapon_of(case), case.message, _splat_s(case.splats) or guest_s, case.splats
        )
        if case.outcome is not Outcome.IDLE:
            return kill
        idle = idle or kill
    return None if dict(suite.properties).get(DELAYS) else idle


def weapon_of(case: CaseResult) -> Weapon:
    """What noticed it, the most telling first: what the kernel said, then what the program saw."""
    if any(splat.outcome.is_bad for splat in case.splats):
        return Weapon.SPLAT
    if case.outcome in (Outcome.TIMEOUT, Outcome.CRASH):
        return Weapon.HANG
    if case.outcome is Outcome.IDLE or case.message.startswith("leaked"):
        return Weapon.COUNTER
    return Weapon.DATA if any(subtest.outcome.is_bad for subtest in case.subtests) else Weapon.EXIT


def _splat_s(splats: Iterable[Splat]) -> float | None:
    """When the first failure among the reports was printed, by the kernel's clock."""
    first = next((splat for splat in splats if splat.outcome.is_bad), None)
    return first.time_s if first else None


def _trouble(suite: SuiteReport) -> str:
    """Why a suite says nothing about its kernel: the host's doing, or a stage that failed."""
    stage = next((stage for stage in suite.stages if stage.outcome.is_bad), None)
    if stage:
        return f"{stage.stage}: {stage.message}"
    case = next((case for case in suite.cases if case.is_host_fault or case.outcome is Outcome.ERROR), None)
    return f"{case.case}: {case.message}" if case else ""


def verdict(matrix: Matrix, controls: Mapping[str, SuiteReport], *, interrupted: bool = False) -> tuple[Verdict, str]:
    """What the matrix says, and one sentence why. A control is the same kernel with no bug switched on."""
    for suite in controls.values():
        stage = next((stage for stage in suite.stages if stage.outcome.is_bad), None)
        case = next((case for case in suite.cases if case.outcome.is_bad), None)
        if bad := (f"{stage.stage}: {stage.message}" if stage else f"{case.case}: {case.message}" if case else ""):
            return Verdict.NO_VERDICT, f"{suite.name}, with no bug switched on: {bad}"
    if interrupted:
        return Verdict.INTERRUPTED, "interrupted before all mutants had run"
    killed, survived = matrix.count(Fate.KILLED), matrix.count(Fate.SURVIVED)
    tried = killed + survived
    share = f"{killed} of {tried} seeded bugs killed" + (f" ({killed / tried:.0%})" if tried else "")
    left = [f"{matrix.count(fate)} {word}" for fate, word in ((Fate.SKIPPED, "skipped"), (Fate.ERROR, "in error"))
            if matrix.count(fate)]  # fmt: skip
    sentence = ", ".join([share, *left])
    if survived:
        names = ", ".join(row.mutant for row in matrix.rows if row.fate is Fate.SURVIVED)
        return Verdict.SURVIVED, f"{sentence}; survivors: {names}"
    if matrix.count(Fate.ERROR) or not killed:
        return Verdict.NO_VERDICT, sentence
    return Verdict.ALL_KILLED, sentence
