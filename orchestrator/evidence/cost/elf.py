"""A linked ELF file -> its named functions and data, with their sizes and the functions' code."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import VmlinuxUnreadable

CODE, CONSTANT, DATA, BSS = "code", "read-only data", "data", "bss"
SYMBOL = 24  # bytes of an Elf64_Sym
OBJECT, FUNCTION = 1, 2  # STT_*
WRITE, EXEC, X86_64 = 1, 4, 62
# What the compiler splits off a function or clones of it counts as the function; and it numbers static variables
_CLONE = re.compile(r"(?:\.(?:isra|constprop|part|cold|llvm|lto_priv)(?:\.\d+)*|\.\d+)+$")
# Of macros, named anew wherever they stand
_NOISE = re.compile(r"^__(?:key|already_done|warned|print_once|func__)$|__UNIQUE_ID_|__initcall_")


@dataclass(frozen=True)
class Code:
    """The code of a function, or of a part that was split off."""

    name: str
    address: int
    code: bytes


@dataclass(frozen=True)
class Symbols:
    """Bytes by kind of section and name. Symbols of one name (static ones of several files, clones) count together."""

    sizes: Mapping[str, Mapping[str, int]]
    code: tuple[Code, ...]
    is_x86: bool

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for sizes in self.sizes.values() for name in sizes)


def read_symbols(path: Path) -> Symbols:
    """Raises VmlinuxUnreadable when it is no ELF file of 64 bits with symbols."""
    from elftools.common.exceptions import ELFError  # here: most commands never measure anything
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            table, names = elf.get_section_by_name(".symtab"), elf.get_section_by_name(".strtab")
            if elf.elfclass != 64 or table is None or names is None:
                raise VmlinuxUnreadable(f"{path}: no 64-bit ELF file with symbols")
            told = ("sh_type", "sh_flags", "sh_addr", "sh_offset")
            sections = [tuple(one[name] for name in told) for one in elf.iter_sections()]
            order = "<" if elf.little_endian else ">"
            rows = list(_rows(bytes(table.data()), bytes(names.data()), order))
            is_x86 = elf["e_machine"] in ("EM_X86_64", X86_64)
        data = path.read_bytes()
    except OSError as error:
        raise VmlinuxUnreadable(f"{path}: {error.strerror}") from error
    except (ELFError, ValueError, LookupError, struct.error) as error:
        raise VmlinuxUnreadable(f"{path}: no ELF file that can be read: {error}") from error
    sizes: dict[str, dict[str, int]] = {kind: {} for kind in (CODE, CONSTANT, DATA, BSS)}
    code: list[Code] = []
    seen: set[tuple[int, int]] = set()
    for name, kind, section, address, size in rows:
        if not size or section >= len(sections) or (section, address) in seen or _NOISE.search(_CLONE.sub("", name)):
            continue  # an alias is the same code
        seen.add((section, address))
        shape, flags, begins, offset = sections[section]
        plain = _CLONE.sub("", name)
        of = _kind(kind, shape, flags)
        if not of:
            continue
        sizes[of][plain] = sizes[of].get(plain, 0) + size
        if of == CODE:
            start = offset + address - begins
            code.append(Code(plain, address, data[start : start + size]))
    return Symbols(sizes, tuple(code), is_x86)


def _kind(kind: int, shape: object, flags: int) -> str:
    if kind == FUNCTION:
        return CODE if flags & EXEC else ""
    if kind != OBJECT:
        return ""
    if shape == "SHT_NOBITS":
        return BSS
    return DATA if flags & WRITE else CONSTANT


def _rows(table: bytes, names: bytes, order: str) -> Iterator[tuple[str, int, int, int, int]]:
    """Name, type, section, address and size of each symbol."""
    whole = len(table) - len(table) % SYMBOL
    for name, info, _, section, address, size in struct.iter_unpack(f"{order}IBBHQQ", table[:whole]):
        end = names.find(b"\0", name)
        yield names[name : end if end >= 0 else None].decode("utf-8", "replace"), info & 15, section, address, size
