"""A run as rows, and how sure a rate is."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.arguments.commands import records
from orchestrator.errors import UsageError
from orchestrator.history import rows, schema
from orchestrator.history.interval import interval
from orchestrator.history.questions import QUESTIONS
from orchestrator.history.read import find_runs
from orchestrator.judge.mutants import Detector, Kill, Matrix, MutantRow, MutantStatus
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Metric, RunReport, StageResult, Subtest
from tests.run_reports import CRASHED, HOSTILE, KASAN, case, hostile_report, report, suite

THP = case("thp", metrics=(Metric("left", 0.0, "objects"),),
           subtests=(Subtest("collapse", Outcome.PASS, 1.0, metrics=(Metric("ops", math.nan, "ops/s"),)),))  # fmt: skip


def of(run: RunReport, **more: object) -> rows.Rows:
    return rows.rows_of("id-1", run, location="/runs/1", **more)  # type: ignore[arg-type]


def test_everything_of_a_run_has_its_row() -> None:
    run = report(suite(CRASHED, THP, case("later", is_not_run=True), stages=(StageResult("boot", Outcome.PASS, 1.0),)))
    made = of(run, known=(KnownIssue("KASAN: .*", "https://example.org/1", "2026-12-31"),))
    assert (made.run.id, made.run.verdict, made.run.location) == ("id-1", "PATCH_AT_FAULT", "/runs/1")
    assert [(one.name, one.label, one.role) for one in made.kernels] == [("base.patched", "base", "patched")]
    assert [(one.kind, one.test, one.outcome) for one in made.findings] == [
        ("stage", "boot", "PASS"),
        ("case", "fork", "CRASH"),
        ("case", "thp", "PASS"),
        ("subtest", "thp.collapse", "PASS"),
        ("case", "later", rows.NOT_RUN),
    ]
    (fork,) = [one for one in made.findings if one.test == "fork"]
    assert (fork.is_at_fault, fork.answer, fork.patched_failed, fork.base_failed, fork.pairs) == (
        True, "REGRESSION", 5, 0, 5,
    )  # fmt: skip
    (one,) = made.reports
    assert (one.title, one.file, one.line, one.function, one.patch, one.times) == (
        KASAN.title,
        "mm/vma.c",
        3,
        "f",
        1,
        1,
    )
    assert [(one.test, one.name, one.value) for one in made.metrics] == [
        ("thp", "left", 0.0),
        ("thp.collapse", "ops", None),  # it was no number
    ]
    assert {("", "report.html"), ("fork", KASAN.file)} <= {(one.test, one.path) for one in made.artifacts}
    assert [one.link for one in made.known_issues] == ["https://example.org/1"]


def test_attempts_are_all_there_and_their_reports_are_counted() -> None:
    attempts = tuple(replace(CRASHED, number=number, pair=number - 1) for number in (1, 2, 3))
    made = of(report(suite(CRASHED, attempts=attempts)))
    assert [(one.number, one.pair) for one in made.attempts] == [(1, 0), (2, 1), (3, 2)]
    assert [one.times for one in made.reports] == [3]


def test_mutants_are_no_attempts() -> None:
    killed = MutantRow(
        "m1", "locking", MutantStatus.KILLED, "", Kill("base", "fork", Detector.HANG, "hung", 1.5, ()), ()
    )
    left = MutantRow("m2", "locking", MutantStatus.SURVIVED, "nothing noticed it", None, ())
    run = report(suite(case("m1"), case("m2", Outcome.FAIL), has_mutants=True))
    made = of(run, matrix=Matrix((killed, left), ("base",), ("fork",)))
    assert made.attempts == ()
    assert [(one.name, one.status, one.test, one.guest_s) for one in made.mutants] == [
        ("m1", "KILLED", "fork", 1.5),
        ("m2", "SURVIVED", "", None),
    ]
    assert {one.kind for one in made.findings} == {"mutant"}


def test_the_content_tells_whether_something_has_changed() -> None:
    run = report(suite(CRASHED))
    assert of(run).run.content == of(run).run.content
    changed = report(suite(replace(CRASHED, message="another")))
    assert of(run).run.content != of(changed).run.content


def every_text(made: rows.Rows) -> list[str]:
    found = [made.run, *(row for name in schema.CHILDREN for row in getattr(made, name))]
    return [value for row in found for value in dataclasses.asdict(row).values() if isinstance(value, str)]


@given(st.text(max_size=80))
def test_any_text_can_be_stored(text: str) -> None:
    for value in every_text(of(hostile_report(text))):
        value.encode()
        assert "\0" not in value


def test_what_is_indexed_has_a_limit() -> None:
    made = of(hostile_report(HOSTILE * 100))
    for table in (made.findings, made.reports, made.attempts, made.kernels):
        for row in table:
            names = [getattr(row, name) for name in ("test", "title", "label", "name") if hasattr(row, name)]
            assert all(len(name) <= 300 for name in names)


def test_each_table_has_the_columns_of_its_rows() -> None:
    hints = get_type_hints(rows.Rows)
    assert {*schema.CHILDREN} == {*hints} - {"run"}
    for name, table in schema.CHILDREN.items():
        fields = dataclasses.fields(get_args(hints[name])[0])
        assert [column.name for column in table.columns] == ["run", *(field.name for field in fields)]


def test_the_questions_of_the_help_are_those_that_there_are() -> None:
    assert tuple(QUESTIONS) == records.QUESTIONS


@pytest.mark.parametrize(
    ("failed", "total", "low", "high"),
    [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (1, 10, 0.018, 0.404), (50, 100, 0.404, 0.596), (0, 1, 0.0, 0.793)],
)
def test_wilsons_interval(failed: int, total: int, low: float, high: float) -> None:
    assert interval(failed, total) == (pytest.approx(low, abs=0.001), pytest.approx(high, abs=0.001))


@given(st.integers(1, 10_000), st.data())
def test_an_interval_holds_its_rate_and_narrows(total: int, data: st.DataObject) -> None:
    failed = data.draw(st.integers(0, total))
    low, high = interval(failed, total)
    assert 0 <= low <= failed / total <= high <= 1
    wide_low, wide_high = interval(failed * 2, total * 2)
    assert wide_high - wide_low <= high - low
    assert interval(total - failed, total) == (pytest.approx(1 - high), pytest.approx(1 - low))


@pytest.mark.parametrize(("failed", "total"), [(0, 0), (2, 1), (-1, 1)])
def test_what_is_no_rate_is_refused(failed: int, total: int) -> None:
    with pytest.raises(ValueError, match="no rate"):
        interval(failed, total)


def test_what_is_no_run_is_said_to_be_something_else(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "junit.xml").write_text("<testsuites/>")
    for path, what, hint in (
        (tmp_path / "gone", "no such file", "run.json"),
        (run, "neither a run directory", "run.json"),
        (run / "junit.xml", "a file, and no run directory", "JUnit and other results of others are not read"),
    ):
        with pytest.raises(UsageError, match=what) as caught:
            find_runs(path)
        assert hint in caught.value.hint
    (run / "run.json").write_text("{}")
    with pytest.raises(UsageError, match="a file of a run") as caught:
        find_runs(run / "junit.xml")
    assert caught.value.hint == f"orchestrate history import {run}"
    assert find_runs(run) == find_runs(tmp_path) == [run]
