"""A test with mutants: one answer, in which the mutants are one more suite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.declarations.catalog import load_catalog
from orchestrator.declarations.patches import read_series
from orchestrator.errors import UsageError
from orchestrator.judge.mutants import NOT_RUN
from orchestrator.judge.mutation_run import MATRIX, MUTATION_RUN, NESTED, with_mutants
from orchestrator.judge.run import RUN
from orchestrator.model.machine import Host
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.request import Request
from orchestrator.model.series import Mutant, Observable
from orchestrator.plan import make_plan
from orchestrator.reporters import junit
from orchestrator.runs.record import MutationRecord, RunRecord, save_record
from tests.unit.coverages import report

MUTANT = Mutant(
    "memory-20-drop-call", "drop-call", "mm/memory.c:20, f(): put() is left out", "", "base", (), (), Observable.YES,
    "", False, "generated", b"", "mm/memory.c: f()", (20, 20), "mm/memory.c:18-22",
)  # fmt: skip
WHY = f"{NOT_RUN}no case executes mm/memory.c:20"


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    home = tmp_path / NESTED
    save_record(RunRecord(Request(), "key", "series", "", "2026-11-28T10:00:00", finished=True), home / RUN)
    beyond = replace(MUTANT, name="beyond")
    left_out = ((MUTANT.name, WHY), (beyond.name, "not among the 3 most informative"))
    record = MutationRecord((MUTANT, beyond), ("base",), ("gup",), not_run=left_out)
    save_record(record, home / MUTATION_RUN)
    return tmp_path


def test_the_mutants_are_a_suite_of_the_tests_report_and_its_verdict_stays(run_dir: Path) -> None:
    before = replace(report(), verdict=Verdict.CLEAN)
    found = with_mutants(before, run_dir)
    assert found.verdict is Verdict.CLEAN
    assert found.suites[:-1] == before.suites
    assert [(case.case, case.outcome, case.message) for case in found.suites[-1].cases] == [
        (MUTANT.name, Outcome.SKIP, WHY)
    ]
    assert any(note.startswith("mutants: ") for note in found.notes)
    assert (run_dir / NESTED / MATRIX).is_file()
    assert MUTANT.name in junit.content(found).decode()


def test_a_test_without_mutants_is_as_it_was(tmp_path: Path) -> None:
    assert with_mutants(report(), tmp_path) == report()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(patch="vm_refcnt", with_mutants=-1), "--with-mutants -1"),
        (Request(patch="vm_refcnt", with_mutants=10**6), "--with-mutants 1000000"),
        (Request(with_mutants=3), "the lines that a patch changes"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(request_: Request, words: str) -> None:
    catalog = load_catalog()
    series = read_series(catalog.patches["vm_refcnt"]) if request_.patch else None
    with pytest.raises(UsageError, match=words):
        make_plan(request_, catalog, series, Host(2, 4096))
