"""A built kernel -> where the CPUs of its guests stand still now and then, so that others come between.

It is done where a series changes something. A base that is tested beside a series stands still where that series would
change it: else what both do wrong would be noticed of one of them only.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator.build.plugin import stalls_plugin
from orchestrator.build.product import Product
from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context
from orchestrator.errors import CommandFailed, ToolMissing, VmlinuxUnreadable
from orchestrator.evidence.coverage import functions, x86_jumps
from orchestrator.evidence.coverage.elf import read_code
from orchestrator.evidence.coverage.stall_places import places
from orchestrator.guest.counters import STALLS, Counting, write_addresses
from orchestrator.jobs.build import Built
from orchestrator.jobs.coverage import EMULATOR, disassembled, kept_code_map, known_functions
from orchestrator.model.kernel import USUAL_ARCH
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.outcome import Outcome
from orchestrator.words import counted

ADDRESSES = "stalls.addresses"


def stalls(
    context: Context, built: Built, other: str, machine: Machine, accel: Accel, home: Path, seed: int
) -> Product[Counting | None]:
    """Where CPUs stand still, written into the kernel's directory in a run. `other`: the commit or tree from which this
    kernel differs. None, with the reason, where they do not: a run without it is worth having."""
    if why := _why_not(machine, accel):
        return Product(None, cached=False, outcome=Outcome.SKIP, note=why)
    try:
        found, cached = kept_code_map(context, built, other)
        known = known_functions(built.kernel.vmlinux)
        chosen = _places(context, built.kernel.vmlinux, set(found.addresses) - {found.control}, known)
        if not chosen:
            return Product(None, cached=cached, note="nothing that differs has instructions in this kernel")
        plugin = stalls_plugin(context, find_toolchain(context).value, machine.qemu, accel)
    except (CommandFailed, ToolMissing, VmlinuxUnreadable) as error:
        note = f"CPUs stand still nowhere: {error.message}"
        return Product(None, cached=False, outcome=Outcome.SKIP, note=note, detail=error.detail)
    made = Counting(plugin, home / ADDRESSES, chosen, counters=STALLS, seed=seed)
    write_addresses(made)
    names = {known.at(address) for address in chosen}
    note = f"CPUs stand still now and then at {counted(len(chosen), 'place')} in {counted(len(names), 'function')}"
    return Product(made, cached=cached, note=note)


def _why_not(machine: Machine, accel: Accel) -> str:
    if accel.name != EMULATOR:
        return f"CPUs stand still nowhere under {accel.name.upper()}: only the emulator can make them (--accel tcg)"
    if machine.arch != USUAL_ARCH:
        return f"CPUs stand still nowhere on {machine.arch}: nobody has looked where others come between there"
    return "one CPU: there is nobody to come between" if machine.smp == 1 else ""


def _places(context: Context, vmlinux: Path, statements: set[int], known: functions.Functions) -> tuple[int, ...]:
    """Raises VmlinuxUnreadable, CommandFailed, ToolMissing."""
    spans = sorted({known.span(address) for address in statements} - {(0, 0)})
    if not spans:
        return ()
    codes = read_code(vmlinux, spans)
    found = x86_jumps.between(disassembled(context, codes), [start for start, _ in spans], codes)
    return places(statements, sorted({*found}), known.span)
