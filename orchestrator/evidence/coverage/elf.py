"""Sections of a vmlinux as bytes: the only importer of pyelftools, which also unpacks compressed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import VmlinuxUnreadable


@dataclass(frozen=True)
class Sections:
    """The content of sections by their names, without those that the file does not have."""

    data: Mapping[str, bytes]
    is_little_endian: bool

    def __getitem__(self, name: str) -> bytes:
        """Empty when the file has no such section."""
        return self.data.get(name, b"")


def read_sections(vmlinux: Path, names: Sequence[str]) -> Sections:
    """Raises VmlinuxUnreadable when it is no ELF file of 64 bits."""
    from elftools.common.exceptions import ELFError  # here: most commands never measure anything
    from elftools.elf.elffile import ELFFile

    try:
        with vmlinux.open("rb") as stream:
            elf = ELFFile(stream)
            if elf.elfclass != 64:
                raise VmlinuxUnreadable(f"{vmlinux}: not a 64-bit ELF file")
            found = {name: elf.get_section_by_name(name) for name in names}
            data = {name: bytes(section.data()) for name, section in found.items() if section is not None}
            return Sections(data, bool(elf.little_endian))
    except OSError as error:
        raise VmlinuxUnreadable(f"{vmlinux}: {error.strerror}") from error
    except (ELFError, ValueError, LookupError) as error:
        hint = "the vmlinux of the build, not the image"
        raise VmlinuxUnreadable(f"{vmlinux}: no ELF file that can be read: {error}", hint=hint) from error
