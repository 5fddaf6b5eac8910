"""a log file -> the kernel's reports in it. Memory is bounded by the reports, not by the file."""

from __future__ import annotations

import gzip
import sys
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from orchestrator.model.kernel_report import KernelReport, LogReport
from orchestrator.parse.kernel_report import Scanner
from orchestrator.parse.log_format import PRINTK, SAMPLE, Format, detect

CHUNK = 1 << 20
STDIN = Path("-")
_GZIP = b"\x1f\x8b"


def classify_log(path: Path) -> LogReport:
    """The reports of a file in whatever form it is, plain or gzip; "-" is stdin. What cannot be read says why."""
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


def scan_file(path: Path) -> tuple[KernelReport, ...]:
    """The reports of a guest's console log; none when there is no such file."""
    if not path.is_file():
        return ()
    with path.open("rb") as handle:
        return _reports(handle, PRINTK, b"")


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
    return tuple(sorted([*found, *scanner.close()], key=lambda kernel_report: kernel_report.offset))
