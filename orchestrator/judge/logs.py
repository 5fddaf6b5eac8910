"""a log file -> the kernel's reports in it. Memory is bounded by the reports, not by the file."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import select
import stat
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from orchestrator.model.kernel_report import KernelReport, LogReport
from orchestrator.parse.logs.kernel_report import Scanner
from orchestrator.parse.logs.log_format import PRINTK, SAMPLE, detect
from orchestrator.parse.logs.log_text import LogText, one_line_of_json
from orchestrator.parse.logs.log_unread import Unread
from orchestrator.parse.logs.report_kinds import KindTable

CHUNK = 1 << 20
STDIN = Path("-")


class _Readable(Protocol):
    """What is read in steps; a damaged file gives what it can before the step that fails."""

    def read1(self, size: int = -1, /) -> bytes: ...


_COMPRESSED: Mapping[bytes, Callable[[BinaryIO], _Readable]] = {
    b"\x1f\x8b": lambda handle: gzip.GzipFile(fileobj=handle),
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
}
_NO_LOGS: Mapping[bytes, str] = {
    b"\x28\xb5\x2f\xfd": "zstd data; unpack it first: zstd -d",
    b"\x04\x22\x4d\x18": "lz4 data; unpack it first: lz4 -d",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"LPKSHHRH": "a journal, which is no text; journalctl --file FILE -k prints it",
    b"KDUMP   ": "a memory dump; crash or makedumpfile --dump-dmesg gets the log out of it",
    b"\x7fELF": "an ELF file; crash or makedumpfile --dump-dmesg gets the log out of a memory dump",
}
_TAR = (257, b"ustar")  # where a tar archive names itself
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, OSError)  # what reading raises
MOST_UNPACKED = 4 << 30  # bytes of a log that was compressed: a thousand times as many come out as go in
WRITER_MS = 1000  # for which somebody may take to open a pipe for writing


def classify_log(path: Path, table: KindTable | None = None) -> LogReport:
    """The reports of a log file of any form, plain or compressed (gzip, xz, bzip2); "-" is stdin. An unreadable file
    gets an error instead. `table`: kinds of report that are not those of everybody."""
    try:
        if path == STDIN:
            return _scan(cast(io.BufferedReader, sys.stdin.buffer), str(path), table)
        with _opened(path) as handle:
            start = handle.peek(8)
            unpack = next((unpack for magic, unpack in _COMPRESSED.items() if start.startswith(magic)), None)
            source: _Readable = _Bounded(unpack(handle)) if unpack else handle
            return _scan(source, str(path), table)
    except (*DAMAGED, ValueError) as error:  # ValueError: a NUL in the name
        return LogReport(str(path), error=_why(error))


def _why(error: Exception) -> str:
    if isinstance(error, (EOFError, zlib.error, lzma.LZMAError)):
        return f"damaged compressed data: {error}"
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    """A file, or a pipe that somebody writes into (`<(dmesg)`). Raises OSError."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise (
            IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if stat.S_ISDIR(mode)
            else OSError(errno.EINVAL, "neither a file nor a pipe")
        )
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # else a pipe waits for its writer
    with os.fdopen(number, "rb") as handle:
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            if not _has_writer(number):
                raise OSError(errno.EPIPE, "nobody writes into this pipe")
            os.set_blocking(number, True)
        yield handle


def _has_writer(pipe: int) -> bool:
    """Whether something is in a pipe, or somebody has it open who may write."""
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    if any(event & select.POLLIN for _, event in waiting.poll(WRITER_MS)):
        return True
    try:
        return os.read(pipe, 1) != b""  # with nothing in it: the end, where there is no writer
    except BlockingIOError:
        return True


class _Bounded:
    """What comes out of a compressed file, which is not read without end."""

    def __init__(self, handle: _Readable) -> None:
        self._handle = handle
        self._left = MOST_UNPACKED

    def read1(self, size: int = -1) -> bytes:
        """What one step of unpacking gives. Raises OSError."""
        data = self._handle.read1(size)
        self._left -= len(data)
        if self._left < 0:
            raise OSError(errno.EFBIG, f"unpacked larger than {MOST_UNPACKED >> 30} GiB")
        return data


class Consoles:
    """The console logs of guests. Each is read from where the last reading stopped. A log that has become shorter is a
    new one, of a guest that was booted again. Thread-safe."""

    def __init__(self) -> None:
        self._logs: dict[Path, _GrowingLog] = {}
        self._lock = threading.Lock()

    def reports(self, path: Path) -> tuple[KernelReport, ...]:
        """The reports of a log; none when there is no such file."""
        if not path.is_file():
            return ()
        with self._lock, path.open("rb") as handle:
            log = self._logs.get(path)
            if log is None or log.size > os.fstat(handle.fileno()).st_size:
                log = self._logs[path] = _GrowingLog()
            return log.read_on(handle)


class _GrowingLog:
    """A console log up to where it has been read."""

    def __init__(self) -> None:
        self.size = 0
        self._scanner = Scanner(PRINTK)
        self._complete: list[KernelReport] = []

    def read_on(self, handle: BinaryIO) -> tuple[KernelReport, ...]:
        handle.seek(self.size)
        while chunk := handle.read(CHUNK):
            self.size += len(chunk)
            self._complete += self._scanner.feed(chunk)
        return _in_order([*self._complete, *self._scanner.so_far()])


def _chunks(handle: _Readable) -> Iterator[bytes]:
    """The bytes of a file in large pieces; of a damaged one what comes out before its error, which is raised then."""
    size = CHUNK
    while size == CHUNK:
        pieces: list[bytes] = []
        size, error = 0, None
        while size < CHUNK:
            try:
                piece = handle.read1(CHUNK - size)
            except DAMAGED as damage:
                error = damage
                break
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        if pieces:
            yield b"".join(pieces)
        if error:
            raise error


def _scan(handle: _Readable, name: str, table: KindTable | None) -> LogReport:
    chunks = _chunks(handle)
    first = next(chunks, b"")
    if what := _no_log(first) or one_line_of_json(first):
        return LogReport(name, error=what)
    text = LogText(chain([first], chunks))
    pieces = iter(text)
    sample: list[bytes] = []
    try:
        while sum(map(len, sample)) < SAMPLE and (piece := next(pieces, b"")):
            sample.append(piece)
    except DAMAGED as error:
        if not sample:
            raise
        pieces = _broken(error)
    form = detect(b"".join(sample))
    if text.is_json:  # its last line is not the last that the kernel said
        form = replace(form, name=f"json, {form.name}", has_margin=False)
    return _read(name, Scanner(form, table), chain(sample, pieces))


def _broken(error: Exception) -> Iterator[bytes]:
    """What is left of a file whose next piece cannot be read: its error."""
    raise error
    yield


def _no_log(start: bytes) -> str:
    """What a file is that has no lines; empty for a log."""
    at, mark = _TAR
    if start[at:].startswith(mark):
        return "a tar archive; unpack it first"
    return next((what for magic, what in _NO_LOGS.items() if start.startswith(magic)), "")


def _read(name: str, scanner: Scanner, pieces: Iterator[bytes]) -> LogReport:
    form, unread = scanner.form, Unread(scanner.form)
    found: list[KernelReport] = []
    error = ""
    try:
        for lines in pieces:
            found += scanner.feed(lines)
            unread.feed(lines)
    except DAMAGED as broken:  # what was read until then counts
        error = _why(broken)
    reports = _in_order([*found, *scanner.close()])
    return LogReport(name, form.name, form.is_marked, reports, unread.outside(reports), unread.cut_at(reports), error)


def _in_order(found: Iterable[KernelReport]) -> tuple[KernelReport, ...]:
    return tuple(sorted(found, key=lambda kernel_report: kernel_report.offset))
