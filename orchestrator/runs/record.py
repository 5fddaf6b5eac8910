"""What a run leaves in its directory: written as it happens, read again by resume, classify and report.

RUN_DIR/
  run.json  report.json  junit.xml  report.html  reproduce.sh  patches/
  base-patches/               those that the series requires and that belong to the base, where there are any
  summary.md annotations.txt report.sarif badge.svg   what CI shows
  kcidb.json squad.json reply.mbox   what other systems take, and the authors of the series
  mutation.json matrix.json   of a mutation run: each mutant is a SUBJECT named KCONFIG.MUTANT
  SUBJECT/                    KCONFIG.ROLE
    kernel.json               stages so far, attempts, facts about kernel and guests
    config  logs/STAGE.log
    coverage.json             the changed statements, instructions and jumps; coverage.addresses* for QEMU's plugin
    stalls.addresses          where the CPUs of its guests stand still now and then, for QEMU's plugin
    cost.json                 what differs between the builds with and without the series
    guest-N/console.log       and .times, qemu.argv, qemu.stderr, keys; stalls, counters, coverage.txt: of its boot
    cases/NAME/N/             the N-th attempt: stdout stderr result.json coverage.txt
    cases/NAME/N/report-M.txt what the kernel reported meanwhile, decoded; of a stage: logs/STAGE-report-M.txt
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.codec import decode, encode, parse
from orchestrator.errors import Fault, UsageError
from orchestrator.host import bounded, load
from orchestrator.host.load import HostTime
from orchestrator.model.attempt import Attempt
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.night import NightItem
from orchestrator.model.planned import PlannedKernel
from orchestrator.model.report import BOOT, BaseResult, StageResult
from orchestrator.model.request import Request
from orchestrator.model.series import Envelope, Mutant, Origin
from orchestrator.runs import record_checks
from orchestrator.storage.store import write_atomically

T = TypeVar("T")
# The share of the host's CPU time from which on others are worth a note: more than its housekeeping takes
CROWDED = 0.1
KERNEL = "kernel.json"
PATCHES, BASE_PATCHES = "patches", "base-patches"


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
    planned: tuple[PlannedKernel, ...] = ()
    trouble: str = ""  # what ended the run outside of any stage: then it is not finished
    trouble_fault: Fault = Fault.INFRASTRUCTURE  # whose that is
    message_ids: tuple[str, ...] = ()  # of the patches, "" where a patch is no mail
    commits: tuple[str, ...] = ()  # of the patches, "" where a patch is none of the user's own tree
    origin: Origin | None = None
    arch: str = ""  # of the kernels
    compiler: str = ""  # its version line; its name where it is not installed
    version: str = ""  # of orchestrate
    command: str = ""  # the line that began it, to be pasted: the same one resumes it
    order: str = ""  # why the cases were run in their order
    id: str = ""  # random, so that a copy of the directory is known to be the same run; of an old run empty
    mails: tuple[Envelope, ...] = ()  # of the series
    night: NightItem | None = None  # what it is in the night that began it

    @property
    def is_interrupted(self) -> bool:
        """Whether the user, or the end of the machine, ended it."""
        return not self.finished and not self.trouble

    def remarks(self, *, had_guests: bool) -> tuple[str, ...]:
        """The notes, and whether the host was busy with other work while guests could be slowed down by it."""
        share = self.lost_s / self.time_s if self.time_s and had_guests else 0.0
        if share < CROWDED or self.request.freeze:  # a QEMU that outlives us counts as another's
            return self.notes
        what = f"other programs had {share:.0%} of this host's CPU time"
        if self.request.perf:
            return (*self.notes, f"{what}: fewer pairs fit into the budget. Instructions are counted, and not time")
        return (*self.notes, f"{what}: races are met less often, and speeds are not comparable")


@dataclass(frozen=True)
class MutationRecord:
    """The subject of a mutation run. `refused` and `not_run` are names with reasons."""

    mutants: tuple[Mutant, ...]
    kconfigs: tuple[str, ...]
    cases: tuple[str, ...]
    refused: tuple[tuple[str, str], ...] = ()
    not_run: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class KernelRecord:
    """One kernel so far. Guests before `first_guest` ran another build or other programs: they and their attempts do
    not count."""

    name: str
    kconfig: str
    role: Role
    started: str
    stages: tuple[StageResult, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    guests: int = 0
    facts: KernelFacts = field(default_factory=KernelFacts)
    first_guest: int = 0
    superseded: tuple[Attempt, ...] = ()  # those that do not count any more
    earlier_base: tuple[BaseResult, ...] = ()  # what earlier runs found out about its base
    without_guest: tuple[str, ...] = ()  # cases of which no attempt needs a guest

    @property
    def numbers(self) -> range:
        """The numbers of the guests that count."""
        return range(self.first_guest, self.guests)

    @property
    def unmarked(self) -> tuple[Attempt, ...]:
        """The attempts whose end the guest did not mark in time."""
        return tuple(attempt for attempt in self.attempts if attempt.is_unmarked)

    def all_over(self) -> KernelRecord:
        """The record without anything found out in guests."""
        stages = tuple(stage for stage in self.stages if stage.stage != BOOT)
        superseded = (*self.superseded, *self.attempts)
        return replace(self, stages=stages, attempts=(), superseded=superseded, first_guest=self.guests)

    def with_stage(self, stage: StageResult) -> KernelRecord:
        """A stage that ran again (after a resume) replaces its earlier result. But a kernel that failed to boot once
        stays one that does not always boot, however many of its guests boot later."""
        before = next((one for one in self.stages if one.stage == stage.stage), None)
        if stage.stage == BOOT and before and before.is_patch_fault and not stage.is_patch_fault:
            return self
        return replace(self, stages=(*(s for s in self.stages if s.stage != stage.stage), stage))

    def next_number(self, case: str) -> int:
        """Of the next attempt of a case."""
        made = [attempt.number for attempt in (*self.attempts, *self.superseded) if attempt.case == case]
        return max(made, default=0) + 1

    def with_attempt(self, attempt: Attempt) -> KernelRecord:
        """One that was begun takes its own place when it has ended."""
        at = next(
            (at for at, a in enumerate(self.attempts) if (a.case, a.number) == (attempt.case, attempt.number)), None
        )
        if at is None:
            return replace(self, attempts=(*self.attempts, attempt))
        return replace(self, attempts=(*self.attempts[:at], attempt, *self.attempts[at + 1 :]))

    def with_facts(self, **facts: Any) -> KernelRecord:
        return replace(self, facts=replace(self.facts, **facts))


def save_record(
    value: RunRecord | KernelRecord | MutationRecord | Attempt, path: Path, *, is_synced: bool = True
) -> None:
    """Write it so that others see all of it or what was there before. Without `is_synced` a power failure may take it:
    for what another record repeats. Raises HostRefused."""
    write_atomically(path, json.dumps(encode(value), indent=1).encode() + b"\n", is_synced=is_synced)


def load_record(kind: type[T], path: Path) -> T:
    """Raises UsageError if the file was not written by a run of ours."""
    try:
        value = decode(kind, parse(bounded.read_bytes(path, bounded.RECORD)))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{path} does not exist: not a run directory?") from error
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(
            f"{path} cannot be read: {why}", hint="another version of orchestrate may have written it"
        ) from error
    if problem := next(_problems(value), None):
        raise UsageError(f"{path}: {problem}", hint="somebody changed the file: no run of ours writes that")
    return value


def _problems(value: object) -> Iterator[str]:
    if isinstance(value, RunRecord):
        yield from record_checks.of_run(value.request.error, value.known, value.started)
    elif isinstance(value, KernelRecord):
        attempts = (*value.attempts, *value.superseded)
        yield from record_checks.of_kernel(value.name, value.guests, value.first_guest, attempts, value.stages)
    elif isinstance(value, Attempt):
        yield from record_checks.of_attempt(value)


def finish(path: Path, began: HostTime, *, is_interrupted: bool) -> None:
    """Record the time that a run has taken since it began, what others used of it, and whether it is finished. Its
    programs have ended."""
    record, now = load_record(RunRecord, path), load.clocks_now()
    time_s, lost_s = record.time_s + now.wall_s - began.wall_s, record.lost_s + began.lost_s(now)
    save_record(replace(record, time_s=round(time_s, 3), lost_s=round(lost_s, 3), finished=not is_interrupted), path)


def records_of(run_dir: Path) -> tuple[KernelRecord, ...]:
    """The kernels of a run, baselines last, in the order in which they began."""
    found = [load_record(KernelRecord, path) for path in run_dir.glob(f"*/{KERNEL}")]
    return tuple(sorted(found, key=lambda record: (record.role is Role.BASELINE, record.started, record.name)))
