"""An object file -> a digest of what the compiler made, whatever it called it and in whichever line that stood."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.storage.manifest import file_digest

RELOCATIONS, SYMBOLS, STRINGS = "SHT_RELA", "SHT_SYMTAB", "SHT_STRTAB"
UNDEFINED = LOCAL = 0
# Of them only relocations count: the rest is lines of source (lib/bug.c, include/linux/dynamic_debug.h)
LINES = ("__bug_table", "__dyndbg")
NO_CODE = (".comment", ".debug", ".note")


def code_digest(path: Path) -> str:
    """Of the sections and relocations, where what the object defines itself goes by its place. Macros count names up
    (__UNIQUE_ID), and tables hold lines: a statement more or less changes those of all that follow it. An object that
    is no ELF file of 64 bits has the digest of the file. Raises OSError."""
    from elftools.common.exceptions import ELFError  # here: most commands never compare objects
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            if elf.elfclass != 64:
                return file_digest(path)
            order = "<" if elf.little_endian else ">"
            sections = [
                _Section(one.name, one["sh_type"], one["sh_flags"], one["sh_info"], one.data())
                for one in elf.iter_sections()
            ]
        return _digest(sections, order)
    except (ELFError, ValueError, LookupError, struct.error):
        return file_digest(path)


@dataclass(frozen=True)
class _Section:
    name: str
    shape: str
    flags: int
    of: int  # of relocations: the number of the section that they are for
    data: bytes


def _digest(sections: Sequence[_Section], order: str) -> str:
    found = hashlib.sha256()
    targets: list[str] = []
    names = next((one.data for one in sections if one.name == ".strtab"), b"")
    table = next((one.data for one in sections if one.shape == SYMBOLS), b"")
    for at, info, _, number, value, size in struct.iter_unpack(f"{order}IBBHQQ", table):
        name = names[at : names.index(b"\0", at)].decode("utf-8", "replace")
        is_here = UNDEFINED < number < len(sections)
        targets.append(f"{sections[number].name}+{value:x}" if is_here else f"{name} {number:x} {value:x}")
        if info >> 4 != LOCAL:  # others may know it by its name
            found.update(f"symbol {name} {targets[-1]} {size:x}\n".encode())
    for one in sections:
        if one.shape == RELOCATIONS and not sections[one.of].name.startswith(NO_CODE):
            found.update(f"relocations {sections[one.of].name}\n".encode())
            for offset, info, addend in struct.iter_unpack(f"{order}QQq", one.data):
                found.update(f"{offset:x} {info & 0xFFFFFFFF:x} {targets[info >> 32]} {addend:x}\n".encode())
        elif one.shape not in (RELOCATIONS, SYMBOLS, STRINGS) and not one.name.startswith(NO_CODE):
            found.update(f"section {one.name} {one.flags:x} {len(one.data):x}\n".encode())
            found.update(b"" if one.name.startswith(LINES) else one.data)
    return found.hexdigest()
