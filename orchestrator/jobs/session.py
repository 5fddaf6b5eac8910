"""guest + cases -> records of what happened. Nothing is judged here.

A guest that died, froze or whose kernel became tainted is replaced: a kernel that has warned once does not warn
again, and lockdep is off after its first report, so the next case would run blind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from orchestrator.context import Context
from orchestrator.errors import BootFailed, GuestUnreachable
from orchestrator.events import CaseStarted, GuestLost, GuestReady
from orchestrator.guest.guest import Guest
from orchestrator.jobs.boot import GuestSpec, boot
from orchestrator.jobs.diagnosis import diagnose, diagnose_boot, discard
from orchestrator.model.case import Case
from orchestrator.model.case_run import CaseRun, Ending
from orchestrator.model.kernel import KernelConfig
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import CaseResult
from orchestrator.model.request import Request
from orchestrator.plan import unmet_need
from orchestrator.record import Try
from orchestrator.words import counted


class Book(Protocol):
    """Where records go as they are made."""

    home: Path

    @property
    def known(self) -> Sequence[KnownIssue]: ...

    def begin(self, made: Try) -> None: ...

    def judge(self, run: CaseRun) -> CaseResult: ...

    def keep(self, run: CaseRun) -> CaseResult: ...

    def next_guest(self) -> tuple[int, Path]: ...

    def fail_boot(self, error: BootFailed) -> None: ...


def execute(
    context: Context,
    spec: GuestSpec,
    cases: Sequence[Case],
    config: KernelConfig,
    request: Request,
    suite: str,
    first: Guest,
    book: Book,
    *,
    stop_at_failure: bool = False,
) -> None:
    """Run the cases, one after the other. Closes all guests, except one that `request.freeze` leaves behind, where it
    ends. Raises Interrupted; what was kept by then stays."""
    guest: Guest | None = first
    boots = True
    unbuilt = dict(spec.programs.unbuilt)
    try:
        for case in cases:
            if reason := unmet_need(case, config.symbols, spec.machine.memory_mib):
                book.keep(CaseRun(case.name, Ending.UNMET, reason=reason))
                continue
            if reason := unbuilt.get(case.name, ""):
                book.keep(CaseRun(case.name, Ending.NOT_BUILT, reason=reason))
                continue
            if guest is None and boots:
                try:
                    guest = _replacement(context, spec, suite, book, request.freeze)
                except BootFailed as error:
                    book.fail_boot(error)
                    boots = False
            if guest is None:
                book.keep(CaseRun(case.name, Ending.NO_GUEST, reason="no guest could be booted for it"))
                continue
            made = Try(case.name, _number(guest), guest.qemu.console.size)
            book.begin(made)
            run = _run(context, spec, case, request, suite, book, guest, made)
            # a guest may die of what the case is there to provoke
            is_as_expected = run.condition is not None and book.judge(run).outcome is Outcome.PASS
            if request.freeze and not is_as_expected and _is_left(context, guest, run, suite, book):
                guest = None
                book.keep(diagnose(context, spec, case, run, book.home))
                return
            if why := _why_replace(run):
                context.emit(GuestLost(suite, why, run.guest))
                guest.close()  # before the record is judged: its console is complete then
                guest = None
            if is_as_expected:
                discard(run, book.home)
            else:
                run = diagnose(context, spec, case, run, book.home)
            judged = book.keep(run)
            if stop_at_failure and judged.outcome.is_bad and judged.outcome is not Outcome.NOT_EXERCISED:
                return
            # not every report taints: lockdep turns itself off in silence
            if guest and any(
                kernel_report.outcome.is_bad or kernel_report.known for kernel_report in judged.kernel_reports
            ):
                context.emit(GuestLost(suite, "its kernel has reported something", run.guest))
                guest.close()
                guest = None
    finally:
        if guest is not None:
            guest.close()


def case_limit_s(case: Case, duration_s: float, spec: GuestSpec) -> int:
    """When the guest ends a case. Whole seconds."""
    return math.ceil(duration_s + case.timeout_s * spec.slowdown)


def _run(
    context: Context, spec: GuestSpec, case: Case, request: Request, suite: str, book: Book, guest: Guest, made: Try
) -> CaseRun:
    duration_s = request.duration_s if request.duration_s is not None else case.duration_s
    limit_s = case_limit_s(case, duration_s, spec)
    context.emit(CaseStarted(suite, case.name, limit_s))
    run = guest.run_case(
        case,
        duration_s=duration_s,
        limit_s=limit_s,
        seed=request.seed,
        slowdown=spec.slowdown,
        home=book.home / "cases" / case.name,
        known=book.known,
    )
    return replace(
        run,
        guest=made.guest,
        console_from=made.console_from,
        stdout=f"cases/{case.name}/stdout",
        stderr=f"cases/{case.name}/stderr",
        console=f"{guest.directory.name}/console.log",
        expects=case.expects,
    )


def _number(guest: Guest) -> int:
    return int(guest.directory.name.removeprefix("guest-"))


def _replacement(context: Context, spec: GuestSpec, suite: str, book: Book, freeze: bool) -> Guest | None:
    """Raises BootFailed: a kernel that boots only sometimes. None when the host lets no guest come up."""
    number, directory = book.next_guest()
    try:
        guest, identity = boot(
            context,
            spec,
            directory,
            outlives_us=freeze,
            explain=lambda guest, error: diagnose_boot(context, spec, guest, error, book.home),
        )
    except GuestUnreachable as error:
        context.warn(f"{suite}: the guest could not be replaced: {error.message}")
        return None
    context.emit(GuestReady(suite, identity.ready_s, spec.accel.name, number))
    return guest


def _is_left(context: Context, guest: Guest, run: CaseRun, suite: str, book: Book) -> bool:
    """Leave a guest that reported something, hangs or panicked to the user; says how to go on."""
    is_stuck = run.condition is not None or run.ending is Ending.STOPPED
    if not is_stuck and not any(kernel_report.outcome.is_bad for kernel_report in book.judge(run).kernel_reports):
        return False
    try:
        guest.leave()
    except GuestUnreachable as error:
        context.warn(f"{suite}: the guest could not be left behind: {error.message}")
        return False
    context.warn(
        f"{suite}: guest {run.guest} stays, paused ({run.reason or run.case}). `orchestrate shell RUN_DIR` resumes it, "
        f"`kill {guest.qemu.pid}` ends it"
    )
    return True


def _why_replace(run: CaseRun) -> str:
    if run.ending is not Ending.EXITED:
        return run.reason or run.ending.value
    if run.stuck:
        return f"{counted(run.stuck, 'process')} could not be killed"
    if run.condition:
        return f"it has been examined ({run.condition.value})"
    if run.taint_after != run.taint_before:
        return f"its kernel became tainted ({run.taint_before} -> {run.taint_after})"
    return ""
