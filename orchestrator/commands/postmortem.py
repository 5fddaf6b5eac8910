"""orchestrate postmortem: drgn on the memory dump that a case left, or what it says, once more with today's rules."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.evidence.postmortem.examine import postmortem
from orchestrator.guest import dump
from orchestrator.jobs.diagnosis import VMLINUX
from orchestrator.process import Cancel, Runner, attach
from orchestrator.reporters import stream


def run(args: argparse.Namespace) -> int:
    case = find_case(args.case_dir)
    memory, vmlinux = case / dump.NAME, case.parents[1] / VMLINUX
    if not vmlinux.is_file():
        raise UsageError(f"{vmlinux} is not there: the kernel of this run was removed from the cache")
    if args.print:
        _, text = postmortem(vmlinux, memory, case.name, Runner(Cancel()))
        stream.out(text)
        return 0
    module = ("-m", "orchestrator.evidence.postmortem.console")
    return attach((sys.executable, *module, os.fspath(vmlinux), os.fspath(memory), case.name))


def find_case(path: Path) -> Path:
    """A case's directory from RUN_DIR/SUITE/CASE or RUN_DIR/SUITE/cases/CASE. Raises UsageError."""
    for found in (path, path.parent / "cases" / path.name):
        if (found / dump.NAME).is_file():
            return found.resolve()
    if (path / "result.json").is_file() or (path.parent / "cases" / path.name).is_dir():
        raise UsageError(f"{path}: this case left no memory dump", hint="evidence.txt in its directory says why")
    raise UsageError(f"{path}: no case of a run", hint="orchestrate postmortem RUN_DIR/SUITE/CASE")
