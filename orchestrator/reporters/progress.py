"""A listener that shows the progress of a run, at a terminal or in a CI log: one line for each event."""

from __future__ import annotations

import shlex
import threading
from typing import TextIO

from orchestrator import events
from orchestrator.model.outcome import Outcome
from orchestrator.reporters.stream import tell
from orchestrator.reporters.summary import seconds
from orchestrator.reporters.text import printable

_LINE_CHARS = 4_000  # a command of make can have 100 KB


class Progress:
    """A listener that writes to `stream`, whole lines also when several threads emit.

    `verbose` adds commands and notes for debugging. A stream that is gone (a closed pipe)
    ends the lines, not the run.
    """

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._stream = stream
        self._verbose = verbose
        self._lock = threading.Lock()
        self._gone = False

    def __call__(self, event: events.Event) -> None:
        for said in event_lines(event, verbose=self._verbose):
            self._write(said)

    def _write(self, said: str) -> None:
        with self._lock:
            if not self._gone:
                self._gone = not tell(said + "\n", self._stream)


def event_lines(event: events.Event, *, verbose: bool = False) -> list[str]:
    """The lines about an event, without control characters. Pure."""
    return [_shorten(printable(said)) for said in _said(event, verbose)]


def _said(event: events.Event, verbose: bool) -> list[str]:
    match event:
        case events.RunStarted():
            verb = "resuming" if event.resumed else "running"
            return [f"{verb} in {event.run_dir}", *(f"- {line}" for line in event.plan)]
        case events.StageStarted():
            return [f"[{event.suite}] {event.stage} ..."]
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
            return [f"{event.level.name.lower()}: {event.text}"] if verbose or event.level > events.Level.DEBUG else []
        case events.RunFinished():
            return [f"{event.verdict} ({seconds(event.time_s)}): {event.reason}", f"report: {event.run_dir}"]


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
    return [f"+ {shlex.join(event.argv)}  # in {event.cwd}: {ended} after {seconds(event.time_s)}{log}"]


def _ended(said: str, outcome: Outcome, message: str) -> str:
    return f"{said}: {message}" if message and outcome is not Outcome.PASS else said


def _shorten(said: str) -> str:
    return said if len(said) <= _LINE_CHARS else f"{said[: _LINE_CHARS - 3]}..."
