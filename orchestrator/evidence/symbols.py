"""vmlinux as a dictionary: from `function+0xoffset/0xsize`, as the kernel prints it, to lines of source code.

drgn reads the DWARF in this process, only the units that are asked for. benchmarks/decode.py measures it beside an
addr2line that is kept running, which takes some ten times as long.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import VmlinuxUnreadable
from orchestrator.model.kernel_report import SourceLine
from orchestrator.parse.logs.frames import CodeRef, code_refs
from orchestrator.parse.logs.provenance import in_tree

if TYPE_CHECKING:
    import drgn

_LOAD = 1  # PT_LOAD
_NOT_LISTED = ("$", ".L")  # local labels and arm64's mapping symbols, which the kernel's own table leaves out too


class Symbols:
    """The symbol and line tables of one vmlinux. Not for threads."""

    def __init__(self, vmlinux: Path) -> None:
        """Raises VmlinuxUnreadable when the file is no ELF file with symbols."""
        self.vmlinux = vmlinux
        program = load_program(vmlinux)
        with _damage_named(vmlinux):
            module = program.extra_module(vmlinux.name)
            symbols = [(symbol.name, symbol.address) for symbol in program.symbols()]
        self._program = program
        self.build_id = module.build_id.hex() if module.build_id else ""
        self._by_name: dict[str, list[int]] = {}
        for name, address in symbols:
            if name and not name.startswith(_NOT_LISTED):
                self._by_name.setdefault(name, []).append(address)
        if not self._by_name:
            raise VmlinuxUnreadable(f"{vmlinux}: has no symbols", hint="a bzImage or a stripped vmlinux has none")
        self._starts = sorted({address for addresses in self._by_name.values() for address in addresses})
        self._lines = lru_cache(maxsize=None)(self._look_up)

    def places(self, ref: CodeRef) -> tuple[SourceLine, ...]:
        """The lines of code, the innermost inlined function first; empty when this vmlinux does not have the place.

        Functions of equal name are told apart by their size. Where two have the same size too, and where no function
        of that name has it (the report is of another kernel), there is no line rather than a wrong one.

        Raises VmlinuxUnreadable when the debug information turns out to be damaged.
        """
        if ref.module:
            return ()
        fitting = {
            address
            for address in self._by_name.get(ref.function, ())
            if self._size(address) == ref.size and ref.offset <= ref.size
        }
        found = {self._lines(address + ref.looked_up) for address in fitting}
        return found.pop() if len(found) == 1 else ()

    def places_at(self, address: int) -> tuple[SourceLine, ...]:
        """The lines of code at an address of the kernel, the innermost inlined function first; empty outside of it.
        Raises VmlinuxUnreadable."""
        return self._lines(address)

    def file_of(self, printed: str) -> str:
        """The file of the function in `function+0xoffset/0xsize`; empty when this vmlinux does not have the place.
        Raises VmlinuxUnreadable."""
        places = [self.places(ref) for ref in code_refs(printed)]
        return places[0][-1].file if places and places[0] else ""

    def contradicts(self, ref: CodeRef) -> bool:
        """Whether functions of this name exist and none has this size: then the report is of another kernel."""
        addresses = self._by_name.get(ref.function, []) if not ref.module else []
        return bool(addresses) and all(self._size(address) != ref.size for address in addresses)

    def _size(self, address: int) -> int:
        """As the kernel counts it, up to the next symbol: labels in assembly have no size of their own."""
        after = bisect_right(self._starts, address)
        return self._starts[after] - address if after < len(self._starts) else 0

    def _look_up(self, address: int) -> tuple[SourceLine, ...]:
        with _damage_named(self.vmlinux):
            try:
                found = self._program.source_location(address)
            except LookupError:  # between two functions
                return ()
            return tuple(SourceLine(at.name() or "", in_tree(at.filename), at.line) for at in found if at.filename)


class SourcePlaces:
    """The places in source of the instructions of one vmlinux. Not for threads."""

    def __init__(self, vmlinux: Path) -> None:
        """Raises VmlinuxUnreadable."""
        self._vmlinux = vmlinux
        self._program = load_program(vmlinux)

    def at(self, address: int) -> tuple[tuple[str, str, int, int], ...]:
        """Function, file, line and column, the innermost inlined function first, then where each caller calls; empty
        between functions. Raises VmlinuxUnreadable."""
        with _damage_named(self._vmlinux):
            try:
                found = self._program.source_location(address)
            except LookupError:
                return ()
            return tuple((at.name() or "", in_tree(at.filename), at.line, at.column) for at in found if at.filename)


def load_program(path: Path) -> drgn.Program:
    """The symbols and debug information of a linked ELF file. Raises VmlinuxUnreadable."""
    import drgn  # here: most commands never decode anything

    first = _first_address(path)
    with _damage_named(path):
        program = drgn.Program()
        program.set_enabled_debug_info_finders([])  # this file and no other that the host may have
        module = program.extra_module(path.name, create=True)
        module.address_range = (first, (1 << 64) - 1)  # drgn takes what the file says first as loaded there
        module.try_file(path, force=True)
    return program


@contextmanager
def _damage_named(vmlinux: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # drgn has no kind of its own for a damaged file
        raise VmlinuxUnreadable(f"{vmlinux}: {error}") from error


def _first_address(vmlinux: Path) -> int:
    """The address of the first loaded segment. Raises VmlinuxUnreadable."""
    try:
        with vmlinux.open("rb") as file:
            header = file.read(64)
            if header[:4] != b"\x7fELF" or len(header) < 64:
                raise VmlinuxUnreadable(f"{vmlinux}: not an ELF file", hint="the vmlinux of the build, not the image")
            if header[4] != 2:
                raise VmlinuxUnreadable(f"{vmlinux}: not a 64-bit ELF file")
            order = ">" if header[5] == 2 else "<"
            table, size, count = struct.unpack_from(f"{order}32xQ14xHH", header)
            file.seek(table)
            for _ in range(count):
                kind, address = struct.unpack_from(f"{order}I12xQ", file.read(size))
                if kind == _LOAD:
                    return int(address)
    except OSError as error:
        raise VmlinuxUnreadable(f"{vmlinux}: {error.strerror}") from error
    except (ValueError, OverflowError, struct.error) as error:
        raise VmlinuxUnreadable(f"{vmlinux}: damaged: {error}") from error
    raise VmlinuxUnreadable(f"{vmlinux}: nothing in it is loaded", hint="an object file? it must be linked")
