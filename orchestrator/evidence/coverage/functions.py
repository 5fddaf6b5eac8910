"""Which function an address lies in, by the symbol table of a vmlinux."""

from __future__ import annotations

import struct
from bisect import bisect_right

from orchestrator.evidence.coverage.elf import Sections

SECTIONS = (".symtab", ".strtab")
_FUNCTION = 2  # STT_FUNC
_NONE = (0, 0, "")
_ENTRY = (b"__entry_text_start\0", b"__entry_text_end\0")  # include/asm-generic/sections.h


class Functions:
    """The functions of a vmlinux. Those of gcc's making (f.cold, f.part.0, f.constprop.0) go by the name of theirs."""

    def __init__(self, sections: Sections) -> None:
        order, names = "<" if sections.is_little_endian else ">", sections[".strtab"]
        table = sections[".symtab"]
        found, symbols, entry = [], set(), [0, 0]
        for name, info, _, _, value, size in struct.iter_unpack(f"{order}IBBHQQ", table[: len(table) // 24 * 24]):
            symbols.add(value)
            if info & 0xF == _FUNCTION and size:
                text = names[name : names.find(b"\0", name)].decode("utf-8", "replace")
                found.append((value, value + size, text))
            elif names.startswith(_ENTRY, name):
                entry[names.startswith(_ENTRY[1], name)] = value
        self._found = sorted(found)
        self._starts = [start for start, _, _ in self._found]
        # where interrupts, exceptions and system calls come in, ascending; all that begins in their code is among them
        self.kernel_entries = tuple(sorted(value for value in symbols if 0 < entry[0] <= value < entry[1]))

    @property
    def entries(self) -> tuple[int, ...]:
        """Where functions begin, ascending. gcc's parts of functions are among them: they are executed too."""
        return tuple(dict.fromkeys(self._starts))

    def start(self, name: str) -> int:
        """Where a function begins; 0 if there is none of that name."""
        return next((start for start, _, its_name in self._found if _whole(its_name) == name), 0)

    def at(self, address: int) -> str:
        """Its name; empty between functions."""
        return _whole(self._at(address)[2])

    def span(self, address: int) -> tuple[int, int]:
        """Where the function begins that an address lies in, and its end, exclusive; (0, 0) between functions."""
        start, end, _ = self._at(address)
        return start, end

    def place(self, address: int) -> str:
        """function+0xoffset/0xsize, as the kernel prints it; empty between functions."""
        start, end, name = self._at(address)
        return f"{name}+{address - start:#x}/{end - start:#x}" if name else ""

    def _at(self, address: int) -> tuple[int, int, str]:
        number = bisect_right(self._starts, address) - 1
        found = self._found[number] if number >= 0 else _NONE
        return found if address < found[1] else _NONE


def _whole(name: str) -> str:
    """The function that gcc has made a part of."""
    return name.partition(".")[0] or name
