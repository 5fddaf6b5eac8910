"""What the history keeps beside its rows, in real databases: how tests stand, where metrics have got to."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text

from orchestrator.errors import HistoryUnavailable, UsageError
from orchestrator.history import database as databases
from orchestrator.history.database import Database, open_database, open_read_only
from orchestrator.history.keep import keep, prune
from orchestrator.history.questions import QUESTIONS, Filter
from orchestrator.history.questions.ask import revision
from orchestrator.history.rows import Rows, rows_of
from orchestrator.history.schema import METADATA, STANDING, TREND
from orchestrator.model.coverage import Coverage, FileCoverage, LineState, StatementCoverage
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Metric, RunReport
from tests.integration.postgres import server
from tests.nights import Night, fill, run
from tests.run_reports import CRASHED, KASAN, case, report, suite

Table = list[tuple[object, ...]]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty history."""
    if request.param == "sqlite":
        return empty(tmp_path / "history.db")
    made = open_database(request.getfixturevalue("postgres"), create=True)
    with made.writing() as connection:
        METADATA.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    return open_database(request.getfixturevalue("postgres"), create=True)


def empty(path: Path) -> Database:
    return open_database(str(path), create=True)


def ask(database: Database, question: str, **wanted: str) -> list[dict[str, object]]:
    with database.reading() as connection:
        answer = QUESTIONS[question](connection, Filter(**wanted))  # type: ignore[arg-type]
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def derived(database: Database) -> tuple[Table, Table]:
    with database.reading() as connection:
        found = [sorted(map(tuple, connection.execute(select(table))), key=repr) for table in (STANDING, TREND)]
    return found[0], found[1]


def nights(count: int) -> list[Rows]:
    return [
        rows_of(f"{number}-{slot}", run(Night(number, count - 1, slot, 14))[0], location="/runs")
        for number in range(count)
        for slot in range(6)
    ]


def about(series: str, day: int, made: RunReport, tree: str = "linux 6.12") -> Rows:
    suites = tuple(replace(one, facts=KernelFacts(base=tree)) for one in made.suites)
    found = replace(made, series=series, started=f"2026-11-{day:02d}T02:00:00", suites=suites)
    return rows_of(f"{series}-{tree}-{day}", found, location="/runs")


GOOD, BAD = report(suite(case("fork"), case("thp"))), report(suite(CRASHED, case("thp")))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_imports_makes_no_difference(seed: int, tmp_path: Path) -> None:
    rows = nights(8)
    first, second = empty(tmp_path / "a.db"), empty(tmp_path / "b.db")
    for one in rows:
        keep(first, one)
    random.Random(seed).shuffle(rows)
    for one in rows:
        keep(second, one)
    assert derived(first) == derived(second)
    assert min(map(len, derived(first))) > 50


def test_a_run_that_changed_changes_what_follows_from_it(database: Database) -> None:
    for day, made in ((1, GOOD), (2, BAD), (3, GOOD)):
        keep(database, about("fix", day, made))
    before, _ = derived(database)
    with database.reading() as connection:
        number = revision(connection)
    keep(database, about("fix", 2, GOOD))
    (fork,) = ask(database, "tests", test="fork")
    assert (fork["fails_since"], fork["last_pass"]) == (None, "2026-11-03T02:00:00")
    assert not [row for row in ask(database, "news", since="2026-11-01") if row["state"] == "passes again"]
    keep(database, about("fix", 2, BAD))
    assert derived(database)[0] == before
    keep(database, about("fix", 2, report(suite(case("thp")))))  # it has no fork any more
    assert [row["test"] for row in ask(database, "tests")] == ["fork", "thp"]
    with database.reading() as connection:
        assert revision(connection) == number + 3


def test_what_a_changed_run_had_alone_is_gone(database: Database) -> None:
    keep(database, about("fix", 1, BAD))
    keep(database, about("fix", 1, report(suite(case("thp")))))
    assert [row["test"] for row in ask(database, "tests")] == ["thp"]


def test_news_of_one_series_are_not_those_of_another(database: Database) -> None:
    """The same test on the same kernel: a failure of one series is not mended by the next run of another."""
    for day in (1, 2):
        for series in ("v1-fix", "other"):
            keep(database, about(series, day, BAD if (series, day) == ("v1-fix", 2) else GOOD))
        keep(database, about("", day, GOOD, tree="next 20261101"))
    found = [(row["state"], row["series"], row["tree"]) for row in ask(database, "news") if row["what"] == "fork"]
    assert found == [("fails", "fix", "linux")]
    keep(database, about("v2-fix", 3, GOOD))
    found = [(row["state"], row["series"]) for row in ask(database, "news") if row["what"] == "fork"]
    assert found == [("passes again", "fix")]  # the next version is the same topic
    assert ask(database, "news", series="other") == []


def test_what_nobody_reported_is_missing(database: Database) -> None:
    """Of a kernel whose other tests were there, and of a tree; a series that is not tested again is not missing."""
    both, one = report(suite(case("fork"), case("thp"))), report(suite(case("thp")))
    keep(database, about("fix", 1, both))
    keep(database, about("once", 1, both))
    keep(database, about("", 1, both, tree="next 1"))
    keep(database, about("fix", 3, one))
    found = [(row["what"], row["series"], row["tree"]) for row in ask(database, "news") if row["state"] == "missing"]
    assert found == [("fork", "", "next"), ("fork", "fix", "linux"), ("thp", "", "next")]
    keep(database, about("fix", 20, one))
    assert [row for row in ask(database, "news") if row["state"] == "missing"] == []


def test_pruning_keeps_how_tests_stand(database: Database) -> None:
    for day, made in ((1, GOOD), (2, BAD), (3, BAD)):
        keep(database, about("fix", day, made))
    known = ask(database, "tests")
    prune(database, "2026-11-03", is_rehearsal=False)
    assert ask(database, "tests") == known
    keep(database, about("fix", 3, report(suite(CRASHED, case("thp"), case("new")))))  # folded anew from what is left
    assert [row for row in ask(database, "tests") if row["test"] != "new"] == known


def test_a_metric_that_fell_is_told(database: Database) -> None:
    chance = random.Random(7)
    for day in range(1, 25):
        value = chance.gauss(1000, 10) if day < 15 else chance.gauss(900, 10)
        keep(database, about("", day, report(suite(case("scale", metrics=(Metric("faults", value, "ops/s"),))))))
    (row,) = ask(database, "trends", metric="faults")
    assert (row["changed"], row["values"]) == ("2026-11-15T02:00:00", 24)
    (change,) = ask(database, "changes", test="scale")
    assert change["changed"] == "2026-11-15T02:00:00"
    assert change["shift"] == row["shift"] == pytest.approx(-0.1, abs=0.02)
    assert ask(database, "changes", test="scale", metric="other") == []
    prune(database, "2027-01-01", is_rehearsal=False)
    assert ask(database, "trends") == []


def test_coverage_over_time(database: Database) -> None:
    def measured(hit: int, missed: int) -> RunReport:
        states = [LineState.HIT] * hit + [LineState.NEVER_HIT] * missed + [LineState.NO_CODE]
        lines = tuple(StatementCoverage(at, at, (at,), "", "f", state) for at, state in enumerate(states, 1))
        return report(suite(case("fork"), coverage=Coverage((FileCoverage("mm/vma.c", lines),), ("fork",))))

    keep(database, about("v1-fix", 1, measured(1, 3)))
    keep(database, about("v2-fix", 2, measured(3, 1)))
    keep(database, about("v3-fix", 3, measured(0, 0)))
    found = [(row["revision"], row["hit"], row["counted"], row["covered"]) for row in ask(database, "coverage")]
    assert found == [(1, 1, 4, 0.25), (2, 3, 4, 0.75), (3, 0, 0, None)]


def test_a_history_of_the_first_version_is_brought_up_to_date(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its runs get their topics and trees, and what follows from them, as if they came today."""
    for day, made in ((1, GOOD), (2, BAD)):
        keep(database, about("v2-fix", day, made))
    today = derived(database)
    with database.writing() as connection:
        for name in ("standing", "trend", "revision", "coverage", "night_item"):
            connection.execute(text(f"DROP TABLE {name}"))
        connection.execute(text("DROP INDEX ix_run_topic_tree"))
        for name in ("topic", "revision", "tree"):
            connection.execute(text(f"ALTER TABLE run DROP COLUMN {name}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    databases._upgrade(database)
    assert derived(database) == today
    (row,) = ask(database, "series")
    assert (row["series"], row["newest"], row["runs"]) == ("fix", 2, 2)
    assert [one["tree"] for one in ask(database, "trees")] == ["linux"]


def test_a_reader_cannot_write(database: Database) -> None:
    keep(database, about("fix", 1, GOOD))
    reader = open_read_only(database.engine.url.render_as_string(hide_password=False)
                            if "postgresql" in database.name else database.name)  # fmt: skip
    assert len(ask(reader, "runs")) == 1
    with pytest.raises(HistoryUnavailable, match=r"read-?only"), reader.writing() as connection:
        connection.execute(text("DELETE FROM run"))
    assert len(ask(database, "runs")) == 1


def test_a_reader_makes_no_history_and_changes_no_tables(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no history"):
        open_read_only(str(tmp_path / "none.db"))
    assert not (tmp_path / "none.db").exists()
    empty(tmp_path / "old.db")
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    with pytest.raises(UsageError, match="older version"):
        open_read_only(str(tmp_path / "old.db"))


def test_the_matrix_counts_flips_within_a_line(database: Database) -> None:
    """A case that always fails on one tree and never on the other does not flip."""
    for day in (1, 2, 3):
        keep(database, about("", day, BAD, tree="next 1"))
        keep(database, about("", day, GOOD, tree="stable 1"))
    keep(database, about("", 4, GOOD, tree="next 1"))
    rows = ask(database, "matrix")
    assert [(row["test"], row["flips"], row["failed"], row["ran"]) for row in rows] == [
        ("fork", 1, 3, 7),
        ("thp", 0, 0, 7),
    ]
    (row,) = ask(database, "matrix", test="fork", tree="stable")
    assert [value for name, value in row.items() if name.startswith("2026")] == ["PASS"] * 3


def test_every_question_has_an_answer_from_nights(database: Database) -> None:
    fill(database, 30, per_night=6)
    for name in QUESTIONS:
        rows = ask(database, name)
        assert rows or name in ("changes",), name
    assert {row["outcome"] for row in ask(database, "results")} >= {"PASS", Outcome.CRASH.name}
    assert KASAN.kind
    states = {row["state"] for row in ask(database, "news")}
    assert {"fails", "new title", "missing"} <= states
