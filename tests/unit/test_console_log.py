"""Consoles that say very much: what is kept of it, and how often it is read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import load_catalog
from orchestrator.guest import bounded_log
from orchestrator.guest.bounded_log import BoundedLog
from orchestrator.guest.console import Console, kernel_line
from orchestrator.host.process import Cancel, Runner
from orchestrator.jobs.journal import Journal
from orchestrator.judge.logs import Consoles
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.kernel import Kernel, Source
from orchestrator.model.subject import patched
from orchestrator.parse.logs.kernel_report import scan

DATA = Path(__file__).parents[1] / "data"
LINE = b"[    5.%06d][   T66] workingset: a line of a flood\n"
LOGS = sorted(path for path in (DATA / "console").glob("*-real.log"))


def lines(start: int, count: int) -> bytes:
    return b"".join(LINE % number for number in range(start, start + count))


# --- what is kept


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """A limit that is reached soon."""
    for name, value in {"LIMIT": 100_000, "ALLOWANCE": 10_000, "TAIL": 20_000}.items():
        monkeypatch.setattr(bounded_log, name, value)
    return 100_000


def test_what_fits_is_kept_as_it_came(tmp_path: Path, small: int) -> None:
    log = BoundedLog(tmp_path / "log")
    text = lines(0, 1500)
    for at in range(0, len(text), 777):
        log.write(text[at : at + 777])
    assert log.mark() == len(text) < small
    log.close()
    assert (tmp_path / "log").read_bytes() == text


def test_little_more_than_fits_is_kept_too(tmp_path: Path, small: int) -> None:
    log = BoundedLog(tmp_path / "log")
    text = lines(0, 2000)
    assert small < len(text) < small + 20_000
    log.write(text)
    log.close()
    assert (tmp_path / "log").read_bytes() == text


def test_a_flood_loses_its_middle_and_the_log_says_how_much(tmp_path: Path, small: int) -> None:
    log = BoundedLog(tmp_path / "log")
    text = lines(0, 100_000)
    for at in range(0, len(text), 4096):
        log.write(text[at : at + 4096])
        assert (tmp_path / "log").stat().st_size <= small
    log.close()
    kept = (tmp_path / "log").read_bytes()
    head, _, rest = kept.partition(b"\n[orchestrate: ")
    dropped, _, tail = rest.partition(b" bytes of a flood were dropped here]\n")
    assert len(head) == small
    assert text.startswith(head)
    assert text.endswith(tail)
    assert tail.startswith(b"[    5.")
    assert 10_000 < len(tail) <= 20_000
    assert len(head) + int(dropped) + len(tail) == len(text)


def test_windows_behind_a_flood_have_their_own_words_at_their_offsets(tmp_path: Path, small: int) -> None:
    log = BoundedLog(tmp_path / "log")
    log.write(lines(0, 20_000))
    starts = []
    for case in range(5):
        starts.append(log.mark())
        log.write(b"begin %d\n" % case + lines(0, 100) + b"end %d\n" % case)
    flooded = log.mark()
    log.write(b"begin 5\n" + lines(0, 10_000) + b"end 5\n")
    end = log.mark()
    log.close()
    kept = (tmp_path / "log").read_bytes()
    for case, (start, next_one) in enumerate(zip(starts, [*starts[1:], flooded], strict=True)):
        window = kept[start:next_one]
        assert window.startswith(b"begin %d\n" % case)
        assert window.endswith(b"end %d\n" % case)
    assert kept[flooded:].startswith(b"begin 5\n")
    assert kept.endswith(b"end 5\n")
    assert end == len(kept)
    assert end - flooded < 40_000


def test_a_console_that_floods_is_watched_to_its_end(tmp_path: Path, small: int) -> None:
    reader, writer = os.pipe()
    console = Console(tmp_path / "log")
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb", buffering=0) as guest:
        console.follow(stream)
        dropped = console.watch(kernel_line("in the middle"))
        guest.write(lines(0, 20_000) + b"[    6.000000][    T1] in the middle of the flood\n")
        guest.write(lines(0, 20_000))
        assert dropped.seen.wait(10)
        while console.said < 2 * len(lines(0, 20_000)):
            time.sleep(0.01)
        start = console.mark()
        guest.write(b"the next case\n")
        guest.close()
        console.drain(10)
    assert console.text(start) == "the next case\n"
    assert "in the middle" not in console.text()
    assert console.size == (tmp_path / "log").stat().st_size < small + 30_000
    offsets = [int(row.split()[0]) for row in (tmp_path / "log.times").read_text().splitlines()]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == start


# --- how often it is read


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_log_that_grows_gives_what_the_whole_of_it_would(path: Path, tmp_path: Path) -> None:
    text, consoles = path.read_bytes(), Consoles()
    for end in sorted({*range(0, len(text), max(1, len(text) // 15)), len(text)}):
        (tmp_path / "log").write_bytes(text[:end])
        assert consoles.reports(tmp_path / "log") == scan(text[:end]), end


def test_a_log_that_began_anew_is_read_anew(tmp_path: Path) -> None:
    first, second = LOGS[0].read_bytes(), LOGS[1].read_bytes()
    consoles = Consoles()
    (tmp_path / "log").write_bytes(first + second)
    consoles.reports(tmp_path / "log")
    (tmp_path / "log").write_bytes(second)
    assert consoles.reports(tmp_path / "log") == scan(second)


def bytes_read() -> int:
    """By this process, from files and all else."""
    words = Path("/proc/self/io").read_text().split()
    return int(words[words.index("rchar:") + 1])


def test_judging_case_after_case_reads_a_console_once(tmp_path: Path) -> None:
    catalog = load_catalog()
    context = Context(Places.of_user(), catalog, Runner(Cancel()), lambda event: None)
    journal = Journal(context, tmp_path, patched(Kernel(Source(), catalog.kconfig("base"))))
    number, directory = journal.next_guest()
    directory.mkdir()
    (directory / "console.log").touch()
    flood = lines(0, 20_000)
    before = bytes_read()
    for case in range(10):
        at = (directory / "console.log").stat().st_size
        with (directory / "console.log").open("ab") as log:
            log.write(flood)
        log_name = f"guest-{number}/console.log"
        journal.keep(Attempt(f"case-{case}", Ending.EXITED, guest=number, status=0, console=log_name, console_from=at))
    assert 10 * len(flood) <= bytes_read() - before < 15 * len(flood)
