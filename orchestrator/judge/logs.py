"""a log file -> the kernel's reports in it. Memory is bounded by the reports, not by the file."""

from __future__ import annotations

import gzip
import os
import sys
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

from orchestrator.model.kernel_report import KernelReport, LogReport
from orchestrator.parse.kernel_report import Scanner
from orchestrator.parse.log_format import PRINTK, SAMPLE, Format, detect

CHUNK = 1 << 20
STDIN = Path("-")
_GZIP = b"\x1f\x8b"


def classify_log(path: Path) -> LogReport:
    """The reports of a log file of any form, plain or gzip; "-" is stdin. An unreadable file gets an error instead."""
    try:
        if path == STDIN:
            return _scan(sys.stdin.buffer, str(path))
        with path.open("rb") as handle:
            is_gzip = handle.peek(len(_GZIP)).startswith(_GZIP)
            source = cast(BinaryIO, gzip.GzipFile(fileobj=handle)) if is_gzip else handle
            return _scan(source, str(path))
    except (EOFError, zlib.error) as error:
        return LogReport(str(path), error=f"damaged gzip data: {error}")
    except OSError as error:
        return LogReport(str(path), error=error.strerror or str(error))


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


def _scan(handle: BinaryIO, name: str) -> LogReport:
    sample = b""
    while len(sample) < SAMPLE and (chunk := handle.read(CHUNK)):
        sample += chunk
    form = detect(sample)
    return LogReport(name, form.name, _reports(handle, form, sample))


def _reports(handle: BinaryIO, form: Format, sample: bytes) -> tuple[KernelReport, ...]:
    scanner = Scanner(form)
    found = scanner.feed(sample)
    while chunk := handle.read(CHUNK):
        found += scanner.feed(chunk)
    return _in_order([*found, *scanner.close()])


def _in_order(found: Iterable[KernelReport]) -> tuple[KernelReport, ...]:
    return tuple(sorted(found, key=lambda kernel_report: kernel_report.offset))
