"""Each event becomes one harmless line, also from many threads and into a stream that is gone."""

from __future__ import annotations

import io
import threading
import typing

import pytest

from orchestrator import events
from orchestrator.model.outcome import Outcome
from orchestrator.reporters.progress import Progress, event_lines

EVENTS: list[tuple[events.Event, list[str]]] = [
    (events.RunStarted("/runs/1", ("1 suite", "2 cases")), ["running in /runs/1", "- 1 suite", "- 2 cases"]),
    (events.RunStarted("/runs/1", resumed=True), ["resuming in /runs/1"]),
    (events.StageStarted("s", "build"), ["[s] build ..."]),
    (events.Compiling("s", "/runs/1/s/logs/build.log"), []),
    (events.StageFinished("s", "build", Outcome.PASS, 61.25), ["[s] build: PASS (61.2 s)"]),
    (events.StageFinished("s", "build", Outcome.PASS, 0.0, cached=True), ["[s] build: PASS (cached)"]),
    (events.StageFinished("s", "apply", Outcome.FAIL, 1.0, message="no"), ["[s] apply: FAIL (1.0 s): no"]),
    (events.GuestReady("s", 7.5, "tcg", 1), ["[s] guest 1 is up under tcg after 7.5 s"]),
    (events.GuestLost("s", "panic", 1), ["[s] guest 1 is lost: panic"]),
    (events.CaseStarted("s", "fork", 200.0), ["[s] fork ... (at most 3 min 20 s)"]),
    (events.CaseFinished("s", "fork", Outcome.CRASH, 2.0, "KASAN"), ["[s] fork: CRASH (2.0 s): KASAN"]),
    (events.CaseStarted("s", "fork", 9.0, 3), ["[s] fork, pair 3 ... (at most 9.0 s)"]),
    (events.CaseFinished("s", "fork", Outcome.PASS, 2.0, pair=3), ["[s] fork, pair 3: PASS (2.0 s)"]),
    (events.CommandRan(("make", "a b"), "/b", 0, 1.0), []),
    (events.CommandRan(("git", "cat-file"), "/b", 1, 1.0), []),
    (events.Note(events.Level.WARNING, "KVM does not work"), ["warning: KVM does not work"]),
    (events.Note(events.Level.DEBUG, "detail"), []),
    (
        events.RunFinished("clean", "all passed", 2.0, "/runs/1"),
        ["clean (2.0 s): all passed", "report: /runs/1/report.html"],
    ),
]


@pytest.mark.parametrize(("event", "said"), EVENTS)
def test_each_event_has_its_line(event: events.Event, said: list[str]) -> None:
    assert event_lines(event) == said


def test_every_kind_of_event_is_tried_above() -> None:
    assert {type(event) for event, _ in EVENTS} == set(typing.get_args(events.Event))


@pytest.mark.parametrize("event", [event for event, said in EVENTS if not said])
def test_verbose_leaves_no_event_out(event: events.Event) -> None:
    assert event_lines(event, verbose=True)


@pytest.mark.parametrize(
    ("status", "ended"), [(2, "exit status 2"), (-9, "killed by signal 9"), (None, "ended by us at its deadline")]
)
def test_verbose_shows_commands_ready_to_paste_and_how_they_ended(status: int | None, ended: str) -> None:
    event = events.CommandRan(("make", "a b"), "/b", status, 1.0, "l")
    assert event_lines(event, verbose=True) == [f"+ make 'a b'  # in /b: {ended} after 1.0 s, log: l"]


def test_text_of_a_guest_cannot_steer_the_terminal_or_forge_a_line() -> None:
    (said,) = event_lines(events.CaseFinished("s", "c", Outcome.FAIL, 1.0, "\x1b[2J\r\n[s] c: PASS \x9b31m"))
    assert said == "[s] c: FAIL (1.0 s): \\x1b[2J [s] c: PASS \\x9b31m"


def test_an_endless_command_is_cut() -> None:
    (said,) = event_lines(events.CommandRan(("cc", *("x" * 50,) * 1000), "/b", 1, 1.0), verbose=True)
    assert len(said) == 4000


def test_lines_of_many_threads_stay_whole() -> None:
    stream = io.StringIO()
    progress = Progress(stream)

    def emit(name: str) -> None:
        for _ in range(100):
            progress(events.Note(events.Level.INFO, name * 50))

    threads = [threading.Thread(target=emit, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = stream.getvalue().splitlines()
    assert len(found) == 400
    assert set(found) == {f"info: {name * 50}" for name in "abcd"}


class Counted(io.StringIO):
    """Knows how often somebody tried to write."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


class Pipe(Counted):
    """Its reader goes away after the first line."""

    def write(self, text: str) -> int:
        if self.writes == 1:
            self.writes += 1
            raise BrokenPipeError
        return super().write(text)


def test_a_pipe_that_breaks_ends_the_lines_and_not_the_run() -> None:
    stream = Pipe()
    progress = Progress(stream)
    for word in "xyz":
        progress(events.Note(events.Level.INFO, word))
    assert stream.getvalue() == "info: x\n"
    assert stream.writes == 2  # not once for each event that is left


def test_a_closed_stream_ends_the_lines_and_not_the_run() -> None:
    stream = Counted()
    progress = Progress(stream)
    stream.close()
    progress(events.Note(events.Level.INFO, "x"))
    progress(events.Note(events.Level.INFO, "y"))
    assert stream.writes == 1
