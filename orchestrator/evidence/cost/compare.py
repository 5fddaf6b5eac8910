"""Two builds -> what the series costs. Pure.

An object file that changed files are compiled to holds only the structs that those files use: one that is missing on
one side is new or gone only if a changed file has its definition on one side alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.evidence.cost.elf import BSS, CODE, CONSTANT, DATA, Symbols
from orchestrator.evidence.cost.slabs import slab
from orchestrator.model.cost import Cost, ExportChange, Layout, SizeChange, Slab, SlabChange, StructChange
from orchestrator.parse.code.kmem_caches import SlabCache

Layouts = Mapping[str, Layout]


@dataclass(frozen=True)
class Side:
    """One of the two builds. `defined`: the structs that the changed files define there, with the file; `exports`: what
    they export, by the macro and the type; `caches`: by struct; `frames`: of the functions that may differ in them."""

    types: Finder
    layouts: Layouts
    symbols: Symbols
    defined: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    frames: Mapping[str, int] = field(default_factory=dict)
    caches: Mapping[str, SlabCache] = field(default_factory=dict)


def changed_layouts(before: Layouts, after: Layouts) -> tuple[str, ...]:
    """The structs on both sides whose size or members differ; a type by another name in the same place is none."""
    return tuple(sorted(name for name in before.keys() & after.keys() if _shape(before[name]) != _shape(after[name])))


def _shape(layout: Layout) -> object:
    return layout.size, [(name, at.offset, at.size, at.bit, at.bits) for name, at in layout.members]


def new_and_gone(before: Side, after: Side) -> tuple[StructChange, ...]:
    """Structs that only one side has."""

    def only(one: Side, other: Side) -> Iterator[str]:
        return (name for name in sorted(one.defined) if name in one.layouts and name not in other.defined)

    new = (StructChange(name, after.defined[name], None, after.layouts[name]) for name in only(after, before))
    gone = (StructChange(name, before.defined[name], before.layouts[name], None) for name in only(before, after))
    return (*new, *gone)


def slab_changes(structs: tuple[StructChange, ...], before: Side, after: Side, cpus: int) -> tuple[SlabChange, ...]:
    """Of structs that changed, and of those whose cache is made in another way."""
    names = dict.fromkeys(
        [one.name for one in structs]
        + [f"struct {name}" for name in sorted({*before.caches, *after.caches})
           if before.caches.get(name) != after.caches.get(name)]
    )  # fmt: skip

    def found(side: Side, name: str) -> Slab | None:
        cache, layout = side.caches.get(name.removeprefix("struct ")), side.layouts.get(name)
        return slab(cache, layout.size, layout.align, cpus) if cache and layout else None

    changes = (SlabChange(name, found(before, name), found(after, name)) for name in names)
    return tuple(one for one in changes if one.before != one.after)


def size_changes(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[SizeChange, ...]:
    """The largest growth first."""
    names = sorted(before.keys() | after.keys())
    changes = (SizeChange(name, before.get(name), after.get(name)) for name in names)
    return tuple(sorted((one for one in changes if one.before != one.after), key=lambda one: (-one.growth, one.name)))


def totals(before: Symbols, after: Symbols) -> tuple[SizeChange, ...]:
    sums = (
        SizeChange(kind, sum(before.sizes[kind].values()), sum(after.sizes[kind].values())) for kind in before.sizes
    )
    return tuple(one for one in sums if one.growth)


def export_changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[ExportChange, ...]:
    names = sorted(before.keys() | after.keys())
    changes = (ExportChange(name, before.get(name, ""), after.get(name, "")) for name in names)
    return tuple(one for one in changes if one.before != one.after)


def struct_changes(before: Side, after: Side) -> tuple[StructChange, ...]:
    """All of them. Several files may define structs of one name, of which a look-up by name finds any: each definition
    is compared with its like."""
    names = changed_layouts(before.layouts, after.layouts)
    found = [change for name in names for change in _by_file(name, before, after)]
    for name, home in sorted(after.defined.items()):
        if name in before.defined and name not in names:  # those of other files may have been found on both sides
            found += _of_file(name, home, home, before, after)
    return (*found, *new_and_gone(before, after))


def _by_file(name: str, before: Side, after: Side) -> Iterator[StructChange]:
    home = after.defined.get(name) or before.defined.get(name) or ""
    files = dict.fromkeys((*before.types.files(name), *after.types.files(name)))
    if len(files) < 2:
        yield StructChange(name, home or next(iter(files), ""), before.layouts[name], after.layouts[name])
    else:
        for file in files:
            yield from _of_file(name, file, home if home.endswith(file) else file, before, after)


def _of_file(name: str, file: str, told: str, before: Side, after: Side) -> Iterator[StructChange]:
    one, other = before.types.layout(name, file), after.types.layout(name, file)
    if one and other and _shape(one) != _shape(other):
        yield StructChange(name, told, one, other)


class Finder(Protocol):
    """The types of one build: evidence.cost.layouts."""

    def files(self, name: str) -> tuple[str, ...]: ...

    def layout(self, name: str, file: str | None = None) -> Layout | None: ...


def cost(
    compared: str,
    before: Side,
    after: Side,
    structs: tuple[StructChange, ...],
    cpus: int,
    unknown: tuple[str, ...],
    *,
    is_whole: bool,
) -> Cost:
    """`structs`: what struct_changes finds. `cpus`: of a guest, which decides about the order of slabs."""
    frames = [one for one in size_changes(before.frames, after.frames) if None not in (one.before, one.after)]
    return Cost(
        compared=compared,
        is_whole=is_whole,
        structs=structs,
        slabs=slab_changes(structs, before, after, cpus),
        totals=totals(before.symbols, after.symbols),
        functions=size_changes(before.symbols.sizes[CODE], after.symbols.sizes[CODE]),
        data=tuple(change for kind in (CONSTANT, DATA, BSS)
                   for change in size_changes(before.symbols.sizes[kind], after.symbols.sizes[kind])),
        stacks=tuple(frames),
        exports=export_changes(before.exports, after.exports),
        unknown=unknown,
    )  # fmt: skip
