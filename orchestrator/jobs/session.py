"""Attempts in the guests of one kernel, one after the other. The only judgement made here is what to do next.

A guest that died, froze or whose kernel became tainted is replaced. A kernel that has warned once does not warn again,
and lockdep is off after its first report: the next case would see nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.errors import BootFailed, GuestUnreachable, ProductDamaged
from orchestrator.events import CaseStarted, GuestLost, GuestReady
from orchestrator.evidence.coverage.hits import HITS, write_hits
from orchestrator.guest.counters import Counts
from orchestrator.guest.guest import INITRAMFS, Guest, Identity
from orchestrator.jobs.boot import GuestSpec, boot
from orchestrator.jobs.diagnosis import diagnose_boot, discard, with_diagnosis
from orchestrator.jobs.journal import Journal
from orchestrator.jobs.without_guest import Answers
from orchestrator.judge.leaks import meaningful
from orchestrator.judge.signature import signature
from orchestrator.model.attempt import Attempt, Ending, Planned
from orchestrator.model.case import Case
from orchestrator.model.job import Session
from orchestrator.model.kernel import KernelConfig
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BOOT, Finding
from orchestrator.model.request import Request
from orchestrator.words import counted


def case_limit_s(case: Case, duration_s: float, slowdown: float) -> int:
    """The time after which the guest ends a case, in whole seconds."""
    return math.ceil(duration_s + case.timeout_s * slowdown)


class GuestSession:
    """One session: its attempts, and its guest, which is replaced when it can no longer be trusted."""

    def __init__(
        self,
        context: Context,
        spec: GuestSpec,
        config: KernelConfig,
        request: Request,
        job: Session,
        journal: Journal,
        renew: Callable[[], GuestSpec],
        answers: Answers,
    ) -> None:
        """`renew` makes the guest spec again after the store has dropped a damaged product. `answers` are those of the
        cases that need no guest."""
        self._context, self._config, self._request, self._job, self._journal = context, config, request, job, journal
        self._spec, self._renew, self._answers = self._limited(spec), renew, answers
        self._guest: Guest | None = None
        self._boots = True  # False: a kernel that has booted before did not

    def run(self) -> None:
        """Make all attempts. Closes every guest at the end, except one that `request.freeze` leaves paused; the session
        ends there. Raises Interrupted, Stopped; what is recorded by then stays."""
        try:
            if all(planned.case == BOOT for planned in self._job.attempts) and self._job.attempts:
                for planned in self._job.attempts:
                    self._attempt_boot(planned)
                return
            self._boot_first()
            for planned in self._job.attempts:
                if not self._attempt(planned):
                    return
        finally:
            self._close()

    def _boot_first(self) -> None:
        """Boot this kernel for the first time, as a stage."""
        if self._journal.has_booted:
            self._guest = self._another()
            return

        def work() -> Product[None]:
            self._guest, ready_s = self._boot(*self._journal.next_guest())
            return Product(None, cached=False, note=f"answered {ready_s:.1f} s after power-on")

        self._journal.stage(BOOT, work)

    def _boot(self, number: int, directory: Path, case: Case | None = None) -> tuple[Guest, float]:
        """For a case that is what the kernel does meanwhile, if there is one. Raises BootFailed, GuestUnreachable."""
        try:
            guest, identity = self._boot_from_store(directory, case)
        except ProductDamaged as damage:
            self._context.warn(f"{self._journal.name}: {damage.message}; it is made anew")
            self._spec = self._limited(self._renew())
            guest, identity = self._boot_from_store(directory, case)
        if number:  # QEMU has read it; reproduce.sh boots that of guest 0
            (directory / INITRAMFS).unlink()
        self._write_hits(guest, None, directory.name)
        self._context.emit(GuestReady(self._journal.name, identity.ready_s, self._spec.accel.name, number))
        self._journal.facts(release=identity.release, cpus=identity.cpus)
        return guest, identity.ready_s

    def _boot_from_store(self, directory: Path, case: Case | None) -> tuple[Guest, Identity]:
        return boot(
            self._context,
            self._spec_of(case) if case else self._spec,
            directory,
            outlives_us=self._request.freeze and case is None,
            explain=lambda guest, error: diagnose_boot(self._context, self._spec, guest, error, self._journal.home),
        )

    def _spec_of(self, case: Case) -> GuestSpec:
        """What the guest of a case is made of that the kernel runs while it boots."""
        limit_s = self._spec.boot_limit_s + case_limit_s(case, self._duration_s(case), self._spec.slowdown)
        return replace(self._spec, cmdline=(*self._spec.cmdline, *case.boot), boot_limit_s=limit_s)

    def _limited(self, spec: GuestSpec) -> GuestSpec:
        return replace(spec, boot_limit_s=self._job.boot_limit_s) if self._job.boot_limit_s else spec

    def _another(self) -> Guest | None:
        """Boot a further guest. None if the host prevents it, or if a kernel that booted before does not boot."""
        number, directory = self._journal.next_guest()
        try:
            guest, _ = self._boot(number, directory)
        except BootFailed as error:
            self._journal.fail_boot(number, error)
            self._boots = False
        except GuestUnreachable as error:
            self._context.warn(f"{self._journal.name}: no guest could be booted: {error.message}")
        else:
            return guest
        return None

    def _attempt_boot(self, planned: Planned) -> None:
        """Make an attempt that only boots."""
        number, directory = self._journal.next_guest()
        attempt = self._journal.begin(planned, number, 0, f"{directory.name}/console.log")
        try:
            guest, ready_s = self._boot(number, directory)
        except BootFailed as error:
            died = replace(attempt, ending=Ending.GUEST_DIED, reason=error.message, examined_at=error.examined_at)
            self._journal.keep(died)
        except GuestUnreachable as error:
            self._journal.keep(replace(attempt, ending=Ending.HOST_LOST, reason=error.message))
        else:
            guest.close()
            self._journal.keep(replace(attempt, ending=Ending.BOOTED, status=0, duration_s=ready_s))

    def _attempt_own_boot(self, case: Case, planned: Planned) -> bool:
        """Make an attempt of a case that is what the kernel does while it boots, in a guest of its own. Returns whether
        the session continues. A kernel that does not come up then has failed the case: it has booted without it."""
        self._close()
        number, directory = self._journal.next_guest()
        limit_s = case_limit_s(case, self._duration_s(case), self._spec.slowdown)
        self._context.emit(CaseStarted(self._journal.name, case.name, limit_s, planned.pair))
        begun = self._journal.begin(planned, number, 0, f"{directory.name}/console.log")
        attempt = replace(begun, dialect=case.output, expects=case.expects)
        try:
            self._guest, ready_s = self._boot(number, directory, case)
        except BootFailed as error:
            # what died by itself was not examined
            ending = Ending.GUEST_DIED if error.examined_at is None else Ending.TIMED_OUT
            attempt = replace(attempt, ending=ending, reason=error.message, examined_at=error.examined_at)
        except GuestUnreachable as error:
            attempt = replace(attempt, ending=Ending.HOST_LOST, reason=error.message)
        else:
            (self._journal.home / begun.home).mkdir(parents=True, exist_ok=True)
            hits = self._write_hits(self._guest, None, begun.home)
            self._close()
            attempt = replace(attempt, ending=Ending.BOOTED, status=0, duration_s=ready_s, coverage=hits)
        judged = self._journal.keep(attempt)
        return not (self._job.stop_at_failure and signature(judged))

    def _duration_s(self, case: Case) -> float:
        return self._request.duration_s if self._request.duration_s is not None else case.duration_s

    def _attempt(self, planned: Planned) -> bool:
        """Make an attempt. Returns whether the session continues."""
        journal, case = self._journal, self._context.catalog.case(planned.case)
        if answer := self._answers.get(case.name):
            journal.give_up(planned, *answer)
            return True
        if case.boot:
            return self._attempt_own_boot(case, planned)
        if self._guest is None and self._boots:
            self._guest = self._another()
        if self._guest is None:
            journal.give_up(planned, Ending.NO_GUEST, "no guest could be booted for it")
            return True
        guest = self._guest
        attempt = self._run(guest, case, planned)
        attempt = replace(attempt, counts=meaningful(attempt.counts, self._config.symbols))
        # a guest may die of what the case is there to provoke
        is_as_expected = attempt.condition is not None and journal.finding_of(attempt).outcome is Outcome.PASS
        if self._request.freeze and not is_as_expected and self._is_left(guest, attempt):
            self._guest = None
            journal.keep(with_diagnosis(self._context, self._spec, case, attempt, journal.home))
            return False
        if why := _why_replace(attempt):
            self._context.emit(GuestLost(journal.name, why, attempt.guest))
            self._close()  # before the record is judged: its console is complete then
        if is_as_expected:
            discard(attempt, journal.home)
        else:
            attempt = with_diagnosis(self._context, self._spec, case, attempt, journal.home)
        judged = journal.keep(attempt)
        if self._job.stop_at_failure and signature(judged):
            return False
        self._close_if_it_reported(judged)
        return True

    def _close_if_it_reported(self, judged: Finding) -> None:
        """Not every report sets a taint, and lockdep turns itself off silently, so a guest that reported something is
        replaced."""
        if self._guest and any(report.outcome.is_bad or report.known for report in judged.kernel_reports):
            self._context.emit(GuestLost(self._journal.name, "its kernel has reported something"))
            self._close()

    def _run(self, guest: Guest, case: Case, planned: Planned) -> Attempt:
        duration_s = self._duration_s(case)
        limit_s = case_limit_s(case, duration_s, self._spec.slowdown)
        self._context.emit(CaseStarted(self._journal.name, case.name, limit_s, planned.pair))
        number = int(guest.directory.name.removeprefix("guest-"))
        console = f"{guest.directory.name}/console.log"
        before = guest.counts()
        begun = self._journal.begin(planned, number, guest.qemu.console.mark(), console)
        ended = guest.run_case(
            case,
            duration_s=duration_s,
            limit_s=limit_s,
            seed=planned.seed,
            slowdown=self._spec.slowdown,
            home=self._journal.home / begun.home,
            known=self._journal.known,
        )
        return replace(
            ended,
            coverage=self._write_hits(guest, before, begun.home),
            guest=begun.guest,
            number=begun.number,
            pair=begun.pair,
            console=console,
            console_from=begun.console_from,
            stdout=f"{begun.home}/stdout",
            stderr=f"{begun.home}/stderr",
            expects=case.expects,
        )

    def _write_hits(self, guest: Guest, before: Counts | None, where: str) -> str:
        """Write what has been executed since `before` (None: since power-on) into a directory below the kernel's, and
        return the file's name as records have it; empty where nothing is counted."""
        counts = guest.counts()
        if counts is None:
            return ""
        name = f"{where}/{HITS}"
        write_hits(counts.since(before), self._journal.home / name, counts.gone_since(before))
        return name

    def _is_left(self, guest: Guest, attempt: Attempt) -> bool:
        """Leave a guest that reported something, hangs or panicked to the user, and say how to enter it."""
        is_stuck = attempt.condition is not None or attempt.ending is Ending.STOPPED
        if not is_stuck and not any(
            report.outcome.is_bad for report in self._journal.finding_of(attempt).kernel_reports
        ):
            return False
        try:
            guest.leave()
        except GuestUnreachable as error:
            self._context.warn(f"{self._journal.name}: the guest could not be left behind: {error.message}")
            return False
        self._context.warn(
            f"{self._journal.name}: guest {attempt.guest} stays, paused ({attempt.reason or attempt.case}). "
            f"`orchestrate shell RUN_DIR` resumes it, `kill {guest.qemu.pid}` ends it"
        )
        return True

    def _close(self) -> None:
        if self._guest:
            self._guest.close()
            self._count_vma_writes(self._guest)
            self._guest = None

    def _count_vma_writes(self, guest: Guest) -> None:
        seen = guest.vma_writes_seen
        if seen is None:
            return
        self._journal.saw_vma_writes(seen)
        if not seen:  # each boot writes some
            self._context.warn(f"{self._journal.name}: {guest.directory.name}: no write of a VMA was seen")


def _why_replace(run: Attempt) -> str:
    if run.ending is not Ending.EXITED:
        return run.reason or run.ending.value
    if run.stuck:
        return f"{counted(run.stuck, 'process')} could not be killed"
    if run.status is None:
        return "it did not say how the program ended"
    if run.is_full:
        return "its /tmp is full"
    if run.condition:
        return f"it has been examined ({run.condition.value})"
    if run.taint_after != run.taint_before:
        return f"its kernel became tainted ({run.taint_before} -> {run.taint_after})"
    return ""
