"""the dump that a case left -> a diagnosis in its record, and postmortem.txt beside the dump.

Dumps are for failing cases only. The first few of a run are kept, which bounds what it can fill a disk with; the
others are read and removed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.context import Context
from orchestrator.errors import CommandFailed, ToolMissing
from orchestrator.guest import dump, evidence
from orchestrator.guest.case_argv import process
from orchestrator.model.case import Case
from orchestrator.model.case_run import CaseRun
from orchestrator.postmortem.examine import postmortem
from orchestrator.stages.boot import Bench

KEPT = 5  # dumps of one run
KEPT_BYTES = 512 << 20  # of one dump; a guest of 1 GiB makes some 20 MiB
TEXT = "postmortem.txt"
VMLINUX = "vmlinux"  # a link in the suite's directory, for `orchestrate postmortem`


def discard(run: CaseRun, home: Path) -> None:
    """Remove what was gathered about a guest that died of what its case expects."""
    for name in evidence.FILES:
        (home / "cases" / run.case / name).unlink(missing_ok=True)


def autopsy(context: Context, bench: Bench, case: Case, run: CaseRun, home: Path) -> CaseRun:
    """The record with its diagnosis; as it was when there is no dump. Raises Interrupted, and keeps the dump then."""
    where = home / "cases" / run.case
    path = where / dump.NAME
    if run.condition is None or not path.is_file():
        return run
    link = home / VMLINUX
    link.unlink(missing_ok=True)
    link.symlink_to(bench.kernel.vmlinux)
    try:
        diagnosis, text = postmortem(bench.kernel.vmlinux, path, process(case), context.runner)
    except (CommandFailed, ToolMissing) as error:
        diagnosis, text = "", f"no post-mortem: {error.message}\n{error.detail}\n"
    (where / TEXT).write_text(text, errors="backslashreplace")
    others = [other for other in home.parent.glob(f"*/cases/*/{dump.NAME}") if other != path]
    if len(others) >= KEPT or path.stat().st_size > KEPT_BYTES:
        path.unlink()
        with (where / TEXT).open("a") as sink:
            sink.write(f"\nthe dump was not kept: a run keeps {KEPT}, of at most {KEPT_BYTES >> 20} MiB each\n")
    return replace(run, diagnosis=diagnosis)
