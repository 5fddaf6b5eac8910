"""A linked ELF file -> the structs and unions in its debug information, as they are laid out."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator.errors import VmlinuxUnreadable
from orchestrator.evidence.cost import names
from orchestrator.evidence.coverage.elf import read_sections
from orchestrator.evidence.symbols import load_program
from orchestrator.model.cost import Layout, MemberPlace

LINE_STRINGS = ".debug_line_str"
KINDS = ("struct", "union")


class Types:
    """The types of one file. Not for threads."""

    def __init__(self, path: Path) -> None:
        """Raises VmlinuxUnreadable."""
        sections = read_sections(path, (*names.SECTIONS, LINE_STRINGS))
        self._program = load_program(path)
        self._names = sorted(names.struct_names(sections.data, is_little_endian=sections.is_little_endian))
        self._files = _file_names(sections[LINE_STRINGS])
        if not self._names:
            raise VmlinuxUnreadable(f"{path}: has no debug information")

    def layouts(self) -> Mapping[str, Layout]:
        """Of each named struct and union with a body, by `struct NAME`. Where several have one name, that of any."""
        found = ((f"{kind} {name}", self.layout(f"{kind} {name}")) for name in self._names for kind in KINDS)
        return {name: layout for name, layout in found if layout is not None}

    def layout(self, name: str, file: str | None = None) -> Layout | None:
        """Of the one that is defined in a file, where that is given."""
        try:
            found = self._program.type(name, file) if file else self._program.type(name)
        except (LookupError, SyntaxError):  # the latter: a word of C is no struct's name
            return None
        return _layout(found) if found.is_complete() else None

    def files(self, name: str) -> tuple[str, ...]:
        """The files that define a struct of this name, without their directories; empty where the debug information is
        older than DWARF 5."""
        return tuple(file for file in self._files if self.layout(name, file))

    def signature(self, name: str) -> str:
        """The type of a function or variable; empty if there is none of that name."""
        for find in (self._program.function, self._program.variable):
            try:
                return " ".join(find(name).type_.type_name().split())
            except LookupError:
                continue
        return ""


def _file_names(strings: bytes) -> tuple[str, ...]:
    """Without directories. Every end of a name may be another's: the linker keeps the longer one alone."""
    files = {posixpath.basename(word.decode("utf-8", "replace")) for word in strings.split(b"\0")}
    ends = {file[at:] for file in files if file.endswith((".c", ".h", ".S")) for at in range(len(file) - 2)}
    return tuple(sorted(ends))


def _layout(found: Any) -> Layout:
    import drgn

    members: dict[str, MemberPlace] = {}
    extents: list[tuple[int, int]] = []
    for name, place, start, end in _members(found, 0):
        members.setdefault(name, place)
        extents.append((start, end))
    holes, padding = gaps(extents, found.size) if found.kind == drgn.TypeKind.STRUCT else ((), 0)
    try:
        align = drgn.alignof(found)
    except TypeError:  # of an array without a length, among its members
        align = 1
    return Layout(found.size, align, tuple(members.items()), holes, padding)


def _members(found: Any, base: int) -> Iterator[tuple[str, MemberPlace, int, int]]:
    """Names, places, and the first bit and the one behind the last, counted from the outermost type."""
    import drgn

    for member in found.members:
        at = base + member.bit_offset
        kind = member.type
        if member.name is None and kind.kind in (drgn.TypeKind.STRUCT, drgn.TypeKind.UNION):
            yield from _members(kind, at)
            continue
        try:
            size = drgn.sizeof(kind)
        except TypeError:  # an array without a length, at the end
            size = 0
        width = member.bit_field_size
        place = MemberPlace(kind.type_name(), at // 8, size, at % 8 if width is not None else 0, width or 0)
        yield member.name or "", place, at, at + (8 * size if width is None else width)


def gaps(extents: list[tuple[int, int]], size: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """The holes, as (offset, bytes), between what lies from one bit to another, and the bytes behind it. A gap of less
    than a byte is none."""
    holes: list[tuple[int, int]] = []
    reached = 0
    for start, end in sorted(extents):
        if end > start and start - reached >= 8:
            holes.append((-(-reached // 8), (start - reached) // 8))
        reached = max(reached, end)
    return tuple(holes), max(0, 8 * size - reached) // 8
