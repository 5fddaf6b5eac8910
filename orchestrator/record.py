"""What a run leaves in its directory: written as it happens, read again by resume, classify and report.

RUN_DIR/
  mutation.json matrix.json       of mutants (orchestrate mutants): each is a SUITE named KCONFIG.MUTANT
  run.json  report.json  junit.xml  reproduce.sh  patches/
  SUITE/                      KCONFIG.VARIANT
    suite.json                stages so far, the cases' records, facts about kernel and guest
    config  logs/STAGE.log
    guest-N/console.log       and .times, qemu.argv, qemu.stderr, keys
    cases/NAME/stdout stderr result.json
    cases/NAME/report-N.txt   what the kernel reported while it ran, decoded; of a stage: logs/STAGE-report-N.txt
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from orchestrator import host_time
from orchestrator.codec import decode, encode
from orchestrator.errors import UsageError
from orchestrator.host_time import HostTime
from orchestrator.model.case_run import CaseRun
from orchestrator.model.kernel import Variant
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.report import BOOT, StageResult
from orchestrator.model.request import Request
from orchestrator.model.series import Mutant
from orchestrator.store import write_atomically

T = TypeVar("T")
# The share of the host's CPU time from which on others are worth a note: more than its housekeeping takes
CROWDED = 0.1


@dataclass(frozen=True)
class RunRecord:
    """The request and what it resolved to. `key` tells whether another request is the same one."""

    request: Request
    key: str
    series: str
    series_digest: str
    started: str
    finished: bool = False
    time_s: float = 0.0  # spent on it so far, over all resumptions
    lost_s: float = 0.0  # of that, for how long the host's CPUs worked for others
    notes: tuple[str, ...] = ()
    known: tuple[KnownIssue, ...] = ()
    subjects: tuple[str, ...] = ()  # of the patches, in the order of the files in patches/

    def remarks(self, *, had_guests: bool) -> tuple[str, ...]:
        """The notes, and whether the host had much else to do while there were guests to be slowed down."""
        share = self.lost_s / self.time_s if self.time_s and had_guests else 0.0
        if share < CROWDED or self.request.freeze:  # a QEMU that outlives us counts as another's
            return self.notes
        what = f"other programs had {share:.0%} of this host's CPU time: races are met less often"
        return (*self.notes, f"{what}, and speeds are not comparable")


@dataclass(frozen=True)
class MutationRecord:
    """What a mutation run for mutants was about. `refused` and `not_run` are names with reasons."""

    mutants: tuple[Mutant, ...]
    kconfigs: tuple[str, ...]
    cases: tuple[str, ...]
    refused: tuple[tuple[str, str], ...] = ()
    not_run: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Try:
    """A case was begun on guest number `guest`, when its console had so many bytes. What the kernel says from there on
    is about this case, also where the try has no record: it was interrupted, or is not the last."""

    case: str
    guest: int
    console_from: int


@dataclass(frozen=True)
class SuiteRecord:
    """One suite so far. `facts` are properties for the report: kernel release, compiler, accelerator... Guests before
    `first_guest` ran another kernel or other programs, and count no more."""

    name: str
    kconfig: str
    variant: Variant
    started: str
    stages: tuple[StageResult, ...] = ()
    runs: tuple[CaseRun, ...] = ()
    guests: int = 0
    facts: tuple[tuple[str, str], ...] = ()
    tries: tuple[Try, ...] = ()
    first_guest: int = 0

    @property
    def numbers(self) -> range:
        """Of the guests that count."""
        return range(self.first_guest, self.guests)

    def all_over(self) -> SuiteRecord:
        """Without anything that was found out in guests."""
        stages = tuple(stage for stage in self.stages if stage.stage != BOOT)
        return replace(self, stages=stages, runs=(), tries=(), first_guest=self.guests)

    def with_try(self, made: Try) -> SuiteRecord:
        return replace(self, tries=(*self.tries, made))

    def with_stage(self, stage: StageResult) -> SuiteRecord:
        """A stage that ran again (after a resume) replaces its earlier result."""
        return replace(self, stages=(*(s for s in self.stages if s.stage != stage.stage), stage))

    def with_run(self, run: CaseRun) -> SuiteRecord:
        return replace(self, runs=(*self.without_run(run.case).runs, run))

    def without_run(self, case: str) -> SuiteRecord:
        return replace(self, runs=tuple(run for run in self.runs if run.case != case))

    def with_facts(self, **facts: str) -> SuiteRecord:
        return replace(self, facts=tuple({**dict(self.facts), **facts}.items()))


def save(value: RunRecord | SuiteRecord | MutationRecord | CaseRun, path: Path) -> None:
    write_atomically(path, json.dumps(encode(value), indent=1).encode() + b"\n")


def load(kind: type[T], path: Path) -> T:
    """Raises UsageError when the file is not what a run of ours wrote."""
    try:
        return decode(kind, json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist: not a run directory?") from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}", hint="another version of orchestrate may have written it"
        ) from error


def finish(path: Path, began: HostTime, *, is_interrupted: bool) -> None:
    """Add what was spent on a run since it began to its record, and whether it is over. Its programs have ended."""
    record, now = load(RunRecord, path), host_time.read()
    time_s, lost_s = record.time_s + now.wall_s - began.wall_s, record.lost_s + began.lost_s(now)
    save(replace(record, time_s=round(time_s, 3), lost_s=round(lost_s, 3), finished=not is_interrupted), path)


def suites_of(run_dir: Path) -> tuple[SuiteRecord, ...]:
    """The suites of a run, patched ones first, in the order in which they began."""
    found = [load(SuiteRecord, path) for path in run_dir.glob("*/suite.json")]
    return tuple(sorted(found, key=lambda suite: (suite.variant is Variant.BASELINE, suite.started, suite.name)))
