"""What the history knows of earlier nights, in SQLite and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.history.database import Database
from orchestrator.history.keep import keep
from orchestrator.history.nights import before, past_runs, results
from orchestrator.history.rows import rows_of
from orchestrator.model.night import Before, NightItem, Parts
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import Answer, Comparison, RunReport
from tests.integration.test_history import database, postgres, target  # noqa: F401, fixtures
from tests.run_reports import case, report, suite

ITEM = "mm/new quick base q35"


def took(database: Database, day: int, run: RunReport, tested: Parts = (("base", "b1"),), item: str = ITEM) -> None:  # noqa: F811
    started = f"2026-11-{day:02d}T02:00:00"
    night = NightItem(f"2026-11-{day:02d}-abc", item, tested)
    rows = rows_of(f"{item}-{day}", replace(run, started=started), location=f"/runs/{day}", night=night)
    keep(database, rows)


def compared(answer: Answer) -> Comparison:
    return Comparison(answer, True, 0.01, 2, 2, 4, "so")


def test_runs_of_an_item_the_latest_first(database: Database) -> None:  # noqa: F811
    took(database, 1, report(suite(case("a"))))
    flaky = case("a", Outcome.FAIL, comparison=compared(Answer.FLAKY_NO_WORSE))
    took(database, 2, replace(report(suite(flaky)), verdict=Verdict.CLEAN), (("base", "b2"), ("series", "s=1")))
    took(database, 3, report(suite(case("a"))), item="another")
    with database.reading() as connection:
        found = past_runs(connection, [ITEM])
        assert past_runs(connection, []) == {}
    assert [*found] == [ITEM]
    assert [(run.started[8:10], run.is_open, run.tested, run.location) for run in found[ITEM]] == [
        ("02", True, (("base", "b2"), ("series", "s=1")), "/runs/2"),
        ("01", False, (("base", "b1"),), "/runs/1"),
    ]


def test_what_earlier_nights_know_of_a_test(database: Database) -> None:  # noqa: F811
    took(database, 1, report(suite(case("a"), case("b"), case("c"))), (("base", "b1"),))
    took(database, 2, report(suite(case("a", Outcome.FAIL), case("b"))), (("base", "b2"),))
    excused = case("b", Outcome.FAIL, comparison=compared(Answer.PRE_EXISTING))
    took(database, 3, report(suite(case("a", Outcome.ERROR), excused)), (("base", "b3"),))
    took(database, 4, report(suite(case("a"), case("b"))), (("base", "b4"),))
    with database.reading() as connection:
        found = {test: known for (_, test), known in before(connection, ITEM, "2026-11-04-abc").items()}
        tonight = results(connection, f"{ITEM}-4")
    assert found["a"] == Before("FAIL", "2026-11-02T02:00:00", "2026-11-01T02:00:00", "b1")
    assert found["b"] == Before("PASS", "2026-11-02T02:00:00", "2026-11-02T02:00:00", "b2"), "excused is neither"
    assert found["c"].good == "b1"
    assert [(one.test, one.kind, one.outcome) for one in tonight if one.kind == "case"] == [
        ("a", "case", "PASS"), ("b", "case", "PASS"),
    ]  # fmt: skip
