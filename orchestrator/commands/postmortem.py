"""orchestrate postmortem: drgn on the memory dump that a case left, or what it says, once more with today's rules."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.evidence.postmortem.examine import postmortem
from orchestrator.host.process import Cancel, Runner, attach
from orchestrator.host.real_path import real_path
from orchestrator.jobs.diagnosis import VMLINUX
from orchestrator.model.evidence_files import DUMP
from orchestrator.model.report import BOOT
from orchestrator.reporters import stream


def run(args: argparse.Namespace) -> int:
    case = find_case(args.case_dir)
    memory = case / DUMP
    is_boot = case.name.startswith("guest-")
    vmlinux = case.parents[0 if is_boot else 2] / VMLINUX
    program = "" if is_boot else case.parent.name
    if not vmlinux.is_file():
        raise UsageError(f"{vmlinux} is not there: the kernel of this run was removed from the cache")
    if args.print:
        _, text = postmortem(vmlinux, memory, program, Runner(Cancel()))
        stream.out(text)
        return 0
    module = ("-m", "orchestrator.evidence.postmortem.console")
    return attach((sys.executable, *module, os.fspath(vmlinux), os.fspath(memory), program))


def find_case(path: Path) -> Path:
    """The directory of an attempt's dump from RUN_DIR/KERNEL/CASE, the latest one, or from the directory itself. "boot"
    as a case is the latest guest that did not finish booting. Raises UsageError."""
    case = path.parent / "cases" / path.name
    guests = path.parent.glob("guest-*") if path.name == BOOT else ()
    places = [path, *sorted([*case.glob("*"), *guests], key=_number, reverse=True)]
    for found in places:
        if (found / DUMP).is_file():
            return real_path(found)
    if (path / "result.json").is_file() or case.is_dir():
        raise UsageError(f"{path}: this case left no memory dump", hint="evidence.txt in its directory says why")
    raise UsageError(f"{path}: no case of a run", hint="orchestrate postmortem RUN_DIR/KERNEL/CASE")


def _number(path: Path) -> int:
    digits = path.name.removeprefix("guest-")
    return int(digits) if digits.isdigit() else 0
