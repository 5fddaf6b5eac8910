"""Run directories as a run leaves them, for the commands that read one: a series of two mails, of which the kernel says
that it is wrong, or nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.judge.run import RUN
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import StageResult
from orchestrator.model.request import Request
from orchestrator.model.series import Envelope
from orchestrator.runs.record import KERNEL, PATCHES, KernelRecord, RunRecord, save_record
from tests.run_reports import PATCH

CASE = "split-merge"
GOOD = "TAP version 13\n1..2\nok 1 a\nok 2 b\n"
QUIET = "[    1.000000][    T1] orchestrate: begin\n"
WARNING = """[    3.000000][  T100] ------------[ cut here ]------------
[    3.000001][  T100] WARNING: CPU: 1 PID: 100 at mm/vma.c:3 vma_break+0x15/0x20
[    3.000002][  T100] CPU: 1 UID: 0 PID: 100 Comm: stress Not tainted 6.12.117 #1
[    3.000003][  T100] Call Trace:
[    3.000004][  T100]  <TASK>
[    3.000005][  T100]  vma_break+0x15/0x20
[    3.000006][  T100]  do_mmap+0x10/0x20
[    3.000007][  T100]  </TASK>
[    3.000008][  T100] ---[ end trace 0000000000000000 ]---
"""
MAILS = tuple(
    Envelope(
        part, f"{part}@author.example", f"[PATCH v2 {part}/2] mm: {part}", "Jörg A <a@author.example>",
        ("linux-mm@kvack.org",), ("linux-kernel@vger.kernel.org",), ("0@author.example",) if part else (),
    )
    for part in (0, 1, 2)
)  # fmt: skip
FACTS = KernelFacts(
    base="linux-source-6.12 6.12.117-1", arch="x86_64", compiler="gcc (Debian) 12.2.0", product="p" * 32, patches=2,
    machine="q35", accelerator="tcg", cpus=2, memory_mib=1024,
)  # fmt: skip


def run_dir(path: Path, *, is_bad: bool = True, run_id: str = "1" * 32, pairs: int = 5) -> Path:
    """A finished run in a new directory. A bad one was compared with the base in `pairs` pairs, of which none failed
    there."""
    path.mkdir(parents=True, exist_ok=True)
    _kernel(
        path / "base.patched", Role.PATCHED, [0, *(range(1, pairs + 1) if is_bad else ())], WARNING if is_bad else ""
    )
    if is_bad and pairs:
        _kernel(path / "base.baseline", Role.BASELINE, list(range(1, pairs + 1)), "")
    (path / PATCHES).mkdir()
    for part in (1, 2):
        (path / PATCHES / f"000{part}-mm-{part}.patch").write_bytes(PATCH.replace(b"BUG_ON(x)", b"BUG_ON(%d)" % part))
    run = RunRecord(
        Request(), "key", "fix", "d" * 64, "2026-11-28T10:00:00", finished=True, time_s=70.0,
        subjects=("mm: 1", "mm: 2"), message_ids=(MAILS[1].message_id, MAILS[2].message_id), version="0.1.0",
        arch="x86_64", id=run_id, mails=MAILS,
    )  # fmt: skip
    save_record(run, path / RUN)
    return path


def _kernel(home: Path, role: Role, pairs: list[int], said: str) -> None:
    """A kernel with an attempt for each pair (0: the first test), all in one guest, during which it said something."""
    attempts = []
    console = QUIET
    for number, pair in enumerate(pairs, 1):
        start = len(console)
        console += said
        attempt = Attempt(
            CASE, Ending.EXITED, status=0, duration_s=5.0, seed=number, console="guest-0/console.log",
            console_from=start, console_to=len(console), stdout=f"cases/{CASE}/{number}/stdout", number=number,
            pair=pair,
        )  # fmt: skip
        (home / attempt.stdout).parent.mkdir(parents=True)
        (home / attempt.stdout).write_text(GOOD)
        attempts.append(attempt)
    (home / "guest-0").mkdir(parents=True)
    (home / "guest-0/console.log").write_text(console)
    stages = (StageResult("build", Outcome.PASS, 60.0), StageResult("boot", Outcome.PASS, 1.0))
    facts = FACTS if role is Role.PATCHED else replace(FACTS, patches=0, product="b" * 32)
    record = KernelRecord(home.name, "base", role, "2026-11-28T10:00:00", stages, tuple(attempts), 1, facts=facts)
    save_record(record, home / KERNEL)
