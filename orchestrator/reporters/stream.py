"""stdout and stderr: everything that we print goes through here, and no other module writes to them.

A guest, a patch, a path or a kernel may hold what a terminal obeys; one filter (text.harmless) takes it out of all
text. `data` is for programs and stays as it is.

The product of a command (`out`, `data`) is worth an error where it cannot be written. What only tells a person how it
went (`tell`) is not: a terminal that is closed or full changes no exit status.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from orchestrator.reporters.text import harmless, printable

STDOUT = "stdout"  # the filename of an error of `out` and `data`
ERASE = "\r\x1b[K"  # to the line's start, and clear it
_LOCK = threading.RLock()
_status: list[tuple[TextIO, str]] = []  # the terminal whose last line is a status now, and that line


def open_closed() -> None:
    """Open /dev/null for each of descriptors 0 to 2 that is closed: otherwise the next file that we open becomes
    stdout."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        if getattr(sys, name) is None:  # so Python leaves one that was closed when it started
            setattr(sys, name, os.fdopen(number, mode, errors="backslashreplace", closefd=False))


def width(stream: TextIO | None = None) -> int | None:
    """The columns of the terminal that a stream, stdout by default, goes to; None where it goes elsewhere."""
    stream = sys.stdout if stream is None else stream
    try:
        return shutil.get_terminal_size().columns if stream.isatty() else None
    except ValueError:  # it is closed
        return None


def out(text: str) -> None:
    """Write a command's product for people to stdout. Raises OSError, whose filename is STDOUT."""
    with _stdout():
        _write(text, sys.stdout)


def data(content: bytes) -> None:
    """Write a command's product for programs to stdout, byte for byte. Raises OSError, whose filename is STDOUT."""
    with _stdout(), _LOCK:
        _erase()
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def tell(text: str, stream: TextIO | None = None) -> bool:
    """Write for people, to stderr by default. Never raises; returns False if the stream cannot be written to any
    more."""
    stream = sys.stderr if stream is None else stream
    return attempt(lambda: _write(text, stream), stream)


def attempt(write: Callable[[], None], stream: TextIO) -> bool:
    """`tell` for one who writes to a stream by other means (rich)."""
    try:
        with _LOCK:
            _erase()
            write()
    except (OSError, ValueError):  # ValueError: it was closed
        _give_up(stream)
        return False
    return True


def show_status(text: str, stream: TextIO) -> None:
    """Show one line at the bottom of a terminal until something else is written. It is cut to the terminal's width.
    Empty text removes it. Never raises."""
    with _LOCK, suppress(OSError, ValueError):
        line = encodable(printable(text)[: (width(stream) or 80) - 1], stream)
        if (stream, line) in _status:
            return
        _erase()
        if line:
            stream.write(line)
            stream.flush()
            _status.append((stream, line))


def _erase() -> None:
    while _status:
        stream, _ = _status.pop()
        stream.write(ERASE)
        stream.flush()


@contextmanager
def _stdout() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _give_up(sys.stdout)
        raise OSError(error.errno, error.strerror, STDOUT) from error


def _give_up(stream: TextIO) -> None:
    """What is left in its buffer goes nowhere: Python would write it at its end, fail again, and exit with 120."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


def encodable(text: str, stream: TextIO) -> str:
    """What the stream's encoding has, and escapes for the rest: a C locale must not end a run in a traceback."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _write(text: str, stream: TextIO) -> None:
    with _LOCK:
        _erase()
        stream.write(encodable(harmless(text), stream))
        stream.flush()
