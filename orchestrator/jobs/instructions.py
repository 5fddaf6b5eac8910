"""What QEMU is to count where the cost of operations is measured."""

from __future__ import annotations

from pathlib import Path

from orchestrator.build.plugin import instructions_plugin
from orchestrator.build.product import Product
from orchestrator.build.toolchain import Toolchain
from orchestrator.context import Context
from orchestrator.guest.counters import Counting, write_addresses
from orchestrator.model.machine import Accel
from orchestrator.parse.results.instructions import MARKS

ADDRESSES = "marks.addresses"
COUNTS = "tcg-icount"  # the accelerator that counts, and whose clock does


def counting_instructions(
    context: Context, toolchain: Toolchain, qemu: str, accel: Accel, home: Path
) -> Product[Counting]:
    """Raises CommandFailed, ToolMissing if this QEMU cannot."""
    plugin = instructions_plugin(context, toolchain, qemu, accel)
    made = Counting(plugin, home / ADDRESSES, MARKS)
    write_addresses(made)
    return Product(made, cached=False, note="instructions of the kernel, on all CPUs")
