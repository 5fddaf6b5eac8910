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


def read_code(vmlinux: Path, spans: Sequence[tuple[int, int]]) -> tuple[bytes, ...]:
    """The instructions from an address up to another one, for each span. What no section has is left out. Raises
    VmlinuxUnreadable."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    try:
        with vmlinux.open("rb") as stream:
            sections = [one for one in ELFFile(stream).iter_sections() if one["sh_flags"] & SH_FLAGS.SHF_EXECINSTR]
            found = []
            for begin, end in spans:
                home = next(
                    (one for one in sections if one["sh_addr"] <= begin < one["sh_addr"] + one["sh_size"]), None
                )
                if home is not None:
                    stream.seek(home["sh_offset"] + begin - home["sh_addr"])
                found.append(stream.read(end - begin) if home is not None else b"")
            return tuple(found)
    except OSError as error:
        raise VmlinuxUnreadable(f"{vmlinux}: {error.strerror}") from error
    except (ELFError, ValueError, LookupError) as error:
        raise VmlinuxUnreadable(f"{vmlinux}: no ELF file that can be read: {error}") from error


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
