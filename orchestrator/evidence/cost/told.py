"""What a series costs, in words that are the same in every report. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.model.cost import CACHELINE, Cost, ExportChange, Layout, SizeChange, Slab, SlabChange, StructChange
from orchestrator.words import counted

MOST = 5  # of each kind, where there is one screen


def sentence(cost: Cost) -> str:
    """`2 structs, 1 slab cache, 34 functions (code +1,204 bytes), in whole kernels`."""
    parts = [
        counted(len(found), what)
        for found, what in (
            (cost.structs, "struct"),
            (cost.slabs, "slab cache"),
            (cost.functions, "function"),
            (cost.data, "variable"),
            (cost.stacks, "stack frame"),
            (cost.exports, "exported symbol"),
        )
        if found
    ]
    grown = "".join(f" ({growth(one)})" for one in cost.totals if one.name == "code")
    return f"{', '.join(parts)} changed{grown}; {cost.compared}" if parts else f"nothing differs; {cost.compared}"


def screen(cost: Cost, most: int = MOST) -> Iterator[str]:
    """Only what changed, each thing on a line, at the most `most` of each kind."""
    yield from _first([struct_words(one) for one in cost.structs], most, "struct")
    yield from _first([slab_words(one) for one in cost.slabs], most, "slab cache")
    if cost.totals:
        yield f"sizes: {', '.join(growth(one) for one in cost.totals)}"
    if cost.functions:
        yield from _sizes("functions", cost.functions, most)
    if cost.data:
        yield from _sizes("variables", cost.data, most)
    if grown := [one for one in cost.stacks if one.growth > 0]:
        yield from _sizes("larger stack frames", grown, most)
    yield from _first([export_words(one) for one in cost.exports], most, "exported symbol")
    yield from (f"not compared: {one}" for one in cost.unknown)


def struct_words(one: StructChange) -> str:
    """`struct vm_area_struct: 184 -> 192 bytes, 3 cachelines; moved: ...; new: ...; gone: ...`."""
    if one.before is None or one.after is None:
        only = one.after or one.before
        state = "new" if one.after else "gone"
        return f"{one.name}: {state}, {_facts(only)}" if only else one.name
    parts = [_pair(f"{one.before.size:,}", f"{one.after.size:,}", "bytes")]
    lines = (one.before.cachelines, one.after.cachelines)
    parts.append(_pair(str(lines[0]), str(lines[1]), "cacheline" if max(lines) == 1 else "cachelines"))
    holes = (_hole_bytes(one.before), _hole_bytes(one.after))
    if holes[0] != holes[1]:
        parts.append(f"holes {holes[0]} -> {holes[1]} bytes")
    old, new = dict(one.before.members), dict(one.after.members)
    added, gone = [name for name in new if name not in old], [name for name in old if name not in new]
    both = [name for name in new if name in old]
    moved = [name for name in both if new[name].offset != old[name].offset]
    crossing = [name for name in moved if new[name].offset // CACHELINE != old[name].offset // CACHELINE]
    resized = [f"{name} {old[name].size} -> {new[name].size}" for name in both if old[name].size != new[name].size]
    more = [
        f"new {_names([f'{name} (at {new[name].offset})' for name in added])}" if added else "",
        f"gone {_names(gone)}" if gone else "",
        f"resized {_names(resized)}" if resized else "",
        f"{counted(len(moved), 'member')} moved" if moved else "",
        f"to another cacheline: {_names(crossing)}" if crossing else "",
    ]
    return f"{one.name}: {'; '.join([', '.join(parts), *filter(None, more)])}"


def slab_words(one: SlabChange) -> str:
    """`slab of struct x: 21 -> 18 objects in 1 page (184 -> 208 bytes each), calculated`."""

    def side(found: Slab | None) -> str:
        if found is None:
            return "none"
        return f"{counted(found.objects, 'object')} of {found.size} bytes in {counted(1 << found.order, 'page')}"

    return f"slab of {one.struct}: {side(one.before)} -> {side(one.after)}, calculated"


def export_words(one: ExportChange) -> str:
    if not one.before or not one.after:
        return f"{'exported' if one.after else 'no longer exported'}: {one.name} ({one.after or one.before})"
    return f"exported symbol {one.name}: {one.before} -> {one.after}"


def growth(one: SizeChange) -> str:
    """`code 1,024 -> 1,088 (+64)`."""

    def bytes_of(value: int | None) -> str:
        return "-" if value is None else f"{value:,}"

    return f"{one.name} {bytes_of(one.before)} -> {bytes_of(one.after)} ({one.growth:+,})"


def details(cost: Cost) -> str:
    """Everything that changed, for the file of the stage."""
    return "\n".join(screen(cost, most=1000))


def _sizes(what: str, found: Sequence[SizeChange], most: int) -> Iterator[str]:
    """The largest changes, whichever way they go."""
    first = sorted(found, key=lambda one: (-abs(one.growth), one.name))[:most]
    more = f", and {len(found) - most} more" if len(found) > most else ""
    yield f"{what}: {', '.join(growth(one) for one in first)}{more}"


def _first(lines: Sequence[str], most: int, what: str) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"and {counted(len(lines) - most, f'more {what}')}"


def _facts(layout: Layout) -> str:
    return f"{layout.size:,} bytes, {counted(layout.cachelines, 'cacheline')}"


def _pair(before: str, after: str, unit: str) -> str:
    return f"{after} {unit}" if before == after else f"{before} -> {after} {unit}"


def _hole_bytes(layout: Layout) -> int:
    return sum(size for _, size in layout.holes)


def _names(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(name or 'a bit field without a name' for name in names[:most])}{more}"
