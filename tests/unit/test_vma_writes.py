"""Writes of VMAs without their lock: from the plugin's counters to a kernel report, and to what the stage says."""

from __future__ import annotations

import array
import os
import re
from pathlib import Path

from orchestrator.guest.console import Console
from orchestrator.guest.counters import VMA_WRITES, Counting
from orchestrator.guest.vma_writes import MEMBER_AT, VmaWatch, VmaWrites
from orchestrator.judge.attempts import classify
from orchestrator.judge.logs import classify_log
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import UNLOCKED_WRITE
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import VMA_WRITES as STAGE
from orchestrator.model.report import StageResult
from orchestrator.runs.record import KernelRecord

WATCH = VmaWatch(
    Counting(Path("plugin.so"), Path("addresses"), (0x10, 0x20, 0x30, 0x40), counters=VMA_WRITES),
    ("vma_expand+0x10/0x90", "vma_expand+0x20/0x90", "mlock_fixup+0x30/0x40", "vma_expand+0x24/0x90"),
    ("vm_start", "vm_end", "vm_flags"),
)


def ended(path: Path, said: bytes) -> Console:
    """The console of a guest that is dead."""
    console = Console(path)
    read, write = os.pipe()
    os.write(write, said)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        console.follow(stream)
        console.drain(5)
    return console


def count(directory: Path, *words: int) -> None:
    (directory / VMA_WRITES).write_bytes(array.array("Q", words).tobytes())


def test_each_member_and_function_is_told_once_as_a_report_of_its_own(tmp_path: Path) -> None:
    writes, console = VmaWrites(tmp_path, WATCH), ended(tmp_path / "console.log", b"")
    writes.tell(console, 0.0)
    assert not (tmp_path / "console.log").read_bytes()
    count(tmp_path, 90, 2 << MEMBER_AT | 7, 0, 0, 0)
    writes.tell(console, 0.0)
    count(tmp_path, 99, 2 << MEMBER_AT | 8, 2 << MEMBER_AT | 1, 3 << MEMBER_AT | 1, 1 << MEMBER_AT | 1)
    writes.tell(console, 0.0)
    writes.tell(console, 0.0)
    assert writes.seen() == 99
    found = classify_log(tmp_path / "console.log").reports
    assert {(one.kind, one.title) for one in found} == {
        (UNLOCKED_WRITE, "unlocked write of vm_end in vma_expand"),
        (UNLOCKED_WRITE, "unlocked write of vm_start in vma_expand"),
        (UNLOCKED_WRITE, "unlocked write of vm_flags in mlock_fixup"),
    }
    assert len(found) == 3


def test_a_number_that_is_no_members_is_not_told(tmp_path: Path) -> None:
    writes, console = VmaWrites(tmp_path, WATCH), ended(tmp_path / "console.log", b"")
    count(tmp_path, 9, 4 << MEMBER_AT | 1, 5, 0, 0)
    writes.tell(console, 0.0)
    assert not (tmp_path / "console.log").read_bytes()


def test_a_line_of_ours_begins_a_line_and_comes_where_the_log_is(tmp_path: Path) -> None:
    console = ended(tmp_path / "console.log", b"[    1.000000] dead\n")
    console.note("[    2.000000] orchestrate: a line")
    assert (tmp_path / "console.log").read_text().endswith("dead\n\n[    2.000000] orchestrate: a line\n")


def test_a_guest_that_lives_is_told_of_among_its_lines(tmp_path: Path) -> None:
    console = Console(tmp_path / "console.log")
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream:
        console.follow(stream)
        first, later = console.watch(re.compile(b"half a l")), console.watch(re.compile(b"ine"))
        os.write(write, b"half a l")
        assert first.seen.wait(5)
        at = console.mark()
        console.note("[    2.000000] orchestrate: a line")
        os.write(write, b"ine\n")
        assert later.seen.wait(5)
        os.close(write)
        console.drain(5)
    assert (tmp_path / "console.log").read_text() == "half a l\n[    2.000000] orchestrate: a line\nine\n"
    assert at == len("half a l")


def stage_after(writes: int | None, tmp_path: Path) -> tuple[Outcome, str]:
    ready = StageResult(STAGE, Outcome.PASS, 0.1, message="3 instructions are watched")
    facts = KernelFacts(vma_writes=writes)
    [stage] = classify(KernelRecord("base.patched", "base", Role.PATCHED, "", (ready,), facts=facts), tmp_path).stages
    return stage.outcome, stage.message


def test_a_watch_that_saw_nothing_is_none(tmp_path: Path) -> None:
    assert stage_after(None, tmp_path) == (Outcome.PASS, "3 instructions are watched")
    outcome, message = stage_after(12_345, tmp_path)
    assert outcome is Outcome.PASS
    assert message.startswith("12,345 writes of a VMA's members were watched")
    outcome, message = stage_after(0, tmp_path)
    assert outcome is Outcome.SKIP
    assert "not watched" in message
