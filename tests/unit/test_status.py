"""What is going on, in one line: stage, elapsed, expected from earlier runs, objects compiled, cases done."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path

import pytest

from orchestrator import events
from orchestrator.context import Places
from orchestrator.invocation.earlier import earlier_times
from orchestrator.model.outcome import Outcome
from orchestrator.reporters import stream as streams
from orchestrator.reporters.progress import Objects, Progress
from orchestrator.reporters.status import Earlier, Status, after, words

BUILD = events.StageStarted("base.patched", "build")
BUILT = events.StageFinished("base.patched", "build", Outcome.PASS, 80.0)
EARLIER = {
    ("base", "build"): Earlier(605.0, "2890 objects compiled"),
    ("base", "gup"): Earlier(5.0, is_case=True),
    ("base", "uffd"): Earlier(7.0, is_case=True),
}


def status(*said: tuple[float, events.Event]) -> Status:
    found = Status()
    for at, event in said:
        found = after(found, event, at)
    return found


def started(case: str, pair: int = 0) -> events.CaseStarted:
    return events.CaseStarted("base.patched", case, 60.0, pair)


def finished(case: str, pair: int = 0) -> events.CaseFinished:
    return events.CaseFinished("base.patched", case, Outcome.PASS, 5.0, pair=pair)


def test_a_stage_says_how_long_it_takes_and_took() -> None:
    build = status((0.0, BUILD))
    assert words(build, 72.0, {}) == "[base.patched] build 72 s"
    assert words(build, 72.0, EARLIER) == "[base.patched] build 72 s (last time 10 min 5 s, 2890 objects compiled)"
    made = after(build, events.Compiling("base.patched", "/l"), 1.0)
    assert made.log == "/l"
    assert words(made, 72.0, {}, 412) == "[base.patched] build 72 s, 412 objects compiled"
    assert words(after(made, BUILT, 80.0), 81.0, {}) == ""
    assert after(made, BUILT, 80.0).is_idle


def test_cases_say_how_many_are_done_and_about_how_long_the_rest_takes() -> None:
    run = (0.0, events.RunStarted("/r", (), cases=4))
    first = status(run, (10.0, started("gup")), (15.0, finished("gup")), (15.0, started("uffd")))
    assert words(first, 17.0, EARLIER) == "[base.patched] 1 of 4 cases done: uffd 2 s, about 16 s left"
    assert words(first, 17.0, {}) == "[base.patched] 1 of 4 cases done: uffd 2 s"
    assert words(after(first, started("gup"), 16.0), 17.0, {}).endswith("uffd 2 s, gup 1 s")


def test_pairs_are_no_cases_of_the_plan() -> None:
    run = (0.0, events.RunStarted("/r", (), cases=1))
    again = status(run, (1.0, started("gup")), (2.0, finished("gup")), (3.0, started("gup", 2)))
    assert words(again, 4.0, EARLIER) == "[base.patched] again, with the patch and without it: gup, pair 2 1 s"
    assert after(again, finished("gup", 2), 5.0).done == 1


def test_many_cases_at_a_time_are_counted() -> None:
    busy = status(*((0.0, started(f"c{number}")) for number in range(9)))
    assert words(busy, 1.0, {}) == "[base.patched] 0 cases done: c0 1 s, c1 1 s, c2 1 s and 6 more"


PARTS = ["  CC      a.o\n  LD  b", ".o\n  C", "C      c.o\n", "x CC   d.o\n\n  CC  ", "e.o\n"]


def test_objects_are_counted_while_the_log_grows(tmp_path: Path) -> None:
    log, objects = tmp_path / "build.log", Objects()
    assert objects.count(str(log)) == 0
    with log.open("w", buffering=1) as handle:
        for number, part in enumerate(PARTS):
            handle.write(part)
            handle.flush()
            assert objects.count(str(log)) == [1, 1, 2, 3, 3][number]
    assert objects.count("") == 0


def test_in_a_log_there_is_a_line_after_each_silence_and_none_where_nothing_goes_on() -> None:
    stream = io.StringIO()
    with Progress(stream, silence_s=0.1) as progress:
        time.sleep(0.3)
        assert stream.getvalue() == ""
        progress(BUILD)
        time.sleep(0.35)
        progress(BUILT)
        seen = stream.getvalue()
        time.sleep(0.3)
    lines = stream.getvalue().splitlines()
    assert stream.getvalue() == seen
    assert lines[0] == "[base.patched] build ..."
    assert lines[-1] == "[base.patched] build: PASS (80.0 s)"
    assert 2 <= len(lines[1:-1]) <= 4
    assert all(line.startswith("[base.patched] build 0 s") for line in lines[1:-1])


def test_quiet_leaves_warnings() -> None:
    stream = io.StringIO()
    with Progress(stream, quiet=True, silence_s=0.05) as progress:
        progress(BUILD)
        progress(events.Note(events.Level.INFO, "nothing"))
        progress(events.Note(events.Level.WARNING, "KVM does not work"))
        time.sleep(0.2)
    assert stream.getvalue() == "warning: KVM does not work\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_at_a_terminal_one_line_changes_and_what_is_written_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    with Progress(stream) as progress:
        progress(BUILD)
        time.sleep(1.3)
        progress(BUILT)
    shown = stream.getvalue()
    assert shown.startswith("[base.patched] build ...\n[base.patched] build 0 s")
    assert f"{streams.ERASE}[base.patched] build: PASS (80.0 s)\n" in shown
    assert shown.endswith("PASS (80.0 s)\n")
    assert all(
        len(part.rstrip("\n")) < 30
        for part in shown.replace("\n", streams.ERASE).split(streams.ERASE)
        if "PASS" not in part
    )


def test_a_terminal_that_cannot_replace_a_line_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with Progress(stream, silence_s=0.1) as progress:
        progress(BUILD)
        time.sleep(0.25)
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


NOTE = "9 objects compiled, 1 warning"
BROKEN = ["", "{", "[]", "null", '{"kconfig": 1}', '{"kconfig": "b", "stages": [1], "attempts": 3}']


def test_earlier_runs_tell_what_was_measured_last_and_broken_ones_nothing(tmp_path: Path) -> None:
    places = Places(tmp_path / "cache", tmp_path / "state")

    def run(name: str, time_s: float, cached: bool = False, text: str | None = None) -> None:
        record = {
            "kconfig": "base",
            "stages": [{"stage": "build", "outcome": "PASS", "cached": cached, "time_s": time_s, "message": NOTE}],
            "attempts": [
                {"case": "gup", "ending": "EXITED", "duration_s": 5.0},
                {"case": "gup", "ending": "TIMED_OUT", "duration_s": 60.0},
            ],
        }
        home = places.runs / name / "base.patched"
        home.mkdir(parents=True)
        (home / "kernel.json").write_text(json.dumps(record) if text is None else text)

    assert earlier_times(places) == {}
    run("20260101T000000-a", 100.0)
    run("20260102T000000-a", 200.0)
    run("20260103T000000-a", 0.0, cached=True)
    for number, text in enumerate(BROKEN):
        run(f"2027010{number}T000000-a", 0.0, text=text)
    assert earlier_times(places) == {
        ("base", "build"): Earlier(200.0, "9 objects compiled"),
        ("base", "gup"): Earlier(5.0, is_case=True),
    }
    os.truncate(places.runs / "20260102T000000-a/base.patched/kernel.json", 0)
    assert earlier_times(places)["base", "build"].time_s == 100.0
