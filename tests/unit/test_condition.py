"""A health sample -> what the guest is like; and the parsers that it is taken with."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import pytest

from orchestrator.guest.condition import CaseTask, CpuMode, CpuSample, HealthSample, condition, is_stuck
from orchestrator.guest.dump import assemble
from orchestrator.guest.health import parse_tasks
from orchestrator.model.attempt import Condition

IDLE = tuple(CpuSample(CpuMode.HALTED, 0xFFFFFFFF81000000, True) for _ in range(20))
OFF = tuple(CpuSample(CpuMode.HALTED, 0xFFFFFFFF81000000, False) for _ in range(20))
LOOP = tuple(CpuSample(CpuMode.KERNEL, 0xFFFFFFFF81000000 + n % 4, False) for n in range(20))
BUSY = tuple(CpuSample(CpuMode.KERNEL, 0xFFFFFFFF81000000 + 4096 * n, True) for n in range(20))
MIXED = (*LOOP[:19], CpuSample(CpuMode.USER, 0x400000, True))
SILENT = HealthSample("S", "running", sampled_s=1.0, cpus=(IDLE, IDLE), cpu_share=1.0)


@pytest.mark.parametrize(
    ("sample", "expected", "word"),
    [
        (HealthSample("", ""), Condition.QEMU_GONE, "ended"),
        (HealthSample("T", ""), Condition.QEMU_STOPPED, "state T"),
        (HealthSample("S", ""), Condition.QEMU_STOPPED, "control socket"),
        (HealthSample("S", "io-error"), Condition.QEMU_STOPPED, "io-error"),
        (HealthSample("S", "guest-panicked"), Condition.PANICKED, "panicked"),
        (SILENT, Condition.USERSPACE_DEAD, "idle 20 of 20"),
        (replace(SILENT, cpus=(OFF, OFF), answers_break=False), Condition.HALTED, "all 2 CPUs"),
        (replace(SILENT, cpus=(OFF, IDLE)), Condition.USERSPACE_DEAD, "the CPUs work"),
        (replace(SILENT, answers_break=False), Condition.USERSPACE_DEAD, "not answer on its console"),
        (replace(SILENT, cpus=(BUSY, MIXED)), Condition.USERSPACE_DEAD, "in the kernel 20 of 20"),
        (replace(SILENT, cpus=(IDLE, LOOP)), Condition.CPU_HUNG, "CPU 1 in the kernel at 0xffffffff81000003"),
        (replace(SILENT, cpus=(LOOP, LOOP)), Condition.KERNEL_HUNG, "all 2 CPUs"),
        (replace(SILENT, cpus=(LOOP, LOOP), starved_share=0.7), Condition.KERNEL_HUNG, "interrupts off"),
        (replace(SILENT, cpus=(LOOP, LOOP), cpu_share=0.0, starved_share=0.9), Condition.HOST_OVERLOADED, "90%"),
        (replace(SILENT, steal_share=0.6, cpu_share=0.2), Condition.HOST_OVERLOADED, "60% stolen"),
        (replace(SILENT, starved_share=0.6, cpu_share=0.98), Condition.USERSPACE_DEAD, "the CPUs work"),
    ],
)
def test_a_guest_that_does_not_answer(sample: HealthSample, expected: Condition, word: str) -> None:
    found, sentence = condition(sample)
    assert found is expected
    assert word in sentence


def answering(*tasks: tuple[str, int], **changes: float) -> HealthSample:
    """A guest whose case has tasks in these states, which have used so many ticks meanwhile."""
    before = tuple(CaseTask(pid, state, 10) for pid, (state, _) in enumerate(tasks))
    after = tuple(CaseTask(pid, state, 10 + ticks) for pid, (state, ticks) in enumerate(tasks))
    return replace(SILENT, answers_ssh=True, before=before, after=after, **changes)


@pytest.mark.parametrize(
    ("sample", "expected", "words"),
    [
        (answering(("R", 90), ("S", 0)), Condition.TEST_SLOW, "its tasks: 1 asleep, 1 at work"),
        (answering(("R", 90), starved_share=0.8), Condition.HOST_OVERLOADED, "80%"),
        (answering(("D", 0), ("R", 9)), Condition.TEST_HUNG, "its tasks: 1 blocked, 1 at work"),
        (answering(("D", 0), starved_share=0.8), Condition.TEST_HUNG, "its tasks: 1 blocked"),
        (answering(("S", 0)), Condition.TEST_HUNG, "its tasks: 1 asleep"),
        (answering(), Condition.TEST_HUNG, "its tasks are gone"),
        # the other CPU answers, and what spins with interrupts off is charged no time
        (replace(answering(("R", 0)), cpus=(IDLE, LOOP)), Condition.CPU_HUNG, "CPU 1 in the kernel"),
    ],
)
def test_a_guest_that_answers(sample: HealthSample, expected: Condition, words: str) -> None:
    found, sentence = condition(sample)
    assert found is expected
    assert words in sentence


def test_only_what_is_in_the_kernel_at_every_look_is_stuck() -> None:
    assert is_stuck(LOOP)
    assert not is_stuck(MIXED)
    assert not is_stuck(BUSY)
    assert not is_stuck(IDLE)
    assert not is_stuck(LOOP[:1])


def test_what_the_cpus_do_is_not_claimed_where_it_cannot_be_read() -> None:
    found, words = condition(HealthSample("S", "running", sampled_s=1.0, cpu_share=1.0, answers_break=False))
    assert found is Condition.USERSPACE_DEAD
    assert words.startswith("what its CPUs do cannot be read here; the kernel does not answer")


def test_tasks_are_found_by_the_name_that_the_kernel_cuts() -> None:
    rest = "1 1 1 0 -1 4194304 9 0 0 0 7 5 0 0 20 0 1 0 99"
    text = f"1 (init) S {rest}\n66 (fault-vs-munmap) D {rest}\n67 (a) b) (c) R {rest}\n"
    assert parse_tasks(text, "fault-vs-munmap-and-more") == (CaseTask(66, "D", 12),)
    assert parse_tasks(text, "a) b) (c") == (CaseTask(67, "R", 12),)


def flattened(*pieces: tuple[int, bytes], end: bool = True) -> io.BytesIO:
    stream = b"makedumpfile\0".ljust(4096, b"\0")
    for offset, data in pieces:
        stream += struct.pack(">qq", offset, len(data)) + data
    return io.BytesIO(stream + (struct.pack(">qq", -1, -1) if end else b""))


def test_a_flattened_dump_is_put_together_in_any_order() -> None:
    target = io.BytesIO()
    uname = b"Unknown, longer than ours"
    assemble(flattened((400, b"later"), (12 + 65 * 4, uname), (0, b"KDUMP   "), (500, b"")), target, "aarch64")
    data = target.getvalue()
    assert data.startswith(b"KDUMP   ")
    assert data[400:405] == b"later"
    # names that libkdumpfile insists on and QEMU leaves out
    names = [data[12 + 65 * n : 12 + 65 * (n + 1)].rstrip(b"\0") for n in range(5)]
    assert names == [b"Linux", b"guest", b"unknown", b"unknown", b"aarch64"]


@pytest.mark.parametrize(
    "stream",
    [
        io.BytesIO(b""),
        io.BytesIO(b"KDUMP   " * 600),
        flattened((0, b"x"), end=False),
        io.BytesIO(flattened((0, b"xyz")).getvalue()[:-17]),
    ],
)
def test_a_dump_that_is_cut_or_something_else_is_refused(stream: io.BytesIO) -> None:
    with pytest.raises(ValueError, match=r"the dump ends in the middle|something else"):
        assemble(stream, io.BytesIO(), "x86_64")
