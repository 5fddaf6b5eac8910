"""The memory dump of a case or a boot -> a diagnosis, and postmortem.txt beside the dump.

Only failures are dumped. The first few dumps of a run are kept, which bounds their disk space; later ones are read and
removed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.context import Context
from orchestrator.errors import BootFailed, CommandFailed, GuestUnreachable, NoGuest, ToolMissing
from orchestrator.evidence.addresses import with_functions
from orchestrator.evidence.postmortem.examine import postmortem
from orchestrator.guest import evidence
from orchestrator.guest.case_argv import process
from orchestrator.guest.evidence import Examination
from orchestrator.guest.guest import Guest
from orchestrator.jobs.boot import GuestSpec
from orchestrator.model.attempt import Attempt, Condition
from orchestrator.model.case import Case
from orchestrator.model.evidence_files import DUMP, EVIDENCE, POSTMORTEM

STUCK = (Condition.KERNEL_HUNG, Condition.CPU_HUNG)
KEPT = 5  # dumps of one run
KEPT_BYTES = 512 << 20  # of one dump; a guest of 1 GiB makes some 20 MiB
VMLINUX = "vmlinux"  # a link in the suite's directory, for `orchestrate postmortem`


def discard(run: Attempt, home: Path) -> None:
    """Remove the evidence about a guest that died of what its case expects."""
    evidence.forget(home / run.home)


def with_diagnosis(context: Context, spec: GuestSpec, case: Case, run: Attempt, home: Path) -> Attempt:
    """The record with its diagnosis; unchanged if there is no dump. Raises Interrupted, and then keeps the dump."""
    where = home / run.home
    if run.condition is None or not (where / DUMP).is_file():
        return run
    return replace(run, diagnosis=_diagnosis(context, spec, where, process(case), home))


def diagnose_boot(context: Context, spec: GuestSpec, guest: Guest, error: NoGuest, home: Path) -> NoGuest:
    """The error with what the examination of a hung guest found; unchanged if the guest panicked, which says enough, or
    is gone. Raises Interrupted."""
    where = guest.directory
    evidence.forget(where)
    if not guest.qemu.is_alive or guest.qemu.console.panicked.seen.is_set():
        return error
    where.mkdir(parents=True, exist_ok=True)
    found = evidence.examine(guest.qemu, None, "", where, spec.machine.memory_mib)
    diagnosis = _diagnosis(context, spec, where, "", home) if (where / DUMP).is_file() else ""
    return whose_silence(error, found, diagnosis, where)


def whose_silence(error: NoGuest, found: Examination, diagnosis: str, where: Path) -> NoGuest:
    """Who is at fault for a guest that does not boot, after its examination. A kernel that has not reached its SSH
    server is at fault unless QEMU held it up. A kernel that has, and does not answer, is at fault only if its CPUs are
    stuck: it may lack a driver."""
    message, detail = (
        f"{error.message}: {diagnosis or found.words}",
        f"{found.words}; more in {where}\n\n{error.detail}",
    )
    is_kernel = isinstance(error, BootFailed) or found.condition in STUCK
    kind = BootFailed if is_kernel and not found.condition.is_of_host else GuestUnreachable
    return kind(message, hint=error.hint, detail=detail, examined_at=found.console_at)


def _by_registers(where: Path, vmlinux: Path) -> str:
    """Where CPUs are stuck, as it was seen from outside, with names; nothing if they are not, or without names."""
    seen = (where / EVIDENCE).read_text(encoding="utf-8").partition("\n")[0]
    named = with_functions(seen, vmlinux)
    return named if named != seen else ""


def _diagnosis(context: Context, spec: GuestSpec, where: Path, program: str, home: Path) -> str:
    """One sentence, or nothing; the whole text goes beside the dump."""
    path = where / DUMP
    link = home / VMLINUX
    link.unlink(missing_ok=True)
    link.symlink_to(spec.kernel.vmlinux)
    try:
        diagnosis, text = postmortem(spec.kernel.vmlinux, path, program, context.runner)
    except (CommandFailed, ToolMissing) as error:
        diagnosis, text = "", f"no post-mortem: {error.message}\n{error.detail}\n"
    (where / POSTMORTEM).write_text(text, encoding="utf-8", errors="backslashreplace")
    diagnosis = diagnosis or _by_registers(where, spec.kernel.vmlinux)
    kept = [*home.parent.glob(f"*/cases/*/*/{DUMP}"), *home.parent.glob(f"*/guest-*/{DUMP}")]
    others = [other for other in kept if other != path]
    if len(others) >= KEPT or path.stat().st_size > KEPT_BYTES:
        path.unlink()
        with (where / POSTMORTEM).open("a", encoding="utf-8") as sink:
            sink.write(f"\nthe dump was not kept: a run keeps {KEPT}, of at most {KEPT_BYTES >> 20} MiB each\n")
    return diagnosis
