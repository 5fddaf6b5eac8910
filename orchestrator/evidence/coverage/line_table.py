"""The line tables of a vmlinux -> the instructions of lines: each row about a file of interest, with its address. Pure.

The tables are read here, and not with pyelftools' objects for each unit, entry and row: for a series that changes mm.h,
which is in the tables of 770 of a small kernel's 800 units, those took 30 s. benchmarks/coverage.py prints what this
takes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.evidence.coverage.elf import Sections
from orchestrator.parse.logs.provenance import in_tree

# DWARF 5, 6.2.5.2 and 6.2.5.3: the opcodes that do something for us
COPY, ADVANCE_PC, ADVANCE_LINE, SET_FILE, CONST_ADD_PC, FIXED_ADVANCE_PC = 1, 2, 3, 4, 8, 9
END_SEQUENCE, SET_ADDRESS = 1, 2
# 6.2.4.1: what an entry of the tables of directories and files says
PATH, DIRECTORY = 1, 2
# 7.5.6: forms that such an entry may have, and the sizes of those that say nothing to us
STRING, LINE_STRP, STRP, UDATA, BLOCK = 0x08, 0x1F, 0x0E, 0x0F, 0x09
SECTIONS = (".debug_line", ".debug_line_str", ".debug_str")
FIXED = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}  # data1, data2, data4, data8, data16


@dataclass(frozen=True)
class Row:
    """A line of a file (its name is relative to the tree's root) begins, or goes on, at the instruction at an address.

    Rows that are no statement's beginning (is_stmt) count as well: of some lines there are no others. So do rows whose
    instructions are those of a row after them at the same address: a call of a function that is inlined has no others.
    """

    file: str
    line: int
    address: int


@dataclass(frozen=True)
class LineTable:
    """What a vmlinux says of the files that it was asked about. `files` are those of them that its tables name: they
    were compiled, or something that was compiled refers to them."""

    rows: tuple[Row, ...]
    files: frozenset[str]


def read_line_table(sections: Sections, files: Collection[str]) -> LineTable:
    """The rows of these files (names relative to the tree's root), in the order of the tables. Raises ValueError when
    there are no line tables, or damaged ones."""
    rows: list[Row] = []
    seen: set[str] = set()
    wanted = frozenset(files)
    reader = _Reader(sections[".debug_line"], "little" if sections.is_little_endian else "big")
    if not reader.data:
        raise ValueError("it has no line tables")
    try:
        while reader.at < len(reader.data):
            program = _program(reader, sections)
            if names := {number: name for number, name in program.files.items() if name in wanted}:
                seen.update(names.values())
                rows += _run(program, names)
    except IndexError as error:
        raise ValueError("its line tables end early") from error
    return LineTable(tuple(rows), frozenset(seen))


@dataclass
class _Reader:
    """Bytes, and how far they have been read."""

    data: bytes
    order: Literal["little", "big"]
    at: int = 0

    def number(self, size: int) -> int:
        self.at += size
        if self.at > len(self.data):
            raise ValueError("its line tables end early")
        return int.from_bytes(self.data[self.at - size : self.at], self.order)

    def uleb(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def sleb(self) -> int:
        start = self.at
        value = self.uleb()
        return value - (1 << 7 * (self.at - start)) if self.data[self.at - 1] & 0x40 else value

    def string(self) -> bytes:
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise ValueError("its line tables are damaged: a name has no end")
        found, self.at = self.data[self.at : end], end + 1
        return found


@dataclass(frozen=True)
class _Program:
    """A line program: its code from `reader.at` on in the whole section, and what its header says."""

    code: _Reader
    end: int
    step: int  # minimum_instruction_length
    line_base: int
    line_range: int
    lengths: tuple[int, ...]  # the number of arguments of each standard opcode
    files: Mapping[int, str] = field(repr=False)


def _program(reader: _Reader, sections: Sections) -> _Program:
    """The program that begins here. Leaves the reader behind it."""
    length, offset_size = reader.number(4), 4
    if length == 0xFFFFFFFF:
        length, offset_size = reader.number(8), 8
    end = reader.at + length
    version = reader.number(2)
    if end > len(reader.data) or not 2 <= version <= 5:
        raise ValueError(f"its line tables are damaged: version {version}, {length} bytes")
    if version >= 5:
        reader.number(2)  # the sizes of an address and of a segment selector
    header_length = reader.number(offset_size)
    code = _Reader(reader.data, reader.order, reader.at + header_length)
    step = reader.number(1)
    if version >= 4:
        reader.number(1)  # operations of one instruction: more than one is VLIW's
    reader.number(1)  # whether rows are statements at first; rows that are not count as well
    line_base = int.from_bytes(bytes([reader.number(1)]), "little", signed=True)
    line_range, opcode_base = reader.number(1), reader.number(1)
    if not line_range:
        raise ValueError("its line tables are damaged: a range of 0 lines")
    lengths = tuple(reader.number(1) for _ in range(opcode_base - 1))
    files = _files(reader, sections, offset_size) if version >= 5 else _old_files(reader)
    reader.at = end
    return _Program(code, end, step, line_base, line_range, lengths, files)


def _old_files(reader: _Reader) -> dict[int, str]:
    """Up to DWARF 4 directories and files are counted from 1; directory 0 is the compiler's."""
    directories = [b""]
    files: dict[int, str] = {}
    while name := reader.string():
        directories.append(name)
    while name := reader.string():
        directory, _, _ = reader.uleb(), reader.uleb(), reader.uleb()
        files[len(files) + 1] = _joined(directories, directory, name)
    return files


def _files(reader: _Reader, sections: Sections, offset_size: int) -> dict[int, str]:
    """Since DWARF 5 both are counted from 0, and the table says how its entries are written. Directory 0 is the
    compiler's, absolute; what clang names relative to it, gcc names relative to nothing."""
    directories = [b"", *(name for name, _ in _entries(reader, sections, offset_size)[1:])]
    entries = _entries(reader, sections, offset_size)
    return {number: _joined(directories, directory, name) for number, (name, directory) in enumerate(entries)}


def _entries(reader: _Reader, sections: Sections, offset_size: int) -> list[tuple[bytes, int]]:
    """A table of directories or files: a name and the number of a directory each."""
    formats = [(reader.uleb(), reader.uleb()) for _ in range(reader.number(1))]
    entries = []
    for _ in range(reader.uleb()):
        name, directory = b"", 0
        for content, form in formats:
            value = _value(reader, form, sections, offset_size)
            if content == PATH and isinstance(value, bytes):
                name = value
            elif content == DIRECTORY and isinstance(value, int):
                directory = value
        entries.append((name, directory))
    return entries


def _value(reader: _Reader, form: int, sections: Sections, offset_size: int) -> bytes | int:
    if form in (LINE_STRP, STRP):
        section = sections[".debug_line_str" if form == LINE_STRP else ".debug_str"]
        return _Reader(section, reader.order, reader.number(offset_size)).string()
    if form == STRING:
        return reader.string()
    if form == UDATA:
        return reader.uleb()
    if form in FIXED:
        return reader.number(FIXED[form])
    if form == BLOCK:
        return reader.number(reader.uleb())
    raise ValueError(f"its line tables have an entry of the unknown form {form:#x}")


def _joined(directories: list[bytes], directory: int, name: bytes) -> str:
    above = directories[directory] if directory < len(directories) else b""
    return in_tree(posixpath.join(above, name).decode("utf-8", "surrogateescape"))


def _run(program: _Program, names: Mapping[int, str]) -> Iterator[Row]:
    """Run a line program, and give its rows about these files."""
    reader, step, opcode_base = program.code, program.step, len(program.lengths) + 1
    adjusted = [divmod(opcode - opcode_base, program.line_range) for opcode in range(256)]
    special = [(number * step, program.line_base + line) for number, line in adjusted]
    data, end = reader.data, program.end
    address, file, line = 0, 1, 1
    while reader.at < end:
        opcode = data[reader.at]
        reader.at += 1
        if opcode >= opcode_base:
            advance, lines = special[opcode]
            address += advance
            line += lines
            if file in names:
                yield Row(names[file], line, address)
        elif opcode == COPY:
            if file in names:
                yield Row(names[file], line, address)
        elif opcode == 0:
            size = reader.uleb()
            after = reader.at + size
            kind = reader.number(1)
            if kind == SET_ADDRESS:
                address = reader.number(size - 1)
            elif kind == END_SEQUENCE:
                address, file, line = 0, 1, 1
            reader.at = after
        elif opcode == ADVANCE_PC:
            address += reader.uleb() * step
        elif opcode == ADVANCE_LINE:
            line += reader.sleb()
        elif opcode == SET_FILE:
            file = reader.uleb()
        elif opcode == CONST_ADD_PC:
            address += special[255][0]
        elif opcode == FIXED_ADVANCE_PC:
            address += reader.number(2)
        else:
            for _ in range(program.lengths[opcode - 1]):
                reader.uleb()
