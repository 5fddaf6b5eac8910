"""Dump -> diagnosis: drgn in a child with a time limit, then the rules, then the text in a file beside the dump."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from orchestrator.codec import loads
from orchestrator.errors import CommandFailed
from orchestrator.evidence.postmortem.facts import GuestFacts
from orchestrator.evidence.postmortem.rules import diagnose
from orchestrator.evidence.postmortem.text import render
from orchestrator.host.process import Command, Runner

LIMIT_S = 120.0  # one or two seconds of work
MEMORY_GIB = 8  # of addresses: vmlinux and the dump are mapped, and each thread has a stack and a heap of its own
THREADS = "4"  # or the limit would depend on the host's CPUs


def read_facts(vmlinux: Path, dump: Path, case: str, runner: Runner) -> GuestFacts:
    """Raises CommandFailed: the dump is damaged, or the kernel's data lead drgn nowhere."""
    words = (
        "prlimit",  # a damaged dump leads drgn anywhere
        f"--as={MEMORY_GIB << 30}",
        "--",
        sys.executable,
        "-m",
        "orchestrator.evidence.postmortem.extract",
        os.fspath(vmlinux),
        os.fspath(dump),
        case,
    )
    path = os.pathsep.join(filter(None, sys.path))  # it imports what we do from where we do
    result = runner.run(Command(words, env=(("PYTHONPATH", path), ("OMP_NUM_THREADS", THREADS))), timeout_s=LIMIT_S)
    if "MemoryError" in result.tail(1) or "Cannot allocate memory" in result.tail(1):
        raise CommandFailed(f"drgn asked for more than {MEMORY_GIB} GiB of memory", detail=result.tail())
    if result.timed_out:
        raise CommandFailed(f"drgn did not finish within {LIMIT_S:.0f} s")
    if result.status != 0:
        raise CommandFailed(f"drgn could not read the dump: {result.tail(1)}", detail=result.tail())
    try:
        return loads(GuestFacts, result.stdout)
    except ValueError as error:
        raise CommandFailed(f"the facts from the dump make no sense: {error}") from error


def postmortem(vmlinux: Path, dump: Path, case: str, runner: Runner) -> tuple[str, str]:
    """The diagnosis, one sentence or empty, and the whole text. Raises CommandFailed."""
    facts = read_facts(vmlinux, dump, case, runner)
    diagnosis = diagnose(facts, case)
    return diagnosis, render(facts, diagnosis, case)
