"""The plugins that count instructions, watch them or let CPUs stand still there, compiled, and proved on the QEMU that
is to load them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context
from orchestrator.errors import CommandFailed
from orchestrator.guest.accel import boot_sector_command, qemu_version
from orchestrator.guest.counters import Counters, Counting, write_addresses
from orchestrator.host.process import Command, CommandResult
from orchestrator.model.coverage import Jump
from orchestrator.model.machine import Accel
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import key

FILES = Path(__file__).parents[1] / "guest/files/plugins"
COVERAGE, INSTRUCTIONS, STALLS = (FILES / f"{name}.c" for name in ("coverage", "instructions", "stalls"))
VMA_WRITES = FILES / "vma_writes.c"
SHARED = FILES / "plugin.h"
FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-shared", "-fPIC", "-fvisibility=hidden", "-pthread")
PLUGIN = "plugin.so"
WAYS = "ways.txt"  # beside the plugin: why it does not count right which ways jumps go; empty: it does
PROOF_S = 10.0  # below one second on an idle host, one and a half with the ways of jumps
# The boot sector begins here, once; and ends with a signature that nothing executes
Counted = tuple[int, ...]
RUNS_ONCE, NEVER_RUNS = 0x7C00, 0x7DFE
WRITES_ONCE = 0x7C68  # movq %rax, (%rdi)
# Its conditional jumps, each with how often it is taken, and not. Where the last one leads is said to be entered by
# interrupts: then nobody knows whether it was this jump that led there
JUMPS = {
    Jump(0x7C7E, 0x7C99, 0x7C80): (0, 1),  # jne failed
    Jump(0x7C86, 0x7C83, 0x7C88): (19_999_999, 1),  # loop 1b
    Jump(0x7C97, 0x7C9B, 0x7C99): (0, 0),  # je 2f
}
ENTRIES = (0x7C9B,)


def coverage_plugin(context: Context, toolchain: Toolchain, qemu: str, accel: Accel) -> Path:
    """How often each of some instructions is executed; also which ways jumps go, unless `no_ways` says that this QEMU
    does not count those right. Raises as _plugin."""
    return _plugin(context, toolchain, qemu, accel, COVERAGE, lambda counts: counts == (1, 0))


def no_ways(plugin: Path) -> str:
    """Why a plugin for coverage does not count which ways jumps go; empty if it does."""
    return plugin.with_name(WAYS).read_text()


def instructions_plugin(context: Context, toolchain: Toolchain, qemu: str, accel: Accel) -> Path:
    """How many instructions were executed when some are. Raises as _plugin."""
    return _plugin(context, toolchain, qemu, accel, INSTRUCTIONS, lambda counts: counts[0] > 0 == counts[1])


def stalls_plugin(context: Context, toolchain: Toolchain, qemu: str, accel: Accel) -> Path:
    """Lets CPUs stand still at some instructions. Raises as _plugin."""
    return _plugin(context, toolchain, qemu, accel, STALLS, lambda counts: counts == (1, 0))


def vma_writes_plugin(context: Context, toolchain: Toolchain, qemu: str, accel: Accel) -> Path:
    """Which writes of VMAs come without their lock. Raises as _plugin."""
    return _plugin(context, toolchain, qemu, accel, VMA_WRITES, lambda counts: counts == (1, 0))


def _plugin(
    context: Context, toolchain: Toolchain, qemu: str, accel: Accel, source: Path, is_right: Callable[[Counted], bool]
) -> Path:
    """A plugin, which counts right in this QEMU with this accelerator: `is_right` is asked about the counts of a boot
    sector's first byte, and of one that nothing executes. Raises CommandFailed with what it or QEMU says,
    ToolMissing."""
    product_key = key(
        "plugin",
        file=PLUGIN,  # an earlier version called it otherwise
        source=file_digest(source),
        shared=file_digest(SHARED),
        flags=FLAGS,
        compiler=toolchain.compiler,
        qemu=qemu_version(qemu, context.runner),
        accel=accel.args,
    )
    if found := context.store.get("plugin", product_key):
        return found / PLUGIN

    def fill(scratch: Path) -> None:
        command = Command(("gcc", *FLAGS, "-o", os.fspath(scratch / PLUGIN), os.fspath(source)))
        result = context.runner.run(command)
        if result.status != 0:
            raise CommandFailed("the plugin does not compile", detail=result.tail(), hint=command.line())
        once = WRITES_ONCE if source == VMA_WRITES else RUNS_ONCE
        counting = Counting(scratch / PLUGIN, scratch, (once, NEVER_RUNS), 0 if source == INSTRUCTIONS else None)
        _prove(context, counting, qemu, accel, is_right)
        if source == COVERAGE:
            (scratch / WAYS).write_text(_why_no_ways(context, scratch / PLUGIN, qemu, accel))

    return context.store.put("plugin", product_key, fill) / PLUGIN


def _prove(context: Context, counting: Counting, qemu: str, accel: Accel, is_right: Callable[[Counted], bool]) -> None:
    """Boot the boot sector with two instructions counted. Raises CommandFailed."""
    counts, result = _counted(context, counting, qemu, accel)
    if is_right(counts):
        return
    how = f"counted {counts[0]} at an instruction that runs once, and {counts[1]} at one that never does"
    raise CommandFailed(f"this QEMU does not count: {_said(result) or how}", detail=result.tail())


def _why_no_ways(context: Context, plugin: Path, qemu: str, accel: Accel) -> str:
    """Boot it again with its jumps watched; empty if their ways were counted right."""
    counting = Counting(plugin, plugin, (RUNS_ONCE,), jumps=tuple(JUMPS), entries=ENTRIES)
    (_, *counts), result = _counted(context, counting, qemu, accel)
    expected = [count for ways in JUMPS.values() for count in ways]
    if counts == expected:
        return ""
    how = f"counted {counts} where jumps go their ways {expected}"
    return f"this QEMU does not count which ways jumps go: {_said(result) or how}"


def _counted(context: Context, counting: Counting, qemu: str, accel: Accel) -> tuple[Counted, CommandResult]:
    """What is counted in the boot sector, and how its QEMU ended."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-plugin-") as scratch:
        where = Path(scratch)
        counting = replace(counting, file=where / "addresses")
        write_addresses(counting)
        counters = Counters(where, counting)
        command = boot_sector_command(where, context.runner, qemu, accel, *counting.argv())
        result = context.runner.run(Command(command.argv, cwd=where), timeout_s=PROOF_S)
        return counters.read(is_alive=lambda: False).counts, result


def _said(result: CommandResult) -> str:
    lines = result.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
