"""The "newc" cpio format, in which the kernel unpacks an initramfs (Documentation/driver-api/early-userspace).

Made here instead of by cpio(1): no root, no device nodes on the host, the same bytes for the same input. Archives
can be concatenated; later entries win, so a small archive of one run's keys can follow a big shared one.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CpioEntry:
    """A file, directory, symbolic link or character device. `mode` includes the type bits."""

    name: str
    mode: int
    data: bytes = field(default=b"", repr=False)
    device: tuple[int, int] = (0, 0)


def directory(name: str, mode: int = 0o755) -> CpioEntry:
    return CpioEntry(name, stat.S_IFDIR | mode)


def file(name: str, data: bytes, mode: int = 0o644) -> CpioEntry:
    return CpioEntry(name, stat.S_IFREG | mode, data)


def symlink(name: str, target: str) -> CpioEntry:
    return CpioEntry(name, stat.S_IFLNK | 0o777, target.encode())


def device(name: str, major: int, minor: int, mode: int = 0o600) -> CpioEntry:
    return CpioEntry(name, stat.S_IFCHR | mode, device=(major, minor))


def archive(entries: Iterable[CpioEntry]) -> bytes:
    """The archive, with the directories that paths imply, padded to 512 bytes so that another can follow."""
    out = bytearray()
    for number, entry in enumerate(_with_parents(entries), 1):
        _append(out, number, entry)
    _append(out, 0, CpioEntry("TRAILER!!!", 0))
    out.extend(b"\0" * (-len(out) % 512))
    return bytes(out)


def _with_parents(entries: Iterable[CpioEntry]) -> list[CpioEntry]:
    given = list(entries)
    made = {entry.name for entry in given if stat.S_ISDIR(entry.mode)}
    ordered: list[CpioEntry] = []
    for entry in given:
        parts = entry.name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = "/".join(parts[:depth])
            if parent not in made:
                made.add(parent)
                ordered.append(directory(parent))
        ordered.append(entry)
    return ordered


def _append(out: bytearray, inode: int, entry: CpioEntry) -> None:
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
    out += b"070701" + b"".join(b"%08X" % value for value in fields) + name
    out.extend(b"\0" * (-len(out) % 4))
    out += entry.data
    out.extend(b"\0" * (-len(out) % 4))
