"""A built kernel -> the instructions whose writes of VMAs are watched in its guests: who writes a member that needs the
VMA's write lock without it is reported, whether anybody was harmed this time or not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from orchestrator.build.plugin import vma_writes_plugin
from orchestrator.build.product import Product
from orchestrator.build.toolchain import find_toolchain
from orchestrator.context import Context
from orchestrator.declarations.schema import from_toml
from orchestrator.errors import CommandFailed, ToolMissing, VmlinuxUnreadable
from orchestrator.evidence.coverage import functions, line_table
from orchestrator.evidence.coverage.elf import read_code, read_sections
from orchestrator.evidence.vma_writes.layout import VmaLayout, vma_layout
from orchestrator.evidence.vma_writes.stores import stores
from orchestrator.guest.counters import VMA_WRITES, Counting, write_addresses
from orchestrator.guest.vma_writes import VmaWatch
from orchestrator.jobs.build import Built
from orchestrator.jobs.coverage import EMULATOR, disassembled
from orchestrator.model.kernel import USUAL_ARCH
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.outcome import Outcome
from orchestrator.source.git import Git
from orchestrator.storage import kept
from orchestrator.storage.store import key, write_atomically
from orchestrator.words import counted

ADDRESSES = "vma-writes.addresses"
PLACES = "vma-writes.places"  # the same for people: a line for each address
DATA = files("orchestrator") / "data/vma-writes.toml"
FILE, SCHEMA = "watched.json", 3
HOLE_MIB = 2048  # of more memory the plugin does not know where it lies (files/plugins/vma_writes.c: HOLE_AT)


@dataclass(frozen=True)
class Rules:
    """data/vma-writes.toml, which explains them."""

    members: tuple[str, ...]
    watched: tuple[str, ...]
    slabs: tuple[str, ...]
    unwatched: tuple[str, ...]


@dataclass(frozen=True)
class Watched:
    """What is watched in guests of one kernel. `why_not`: why nothing is; empty: it is."""

    layout: VmaLayout | None = None
    addresses: tuple[int, ...] = ()
    places: tuple[str, ...] = ()  # function+0xoffset/0xsize of each
    why_not: str = ""


def vma_writes(context: Context, built: Built, machine: Machine, accel: Accel, home: Path) -> Product[VmaWatch | None]:
    """What is watched, written into the kernel's directory in a run. None, with the reason, where nothing is: a run
    without it is worth having."""
    if why := _why_not(machine, accel):
        return Product(None, cached=False, outcome=Outcome.SKIP, note=why)
    try:
        found, cached = _kept(context, built)
        if found.layout is None or not found.addresses:
            why = f"not watched: {found.why_not or 'nothing in this kernel writes a VMA'}"
            return Product(None, cached=cached, outcome=Outcome.SKIP, note=why)
        plugin = vma_writes_plugin(context, find_toolchain(context).value, machine.qemu, accel)
    except (CommandFailed, ToolMissing, VmlinuxUnreadable) as error:
        note = f"not watched: {error.message}"
        return Product(None, cached=False, outcome=Outcome.SKIP, note=note, detail=error.detail)
    layout = found.layout.for_guest(machine.memory_mib)
    made = Counting(plugin, home / ADDRESSES, found.addresses, counters=VMA_WRITES, layout=layout)
    write_addresses(made)
    write_atomically(home / PLACES, "".join(f"{place}\n" for place in found.places).encode())
    members = tuple(one.name for one in found.layout.members)
    note = f"{counted(len(found.addresses), 'instruction')} that may write {', '.join(members)} of a VMA are watched"
    return Product(VmaWatch(made, found.places, members), cached=cached, note=note)


def _why_not(machine: Machine, accel: Accel) -> str:
    if accel.name != EMULATOR:
        return f"not watched under {accel.name.upper()}: only the emulator tells of each write (--accel tcg)"
    if machine.arch != USUAL_ARCH:
        return f"not watched on {machine.arch}: nobody has looked how memory lies there"
    return f"not watched: guests have more than {HOLE_MIB} MiB" if machine.memory_mib > HOLE_MIB else ""


def _kept(context: Context, built: Built) -> tuple[Watched, bool]:
    """Of this kernel, from the store if it is there; the second value says so. Raises VmlinuxUnreadable, CommandFailed,
    ToolMissing."""
    data = DATA.read_text()
    product_key = key("vma-writes", schema=SCHEMA, kernel=built.kernel.image.parent.name, rules=data)

    def read(product: Path) -> Watched:
        return kept.load(Watched, product / FILE, SCHEMA)

    if known := context.store.read("vma-writes", product_key, read):
        return known, True

    def fill(scratch: Path) -> None:
        found = _watched(context, built, from_toml(Rules, data, str(DATA)))
        write_atomically(scratch / FILE, kept.dumps(found, SCHEMA))

    return read(context.store.put("vma-writes", product_key, fill)), False


def _watched(context: Context, built: Built, rules: Rules) -> Watched:
    vmlinux, applied = built.kernel.vmlinux, built.tree.applied
    layout = vma_layout(vmlinux, rules.members)
    if isinstance(layout, str):
        return Watched(why_not=layout)
    git = Git(applied.base.home / "git", context.runner)
    listed = git.check("ls-tree", "-r", "-z", "--name-only", applied.tree, "--", *rules.watched, *rules.slabs).stdout
    names = {name for name in listed.decode("utf-8", "replace").split("\0") if name.endswith(".c")}
    slabs = {name for name in names if _is_in(name, rules.slabs)}
    watched = {name for name in names - slabs if not _is_in(name, rules.unwatched)}
    sections = read_sections(vmlinux, (*line_table.SECTIONS, *functions.SECTIONS))
    known = functions.Functions(sections)
    try:
        rows = line_table.read_line_table(sections, watched | slabs).rows
    except ValueError as error:
        raise VmlinuxUnreadable(f"{vmlinux}: {error}") from error

    def stores_of(files: Collection[str], offsets: Collection[int], atomic: Collection[int] = ()) -> set[int]:
        spans = sorted({known.span(row.address) for row in rows if row.file in files} - {(0, 0)})
        codes = read_code(vmlinux, spans)
        return {*stores(disassembled(context, codes), [start for start, _ in spans], codes, offsets, atomic)}

    # who writes a member atomically does not rely on the lock, as for VM_MAYBE_GUARD in later kernels
    attached = {layout.attached}
    members = stores_of(watched, {one.offset for one in layout.members} | attached, attached)
    found = sorted(members | stores_of(slabs, {layout.slab_cache}))
    return Watched(layout, tuple(found), tuple(map(known.place, found)))


def _is_in(name: str, places: Sequence[str]) -> bool:
    """Whether a file is one of some files, or in one of some directories."""
    return any(name == one or name.startswith(f"{one}/") for one in places)
