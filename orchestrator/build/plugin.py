"""The plugins that count instructions, compiled, and proved on the QEMU that is to load them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context
from orchestrator.errors import CommandFailed
from orchestrator.guest.accel import boot_sector_command, qemu_version
from orchestrator.guest.counters import Counters, Counting, write_addresses
from orchestrator.manifest import file_digest
from orchestrator.model.machine import Accel
from orchestrator.process import Command
from orchestrator.store import key

FILES = Path(__file__).parents[1] / "guest/files"
COVERAGE, INSTRUCTIONS = FILES / "coverage/plugin.c", FILES / "instructions/plugin.c"
FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-shared", "-fPIC", "-fvisibility=hidden", "-pthread")
PLUGIN = "plugin.so"
PROOF_S = 10.0  # below one second on an idle host
# The boot sector begins here, once; and ends with a signature that nothing executes
Counted = tuple[int, ...]
RUNS_ONCE, NEVER_RUNS = 0x7C00, 0x7DFE


def coverage_plugin(context: Context, toolchain: Toolchain, qemu: str, accel: Accel) -> Path:
    """How often each of some instructions is executed. Raises as _plugin."""
    return _plugin(context, toolchain, qemu, accel, COVERAGE, lambda counts: counts == (1, 0))


def instructions_plugin(context: Context, toolchain: Toolchain, qemu: str, accel: Accel) -> Path:
    """How many instructions were executed when some are. Raises as _plugin."""
    return _plugin(context, toolchain, qemu, accel, INSTRUCTIONS, lambda counts: counts[0] > 0 == counts[1])


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
            raise CommandFailed("the counting plugin does not compile", detail=result.tail(), hint=command.line())
        _prove(context, scratch / PLUGIN, qemu, accel, is_right, above=0 if source == INSTRUCTIONS else None)

    return context.store.put("plugin", product_key, fill) / PLUGIN


def _prove(
    context: Context,
    plugin: Path,
    qemu: str,
    accel: Accel,
    is_right: Callable[[Counted], bool],
    above: int | None,
) -> None:
    """Boot the boot sector with two instructions counted. Raises CommandFailed."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-plugin-") as scratch:
        where = Path(scratch)
        counting = Counting(plugin, where / "addresses", (RUNS_ONCE, NEVER_RUNS), above)
        write_addresses(counting)
        counters = Counters(where, counting)
        command = boot_sector_command(where, context.runner, qemu, accel, *counting.argv())
        result = context.runner.run(Command(command.argv, cwd=where), timeout_s=PROOF_S)
        counts = counters.read(is_alive=lambda: False).counts
    if is_right(counts):
        return
    said = result.stderr.decode(errors="replace").strip().splitlines()
    how = f"counted {counts[0]} at an instruction that runs once, and {counts[1]} at one that never does"
    raise CommandFailed(f"this QEMU does not count: {said[-1] if said else how}", detail=result.tail())
