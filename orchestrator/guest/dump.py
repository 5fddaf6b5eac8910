"""The guest's memory in a file that drgn and crash open: kdump, compressed, made by QEMU.

QEMU writes the stream format of makedumpfile ("flattened"): pieces with their offsets, for pipes. Here the pieces are
put in their places, and the header gets the names that QEMU leaves empty, without which libkdumpfile does not
believe it; that of the machine too, which QEMU knows for x86 alone, and for others writes as "Unknown".
"""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path
from typing import BinaryIO

from orchestrator.errors import GuestUnreachable
from orchestrator.guest.qemu import Qemu
from orchestrator.host.deadline import Deadline

DUMP_S = 60.0
MAX_GUEST_MIB = 4096  # of a larger guest no dump is made
SPARE_BYTES = 1 << 30  # what must be left on the disk
STREAM = b"makedumpfile\0"
HEADER = 4096
PIECE = struct.Struct(">qq")  # offset (-1: the end), size
# struct new_utsname behind signature and version of the kdump header
UTSNAME_AT, UTSNAME_FIELD = 12, 65


class NoDump(Exception):
    """There is no dump; the message says why."""


def dump_memory(qemu: Qemu, path: Path, memory_mib: int) -> None:
    """Write the guest's memory; the guest stands still meanwhile. Raises NoDump; nothing is left behind then."""
    if memory_mib > MAX_GUEST_MIB:
        raise NoDump(f"the guest has {memory_mib} MiB, more than {MAX_GUEST_MIB}")
    # twice: the stream and the file are there together for a moment
    if shutil.disk_usage(path.parent).free < 2 * (memory_mib << 20) + SPARE_BYTES:
        raise NoDump(f"not enough room on the disk of {path.parent}")
    stream = path.with_suffix(".stream")
    stream.unlink(missing_ok=True)
    try:
        control = qemu.control(Deadline.after(DUMP_S))
        try:
            target = str(control.execute("query-target").get("arch"))
            control.execute("dump-guest-memory", paging=False, protocol=f"file:{stream}", format="kdump-zlib")
        finally:
            control.close()
        with stream.open("rb") as source, path.open("wb") as file:
            assemble(source, file, target)
    except (GuestUnreachable, OSError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise NoDump(str(error)) from error
    finally:
        stream.unlink(missing_ok=True)


def assemble(source: BinaryIO, target: BinaryIO, machine: str) -> None:
    """A flattened stream -> a kdump file of a machine that calls itself so. Raises ValueError when it is not one or is
    cut."""
    if not source.read(HEADER).startswith(STREAM):
        raise ValueError("QEMU wrote something else than a flattened kdump")
    while True:
        piece = source.read(PIECE.size)
        if len(piece) < PIECE.size:
            raise ValueError("the dump ends in the middle")
        offset, size = PIECE.unpack(piece)
        if offset < 0:
            break
        data = source.read(size)
        if len(data) < size:
            raise ValueError("the dump ends in the middle")
        target.seek(offset)
        target.write(data)
    for number, name in enumerate((b"Linux", b"guest", b"unknown", b"unknown", machine.encode())):
        target.seek(UTSNAME_AT + number * UTSNAME_FIELD)
        target.write(name.ljust(UTSNAME_FIELD, b"\0"))
    target.seek(0, os.SEEK_END)
