"""Run directories as a run leaves them, for the commands that read one: a series of two mails, of which the kernel says
that it is wrong, or nothing."""

from __future__ import annotations

from pathlib import Path

from orchestrator.judge.run import RUN
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import StageResult
from orchestrator.model.request import Request
from orchestrator.model.series import Envelope
from orchestrator.record import KERNEL, PATCHES, KernelRecord, RunRecord, save_record
from tests.run_reports import PATCH

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


def run_dir(path: Path, *, is_bad: bool = True, run_id: str = "1" * 32) -> Path:
    """A finished run in a new directory."""
    home = path / "base.patched"
    console = QUIET + (WARNING if is_bad else "")
    attempt = Attempt(
        "split-merge", Ending.EXITED, status=0, duration_s=5.0, seed=3, console="guest-0/console.log",
        console_from=len(QUIET), console_to=len(console), stdout="cases/split-merge/1/stdout",
    )  # fmt: skip
    (home / "guest-0").mkdir(parents=True)
    (home / "guest-0/console.log").write_text(console)
    (home / "cases/split-merge/1").mkdir(parents=True)
    (home / attempt.stdout).write_text(GOOD)
    (path / PATCHES).mkdir()
    for part in (1, 2):
        (path / PATCHES / f"000{part}-mm-{part}.patch").write_bytes(PATCH.replace(b"BUG_ON(x)", b"BUG_ON(%d)" % part))
    stages = (StageResult("build", Outcome.PASS, 60.0), StageResult("boot", Outcome.PASS, 1.0))
    record = KernelRecord(home.name, "base", Role.PATCHED, "2026-11-28T10:00:00", stages, (attempt,), 1, facts=FACTS)
    save_record(record, home / KERNEL)
    run = RunRecord(
        Request(), "key", "fix", "d" * 64, "2026-11-28T10:00:00", finished=True, time_s=70.0,
        subjects=("mm: 1", "mm: 2"), message_ids=(MAILS[1].message_id, MAILS[2].message_id), version="0.1.0",
        arch="x86_64", id=run_id, mails=MAILS,
    )  # fmt: skip
    save_record(run, path / RUN)
    return path
