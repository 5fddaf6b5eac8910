"""A listener that shows the progress of a run: a line for each event, and what is going on meanwhile.

At a terminal that is a line at its bottom which changes; in a CI log it is a line after each half minute of silence, so
that neither a person nor a CI server takes a long build for one that hangs.
"""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from orchestrator import events
from orchestrator.model.outcome import Outcome
from orchestrator.parse.compiler import COMPILED
from orchestrator.reporters.columns import wrapped
from orchestrator.reporters.status import EarlierTimes, Status, after, words
from orchestrator.reporters.stream import show_status, tell, width
from orchestrator.reporters.summary import seconds
from orchestrator.reporters.table import HTML
from orchestrator.reporters.text import printable

_LINE_CHARS = 4_000  # a command of make can have 100 KB
COMMAND = "+ "  # how the line of a command begins
SILENCE_S = 30.0
_STEP_S = 0.5
_OBJECT = COMPILED.encode()


class Progress:
    """A listener that writes to `stream`, whole lines also when several threads emit. As a context manager it also
    shows what is going on between two events, in a thread of its own.

    `verbose` adds commands and notes for debugging; `quiet` leaves warnings and errors. `about` begins each line but
    commands: it says which of several runs at once is meant, which then have no line at the bottom of a terminal. A
    stream that is gone (a closed pipe) ends the lines, not the run.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        quiet: bool = False,
        silence_s: float = SILENCE_S,
        about: str = "",
    ) -> None:
        self._stream, self._about = stream, f"{about} " if about else ""
        self._verbose, self._quiet, self._silence_s = verbose, quiet, silence_s
        self._lock = threading.RLock()
        self._gone = False
        self._status = Status()
        self._earlier: EarlierTimes = {}
        self._written_s = time.monotonic()
        self._objects = Objects()
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if not self._quiet:
            self._thread = threading.Thread(target=self._go_on, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        if self._thread:
            self._thread.join()
        show_status("", self._stream)

    def expect(self, earlier: EarlierTimes) -> None:
        """How long things took in earlier runs."""
        with self._lock:
            self._earlier = earlier

    def __call__(self, event: events.Event) -> None:
        with self._lock:
            self._status = after(self._status, event, time.monotonic())
            for said in event_lines(event, verbose=self._verbose, quiet=self._quiet):
                self._write(said)

    def _write(self, said: str) -> None:
        with self._lock:
            self._written_s = time.monotonic()
            # a command stays whole: it is to be pasted
            whole = said.startswith(COMMAND)
            lines = [said] if whole else wrapped(f"{self._about}{said}", width(self._stream), "", "    ")
            if not self._gone:
                self._gone = not tell("".join(f"{line}\n" for line in lines), self._stream)

    def _go_on(self) -> None:
        has_status = _changes(self._stream, os.environ) and not self._about
        while not self._is_over.wait(min(_STEP_S, self._silence_s)):
            with self._lock:
                if self._gone or self._status.is_idle:
                    show_status("", self._stream)
                    continue
                now_s = time.monotonic()
                if has_status:
                    show_status(self._words(now_s), self._stream)
                elif now_s - self._written_s >= self._silence_s:
                    self._write(self._words(now_s))

    def _words(self, now_s: float) -> str:
        return words(self._status, now_s, self._earlier, self._objects.count(self._status.log))


class Objects:
    """Counts the objects in a log of make that grows; of each byte once."""

    def __init__(self) -> None:
        self._log, self._offset, self._count, self._end = "", 0, 0, b""

    def count(self, log: str) -> int:
        if log != self._log:
            self._log, self._offset, self._count, self._end = log, 0, 0, b"\n"
        if log:
            with suppress(OSError), Path(log).open("rb") as handle:
                handle.seek(self._offset)
                new = handle.read()
                self._offset += len(new)
                self._count += (self._end + new).count(_OBJECT)
                self._end = (self._end + new)[1 - len(_OBJECT) :]  # too short to be counted once more
        return self._count


def _changes(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether the stream is a terminal on which a line can be replaced."""
    try:
        return stream.isatty() and environment.get("TERM", "dumb") != "dumb"
    except ValueError:  # it is closed
        return False


def event_lines(event: events.Event, *, verbose: bool = False, quiet: bool = False) -> list[str]:
    """The lines about an event, without control characters. Pure."""
    if quiet and not (isinstance(event, events.Note) and event.level >= events.Level.WARNING):
        return []
    return [_shorten(printable(said)) for said in _said(event, verbose)]


def _said(event: events.Event, verbose: bool) -> list[str]:
    match event:
        case events.RunStarted():
            verb = "resuming" if event.resumed else "running"
            return [f"{verb} in {event.run_dir}", *(f"- {line}" for line in event.plan)]
        case events.StageStarted():
            return [f"[{event.suite}] {event.stage} ..."]
        case events.Compiling():
            return [f"make of {event.suite} writes to {event.log}"] if verbose else []
        case events.StageFinished():
            took = "cached" if event.cached else seconds(event.time_s)
            return [
                _ended(f"[{event.suite}] {event.stage}: {event.outcome.name} ({took})", event.outcome, event.message)
            ]
        case events.GuestReady():
            how = f" under {event.accel}" if event.accel else ""
            return [f"[{event.suite}] guest {event.guest} is up{how} after {seconds(event.time_s)}"]
        case events.GuestLost():
            return [f"[{event.suite}] guest {event.guest} is lost: {event.reason}"]
        case events.CaseStarted():
            return [f"[{event.suite}] {_case(event)} ... (at most {seconds(event.limit_s)})"]
        case events.CaseFinished():
            said = f"[{event.suite}] {_case(event)}: {event.outcome.name} ({seconds(event.time_s)})"
            return [_ended(said, event.outcome, event.message)]
        case events.CommandRan():
            return _command(event, verbose)
        case events.Note():
            if not verbose and event.level == events.Level.DEBUG:
                return []
            detail = f" ({event.detail})" if event.detail and verbose else ""
            return [f"{event.level.name.lower()}: {event.text}{detail}"]
        case events.RunFinished():
            return [f"{event.verdict} ({seconds(event.time_s)}): {event.reason}", f"report: {event.run_dir}/{HTML}"]


def _case(event: events.CaseStarted | events.CaseFinished) -> str:
    """A pair is a run with the series and one without, next to each other."""
    return f"{event.case}, pair {event.pair}" if event.pair else event.case


def _command(event: events.CommandRan, verbose: bool) -> list[str]:
    """The command, ready to paste. A status other than 0 may be an answer (git cat-file -e); a stage that fails
    because of it reports it."""
    if not verbose:
        return []
    if event.status is None:
        ended = "ended by us at its deadline"
    elif event.status < 0:
        ended = f"killed by signal {-event.status}"
    else:
        ended = f"exit status {event.status}"
    log = f", log: {event.log}" if event.log else ""
    return [f"{COMMAND}{shlex.join(event.argv)}  # in {event.cwd}: {ended} after {seconds(event.time_s)}{log}"]


def _ended(said: str, outcome: Outcome, message: str) -> str:
    return f"{said}: {message}" if message and outcome is not Outcome.PASS else said


def _shorten(said: str) -> str:
    return said if len(said) <= _LINE_CHARS else f"{said[: _LINE_CHARS - 3]}..."
