"""The counting plugin in a real QEMU that runs a boot sector: what is counted, and what is left when QEMU is gone.

ORCHESTRATE_TEST_QEMUS names more QEMUs, separated by colons: both interfaces of plugins are worth a test.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.build import plugin
from orchestrator.build.plugin import coverage_plugin
from orchestrator.build.toolchain import Toolchain, find_toolchain
from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.errors import CommandFailed
from orchestrator.evidence import x86_code
from orchestrator.evidence.coverage import x86_jumps
from orchestrator.evidence.coverage.hits import read_gone, read_hits, write_hits
from orchestrator.guest import accel
from orchestrator.guest.accel import SOURCE, boot_sector_command
from orchestrator.guest.counters import STALLS, VMA_WRITES, Counters, Counting, write_addresses
from orchestrator.host.process import Cancel, Command, Runner
from orchestrator.model.coverage import Jump

QEMUS = ["qemu-system-x86_64", *filter(None, os.environ.get("ORCHESTRATE_TEST_QEMUS", "").split(":"))]
TCG = catalog.load_catalog().accel("tcg")
START = 0x7C00
ROUNDS = 20_000_000  # of the boot sector's loop
BOOTS = 4


@pytest.fixture
def context(tmp_path: Path) -> Context:
    places = Places(tmp_path / "cache", tmp_path / "state")
    return Context(places, catalog.load_catalog(), Runner(Cancel()), lambda event: None)


@pytest.fixture
def toolchain(context: Context) -> Toolchain:
    return find_toolchain(context).value


@pytest.fixture(params=QEMUS)
def qemu(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def labels(where: Path, source: Path = SOURCE) -> dict[str, int]:
    """Addresses in a boot sector; `loop` is the first instruction of the loop in the probe's."""
    subprocess.run(["gcc", "-c", "-o", where / "probe.o", source], check=True)
    said = subprocess.run(["objdump", "-d", where / "probe.o"], check=True, capture_output=True, text=True).stdout
    loop = next((line for line in said.splitlines() if "loop " in line), "loop 0")
    names = subprocess.run(["nm", where / "probe.o"], check=True, capture_output=True, text=True).stdout.splitlines()
    found = {name: START + int(value, 16) for value, _, name in map(str.split, names)}
    return {**found, "loop": START + int(loop.split("loop")[1].split()[0].removeprefix("0x"), 16)}


class Guest:
    """A QEMU that runs the boot sector with some instructions counted."""

    def __init__(
        self,
        context: Context,
        library: Path,
        qemu: str,
        where: Path,
        addresses: tuple[int, ...],
        jumps: tuple[Jump, ...] = (),
        entries: tuple[int, ...] = (),
    ) -> None:
        where.mkdir()
        counting = Counting(library, where / "some, addresses", addresses, jumps=jumps, entries=entries)
        write_addresses(counting)
        self.counters = Counters(where, counting)
        command = boot_sector_command(where, context.runner, qemu, TCG, *counting.argv())
        self.process = subprocess.Popen(command.argv, cwd=where)

    def read(self) -> tuple[int, ...]:
        return self.counters.read(lambda: self.process.poll() is None).counts


@pytest.fixture
def at(tmp_path: Path) -> dict[str, int]:
    return labels(tmp_path)


def test_each_execution_is_counted_and_nothing_else(
    context: Context, toolchain: Toolchain, qemu: str, tmp_path: Path, at: dict[str, int]
) -> None:
    library = coverage_plugin(context, toolchain, qemu, TCG)
    wanted = (START, at["long_mode"], at["loop"], at["failed"], 0xFFFF_FFFF_8123_4567)
    guest = Guest(context, library, qemu, tmp_path / "a, guest", wanted)
    guest.process.wait(60)
    assert guest.read() == (1, 1, ROUNDS, 0, 0)


WAYS = """
	.code16
	.globl _start
_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ss
	movw	$0x7c00, %sp
	movw	$1000, %cx
again:	movw	%cx, %ax
	andw	$3, %ax
	cmpw	$1, %ax
first:	ja	above		/* 2 and 3 */
second:	je	equal		/* 1, else 0 */
on:	nop
	jmp	next
equal:	nop
	jmp	next
above:	nop
	jmp	on		/* comes to `on`, and not from a jump that is watched */
next:	decw	%cx
third:	jnz	again
	xorw	%ax, %ax
fourth:	jz	behind
	nop
behind:	movw	$0xf4, %dx
	movb	$0x2a, %al
	outb	%al, %dx
	hlt
	.org	510
	.word	0xaa55
"""


def test_which_ways_jumps_go(
    context: Context, toolchain: Toolchain, qemu: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A jump right behind another one; a place that other code comes to as well; and one where interrupts are said to
    enter: whether a jump led there nobody knows."""
    library = coverage_plugin(context, toolchain, qemu, TCG)
    assert plugin.no_ways(library) == ""
    source = tmp_path / "ways.S"
    source.write_text(WAYS)
    monkeypatch.setattr(accel, "SOURCE", source)
    at = labels(tmp_path, source)
    first, second, third, fourth = (at[name] for name in ("first", "second", "third", "fourth"))
    jumps = (
        Jump(first, at["above"], second),
        Jump(second, at["equal"], at["on"]),
        Jump(third, at["again"], third + 2),
        Jump(fourth, at["behind"], fourth + 2),
    )
    guest = Guest(context, library, qemu, tmp_path / "guest", (START,), jumps, (at["behind"],))
    guest.process.wait(60)
    counts = guest.counters.read(lambda: False)
    assert counts.since(None) == {START: 1}
    assert counts.gone_since(None) == {
        (first, at["above"]): 500,
        (first, second): 500,
        (second, at["equal"]): 250,
        (second, at["on"]): 250,
        (third, at["again"]): 999,
        (third, third + 2): 1,
    }


def test_the_proof_knows_the_jumps_of_the_boot_sector(tmp_path: Path) -> None:
    at = labels(tmp_path)
    code = tmp_path / "code"
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", tmp_path / "probe.o", code], check=True)
    begin, end = at["long_mode"], at["gdt"]
    piece = code.read_bytes()[begin - START : end - START]
    code.write_bytes(x86_code.joined([piece]))
    said = subprocess.run([*x86_code.DISASSEMBLE, code], check=True, capture_output=True, text=True).stdout
    assert tuple(x86_jumps.conditional_jumps(said, [begin], [piece])) == tuple(plugin.JUMPS)


def test_a_qemu_that_misses_jumps_counts_instructions_all_the_same(
    context: Context, toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {jump: (taken, not_taken + 1) for jump, (taken, not_taken) in plugin.JUMPS.items()}
    monkeypatch.setattr(plugin, "JUMPS", wrong)
    library = coverage_plugin(context, toolchain, QEMUS[0], TCG)
    words = "this QEMU does not count which ways jumps go: counted [0, 1, 19999999, 1, 0, 0]"
    assert plugin.no_ways(library).startswith(words)


def test_counts_outlive_a_qemu_that_is_killed(
    context: Context, toolchain: Toolchain, qemu: str, tmp_path: Path, at: dict[str, int]
) -> None:
    library = coverage_plugin(context, toolchain, qemu, TCG)
    guest = Guest(context, library, qemu, tmp_path / "guest", (START, at["loop"]))
    while guest.read()[1] == 0:
        assert guest.process.poll() is None
        time.sleep(0.001)
    alive = guest.read()
    guest.process.send_signal(signal.SIGKILL)
    guest.process.wait(60)
    dead = guest.read()
    assert dead[0] == 1
    assert dead[1] >= alive[1] > 0


def test_readings_while_it_runs_only_grow(
    context: Context, toolchain: Toolchain, qemu: str, tmp_path: Path, at: dict[str, int]
) -> None:
    library = coverage_plugin(context, toolchain, qemu, TCG)
    guest = Guest(context, library, qemu, tmp_path / "guest", (START, at["loop"]))
    readings = []
    while guest.process.poll() is None:
        readings.append(guest.read())
        time.sleep(0.005)
    assert readings == sorted(readings)
    assert guest.read() == (1, ROUNDS)


def test_it_is_built_and_proved_once(context: Context, toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    made = coverage_plugin(context, toolchain, QEMUS[0], TCG)
    monkeypatch.setattr(plugin, "_prove", lambda *_: pytest.fail("proved again"))
    assert coverage_plugin(context, toolchain, QEMUS[0], TCG) == made


def test_what_another_version_left_under_another_name_is_not_taken(
    context: Context, toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "PLUGIN", "other.so")
    assert coverage_plugin(context, toolchain, QEMUS[0], TCG).is_file()
    monkeypatch.undo()
    assert coverage_plugin(context, toolchain, QEMUS[0], TCG).is_file()


def test_a_qemu_that_does_not_count_is_found_out(context: Context, toolchain: Toolchain, tmp_path: Path) -> None:
    """One without plugins says so; one that ignores them counts nothing."""
    refusing, ignoring = tmp_path / "refusing", tmp_path / "ignoring"
    version = 'case "$*" in --version) exec qemu-system-x86_64 --version;; esac\n'
    refusing.write_text(f"#!/bin/sh\n{version}echo 'qemu: -plugin: invalid option' >&2\nexit 1\n")
    ignoring.write_text(f"#!/bin/sh\n{version}exit 85\n")
    for path, words in (
        (refusing, "-plugin: invalid option"),
        (ignoring, "counted 0 at an instruction that runs once, and 0 at one that never does"),
    ):
        path.chmod(0o755)
        with pytest.raises(CommandFailed, match=words):
            coverage_plugin(context, toolchain, str(path), TCG)
    assert not list(context.store.products())


def test_a_source_that_does_not_compile_is_an_error_of_ours(
    context: Context, toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.c"
    broken.write_text("int main(void) { return undeclared; }\n")
    monkeypatch.setattr(plugin, "COVERAGE", broken)
    with pytest.raises(CommandFailed, match="does not compile") as raised:
        coverage_plugin(context, toolchain, QEMUS[0], TCG)
    assert "undeclared" in raised.value.detail


def test_counters_of_another_size_are_refused(context: Context, toolchain: Toolchain, tmp_path: Path) -> None:
    library = coverage_plugin(context, toolchain, QEMUS[0], TCG)
    counting = Counting(library, tmp_path / "addresses", (1, 2, 3))
    write_addresses(counting)
    Counters(tmp_path, replace(counting, addresses=(1,)))
    command = boot_sector_command(tmp_path, context.runner, QEMUS[0], TCG, *counting.argv())
    done = subprocess.run(command.argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "2 words are no place for 3 counters" in done.stderr


def test_hits_come_back_from_their_file(tmp_path: Path) -> None:
    hits = {0xFFFFFFFF81000000: 3, 0x7C00: 1}
    write_hits(hits, tmp_path / "coverage.txt")
    assert read_hits(tmp_path / "coverage.txt") == hits
    assert (tmp_path / "coverage.txt").read_text() == "7c00 1\nffffffff81000000 3\n"
    gone = {(0x7C00, 0x7C02): 7, (0x7C00, 0x7C10): 1}
    write_hits(hits, tmp_path / "coverage.txt", gone)
    assert (read_hits(tmp_path / "coverage.txt"), read_gone(tmp_path / "coverage.txt")) == (hits, gone)


def test_instructions_are_taken_down_at_marks(
    context: Context, toolchain: Toolchain, qemu: str, tmp_path: Path
) -> None:
    """The loop's instruction is executed ROUNDS times between the first instruction and the last one."""
    library = plugin.instructions_plugin(context, toolchain, qemu, TCG)
    found = labels(tmp_path)
    marks = (START, found["loop"] + 5)  # addq takes 3 bytes, loop 2
    where = tmp_path / "guest"
    where.mkdir()
    executed = {}
    for above in (START, 1 << 63):
        counting = Counting(library, where / "addresses", marks, above)
        write_addresses(counting)
        counters = Counters(where, counting)
        command = boot_sector_command(where, context.runner, qemu, TCG, *counting.argv())
        subprocess.run(command.argv, cwd=where, check=False, timeout=60)
        begin, end = counters.read(is_alive=lambda: False).counts
        executed[above] = end - begin
    assert 2 * ROUNDS <= executed[START] < 2 * ROUNDS + 10_000
    assert executed[1 << 63] == 0, "nothing of it is the kernel's"


def test_cpus_stand_still_at_places(context: Context, toolchain: Toolchain, qemu: str, tmp_path: Path) -> None:
    """A place that is passed all the time has its part of the time; one that is passed once has its stall."""
    names = labels(tmp_path)
    places = tuple(sorted((START, names["loop"], START + 509)))
    counting = Counting(
        plugin.stalls_plugin(context, toolchain, qemu, TCG), tmp_path / "a", places, counters=STALLS, seed=7
    )
    write_addresses(counting)
    stalled = Counters(tmp_path, counting)
    command = boot_sector_command(tmp_path, context.runner, qemu, TCG, *counting.argv())
    # a fast host is through the loop in one epoch or two, in which the place has two or three
    results = [context.runner.run(Command(command.argv, cwd=tmp_path), timeout_s=30) for _ in range(BOOTS)]
    once, often, never = stalled.read(is_alive=lambda: False).counts
    assert (once, never) == (BOOTS, 0), results[-1].tail()
    assert 5 < often < 5000 * sum(result.time_s for result in results)


def test_stalls_without_room_for_their_counts_are_refused(
    context: Context, toolchain: Toolchain, qemu: str, tmp_path: Path
) -> None:
    counting = Counting(plugin.stalls_plugin(context, toolchain, qemu, TCG), tmp_path / "a", (START,), counters=STALLS)
    write_addresses(counting)
    (tmp_path / STALLS).write_bytes(bytes(8))
    command = boot_sector_command(tmp_path, context.runner, qemu, TCG, *counting.argv())
    result = context.runner.run(Command(command.argv, cwd=tmp_path), timeout_s=30)
    assert result.status == 1
    assert "no place for 1 counters" in result.tail()


def test_writes_are_told_from_reads(context: Context, toolchain: Toolchain, qemu: str, tmp_path: Path) -> None:
    """Of the boot sector: two writes, and what reads after them. Without a layout each write counts."""
    writes, reads = (plugin.WRITES_ONCE, plugin.WRITES_ONCE + 3), next(iter(plugin.JUMPS)).not_taken
    library = plugin.vma_writes_plugin(context, toolchain, qemu, TCG)
    counting = Counting(library, tmp_path / "a", (*writes, reads), counters=VMA_WRITES)
    write_addresses(counting)
    counters = Counters(tmp_path, counting)
    command = boot_sector_command(tmp_path, context.runner, qemu, TCG, *counting.argv())
    context.runner.run(Command(command.argv, cwd=tmp_path), timeout_s=30)
    assert counters.read(is_alive=lambda: False).counts == (1, 1, 0)
