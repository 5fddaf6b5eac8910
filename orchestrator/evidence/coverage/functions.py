"""Which function an address lies in, by the symbol table of a vmlinux."""

from __future__ import annotations

import struct
from bisect import bisect_right

from orchestrator.evidence.coverage.elf import Sections

SECTIONS = (".symtab", ".strtab")
_FUNCTION = 2  # STT_FUNC


class Functions:
    """The functions of a vmlinux. Those of gcc's making (f.cold, f.part.0, f.constprop.0) go by the name of theirs."""

    def __init__(self, sections: Sections) -> None:
        order, names = "<" if sections.is_little_endian else ">", sections[".strtab"]
        table = sections[".symtab"]
        found = []
        for name, info, _, _, value, size in struct.iter_unpack(f"{order}IBBHQQ", table[: len(table) // 24 * 24]):
            if info & 0xF == _FUNCTION and size:
                text = names[name : names.find(b"\0", name)].decode("utf-8", "replace")
                found.append((value, value + size, text.partition(".")[0] or text))
        self._found = sorted(found)
        self._starts = [start for start, _, _ in self._found]

    @property
    def entries(self) -> tuple[int, ...]:
        """Where functions begin, ascending. gcc's parts of functions are among them: they are executed too."""
        return tuple(dict.fromkeys(self._starts))

    def start(self, name: str) -> int:
        """Where a function begins; 0 if there is none of that name."""
        return next((start for start, _, its_name in self._found if its_name == name), 0)

    def at(self, address: int) -> str:
        """Its name; empty between functions."""
        number = bisect_right(self._starts, address) - 1
        if number < 0:
            return ""
        _, end, name = self._found[number]
        return name if address < end else ""
