"""The live record of one kernel: stages are timed, announced and recorded here, attempts recorded and judged.

Several sessions may write into one journal at the same time.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.errors import BootFailed, Fault, Interrupted, NoGuest, OrchestrateError
from orchestrator.events import CaseFinished, Level, Note, StageFinished, StageStarted
from orchestrator.guest.guest import INITRAMFS
from orchestrator.host.os_errors import situation
from orchestrator.judge.attempts import applicable, classify, judge_attempt
from orchestrator.judge.logs import Consoles
from orchestrator.judge.run import utc_now
from orchestrator.model.attempt import Attempt, Ending, Planned
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BOOT, BaseResult, Finding, StageResult, SuiteReport
from orchestrator.model.subject import Subject
from orchestrator.runs.record import KERNEL, KernelRecord, load_record, save_record

T = TypeVar("T")
UNMARKED = "the end mark of a case did not come out of the serial port in time; this is said once for each kernel"


SETTLED = ("build_id", "programs", "mutant", "delays")  # facts that decide whether earlier attempts count


class Stopped(Exception):
    """A stage of this kernel has no product; its recorded result says why."""


class Journal:
    """Saved after every step, so that a killed run resumes after its last step. Without `is_synced` a power failure may
    take what was saved: where somebody else keeps the record, and the disk is to be found full all the same."""

    def __init__(
        self,
        context: Context,
        home: Path,
        subject: Subject,
        known: tuple[KnownIssue, ...] = (),
        *,
        is_synced: bool = True,
    ) -> None:
        self._context = context
        self._is_synced, self._is_held = is_synced, False
        self._known = known
        self._lock = threading.RLock()
        self._consoles = Consoles()
        self.home = home
        path = home / KERNEL
        earlier = load_record(KernelRecord, path) if path.exists() else None
        self._adopted: set[str] = set()  # stages that other machines have done for this run
        self.record = earlier or KernelRecord(subject.name, subject.kernel.kconfig.name, subject.role, utc_now())

    @property
    def name(self) -> str:
        return self.record.name

    def settle(self, **made_of: object) -> None:
        """Facts about kernel and guest. Attempts that a resumed run recorded with other facts do not count any more."""
        with self._lock:
            known = self.record.facts
            changed = [name for name, value in made_of.items() if getattr(known, name) not in (value, "", 0, None)]
            if changed and (self.record.numbers or self.record.attempts):
                self._context.warn(f"{self.name}: {', '.join(changed)} changed since the interruption: all over again")
                self._save(self.record.all_over())
            self.facts(**made_of)

    def stage(self, name: str, work: Callable[[], Product[T]]) -> T:
        """Do a stage. Raises Stopped if an error of ours or of the host becomes its result. Interrupted passes."""
        self._context.emit(StageStarted(self.name, name))
        started_s = time.monotonic()
        try:
            product = work()
        except Interrupted:
            raise
        except (OrchestrateError, OSError) as error:
            self._finish(_failure(name, situation(error), time.monotonic() - started_s))
            raise Stopped from error
        self._finish(
            StageResult(
                name,
                product.outcome,
                time.monotonic() - started_s,
                product.note,
                detail=product.detail,
                cached=product.cached,
                subtests=product.subtests,
                is_patch_fault=product.is_patch_fault,
                also_on_base=product.also_on_base,
            )
        )
        return product.value

    def begin(self, planned: Planned, guest: int, console_from: int, console: str) -> Attempt:
        """An attempt is about to begin: from now on kernel reports belong to it, even if we are killed."""
        with self._lock:
            attempt = Attempt(
                case=planned.case,
                ending=Ending.UNFINISHED,
                guest=guest,
                seed=planned.seed,
                console=console,
                console_from=console_from,
                number=self.record.next_number(planned.case),
                pair=planned.pair,
            )
            self._save(self.record.with_attempt(attempt))
            return attempt

    def give_up(self, planned: Planned, ending: Ending, reason: str) -> Finding:
        """Record an attempt that could not be begun."""
        with self._lock:
            number = self.record.next_number(planned.case)
            return self.keep(
                Attempt(planned.case, ending, seed=planned.seed, reason=reason, number=number, pair=planned.pair)
            )

    @property
    def known(self) -> Sequence[KnownIssue]:
        """The known issues that apply to this kernel."""
        return applicable(self._known, self.record)

    def finding_of(self, attempt: Attempt) -> Finding:
        """What an attempt that has ended shows."""
        return judge_attempt(attempt, self.record, self.home, self._known, self._consoles)

    def keep(self, attempt: Attempt) -> Finding:
        """Record an attempt that has ended, and announce its result."""
        with self._lock:
            if attempt.is_unmarked and not self.record.unmarked:
                self._context.emit(Note(Level.DEBUG, f"{self.name}: {UNMARKED} ({attempt.case})"))
            # of several that are taken over at once the record, which says all of it, is synced
            is_synced = self._is_synced and not self._is_held
            save_record(attempt, self.home / attempt.home / "result.json", is_synced=is_synced)
            self._save(self.record.with_attempt(attempt))
            judged = self.finding_of(attempt)
        self._context.emit(
            CaseFinished(self.name, attempt.case, judged.outcome, judged.time_s, judged.message, attempt.pair)
        )
        return judged

    def report(self) -> SuiteReport:
        """Everything so far, judged."""
        with self._lock:
            return classify(self.record, self.home, self._known, self._consoles)

    def next_guest(self) -> tuple[int, Path]:
        """The number and directory of the guest that is about to be booted."""
        with self._lock:
            number = self.record.guests
            self._save(replace(self.record, guests=number + 1))
            return number, self.home / f"guest-{number}"

    @property
    def has_booted(self) -> bool:
        """Whether a guest of this kernel has answered before."""
        came_up = any(stage.stage == BOOT and not stage.outcome.is_bad for stage in self.record.stages)
        return came_up or any(attempt.console and attempt.case != BOOT for attempt in self.record.attempts)

    def go_on(self, guests: int, *, has_booted: bool) -> None:
        """So many guests of this kernel were on other machines; `has_booted`: one of them has answered."""
        with self._lock:
            record = replace(self.record, guests=guests, first_guest=guests)
            self._save(record.with_stage(StageResult(BOOT, Outcome.PASS, 0.0)) if has_booted else record)

    def adopt(self, other: KernelRecord, files: Path) -> None:
        """Take over what another machine has recorded of this kernel; `files` is its directory, whose content moves
        here. Guests and attempts get numbers of ours, and each stage counts once, unless it failed. The record is saved
        twice at most: with the numbers of the guests before their files move, with the attempts after that."""
        with self._saved_once():
            known = {name: value for name, value in vars(other.facts).items() if value not in ("", 0, None)}
            self.settle(**{name: known.pop(name) for name in SETTLED if name in known})
            self.facts(**known)
            if other.without_guest:
                self.needs_no_guest(other.without_guest)
            for stage in other.stages:
                if stage.stage not in self._adopted or stage.outcome.is_bad:
                    self._adopted.add(stage.stage)
                    self._finish(stage)
            guests = {theirs: self.next_guest() for theirs in other.numbers}
        with self._saved_once():
            for theirs, (number, home) in guests.items():
                for path in (files / f"guest-{theirs}", *files.glob(f"guest-{theirs}.*")):
                    if path.exists():
                        _move(path, home.with_name(home.name + path.name.removeprefix(f"guest-{theirs}")))
                if number:  # as of the guests of one machine
                    (home / INITRAMFS).unlink(missing_ok=True)
            numbers = {theirs: number for theirs, (number, _) in guests.items()}
            for attempt in other.attempts:
                ours = renumbered(attempt, numbers, self.record.next_number(attempt.case))
                if (files / attempt.home).exists():
                    _move(files / attempt.home, self.home / ours.home)
                if attempt.ending is Ending.UNFINISHED:
                    self._save(self.record.with_attempt(ours))
                else:
                    self.keep(ours)
            for path in [path for path in files.rglob("*") if path.is_file() and path.name != KERNEL]:
                here = self.home / path.relative_to(files)
                if not here.exists():
                    here.parent.mkdir(parents=True, exist_ok=True)
                    path.rename(here)

    def fail_boot(self, guest: int, error: BootFailed) -> None:
        """The kernel has booted before, and did not boot again when another guest was needed."""
        result = _failure(BOOT, error, 0.0)
        self._finish(replace(result, message=f"guest {guest}, after others had booted: {error.message}"))

    def recalled(self, earlier: tuple[BaseResult, ...]) -> None:
        """What earlier runs found out about the base of this kernel."""
        with self._saved_once():
            self._save(replace(self.record, earlier_base=earlier))

    def needs_no_guest(self, cases: Iterable[str]) -> None:
        """Of these cases no attempt needs a guest."""
        with self._lock:
            self._save(replace(self.record, without_guest=tuple(cases)))

    def facts(self, **facts: Any) -> None:
        """Properties for the report: those of model.kernel_facts."""
        with self._lock:
            self._save(self.record.with_facts(**facts))

    def saw_vma_writes(self, count: int) -> None:
        """In one more guest."""
        with self._lock:
            self.facts(vma_writes=count + (self.record.facts.vma_writes or 0))

    def _finish(self, result: StageResult) -> None:
        with self._lock:
            self._save(self.record.with_stage(result))
        self._context.emit(
            StageFinished(self.name, result.stage, result.outcome, result.time_s, result.cached, result.message)
        )

    @contextmanager
    def _saved_once(self) -> Iterator[None]:
        """What is recorded meanwhile is saved when all of it is, if it changes anything."""
        with self._lock:
            before, self._is_held = self.record, True
            try:
                yield
            finally:
                self._is_held = False
                if self.record != before:
                    self._save(self.record)

    def _save(self, record: KernelRecord) -> None:
        self.record = record
        if not self._is_held:
            save_record(record, self.home / KERNEL, is_synced=self._is_synced)


def _move(path: Path, there: Path) -> None:
    """To where nothing is, or what no record names: somebody was killed between files and record."""
    if there.is_dir():
        shutil.rmtree(there)
    there.parent.mkdir(parents=True, exist_ok=True)
    path.rename(there)


def _failure(name: str, error: OrchestrateError, time_s: float) -> StageResult:
    """Who is at fault decides whether an error is a failure of the patch or an error of the host."""
    outcome = Outcome.ERROR
    if error.fault is Fault.PATCH:
        outcome = Outcome.CRASH if isinstance(error, BootFailed) else Outcome.FAIL
    return StageResult(
        stage=name,
        outcome=outcome,
        time_s=time_s,
        message=error.message,
        hint=error.hint,
        detail=error.detail,
        is_patch_fault=error.fault is Fault.PATCH,
        is_request_fault=error.fault is Fault.USER,
        examined_at=error.examined_at if isinstance(error, NoGuest) else None,
    )


def renumbered(attempt: Attempt, guests: Mapping[int, int], number: int) -> Attempt:
    """An attempt of another machine under numbers of ours, and its files under the names that follow from them."""
    guest = guests.get(attempt.guest, attempt.guest)
    moved = replace(attempt, guest=guest, number=number)

    def at(path: str) -> str:
        where, _, name = path.rpartition("/")
        if where == attempt.home:
            return f"{moved.home}/{name}"
        return f"guest-{guest}/{name}" if where == f"guest-{attempt.guest}" else path

    return replace(
        moved,
        console=at(attempt.console),
        stdout=at(attempt.stdout),
        stderr=at(attempt.stderr),
        coverage=at(attempt.coverage),
    )
