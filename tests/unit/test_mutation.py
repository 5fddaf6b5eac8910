"""The order in which a mutant meets the cases, and what is recorded of several tries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.jobs.track import Track

from orchestrator.catalog import load
from orchestrator.context import Context, Places
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.kernel import Role
from orchestrator.model.request import Suite
from orchestrator.model.series import Mutant, Observable
from orchestrator.process import Cancel, Runner
from orchestrator.questions.mutation import TRIES, in_order
from orchestrator.record import KernelRecord, Try
from orchestrator.record import load as load_record

MUTANT = Mutant("early", "order", "it", "that", "base", (), (), Observable.YES, "", False, "", b"")


def test_named_cases_come_first_and_again_then_the_others_once() -> None:
    cases = tuple(load().testcases.values())
    names = [case.name for case in in_order(cases, replace(MUTANT, cases=("uffd", "gup")))]
    assert names[: 2 * TRIES] == ["uffd", "gup"] * TRIES
    assert sorted(names[2 * TRIES :]) == sorted(case.name for case in cases if case.name not in ("uffd", "gup"))


def test_without_a_named_case_all_come_once() -> None:
    cases = tuple(load().testcases.values())
    assert in_order(cases, MUTANT) == list(cases)


def test_a_try_that_is_interrupted_leaves_no_record_of_the_one_before_it(tmp_path: Path) -> None:
    """Its files are gone by then: judged by what the later one had written, it would have failed."""
    catalog = load()
    context = Context(Places.of_user(), catalog, Runner(Cancel()), lambda event: None)
    suite = Suite(catalog.kconfig("base"), Role.MUTATED, "early")
    track = Track(context, tmp_path, suite)
    for number in range(2):
        track.begin(Try("gup", 0, 0))
        track.keep(Attempt("gup", Ending.UNMET, duration_s=2.0, reason=f"try {number}"))
    assert track.record.runs[0].earlier_s == 2.0
    track.begin(Try("gup", 0, 0))
    assert load_record(KernelRecord, tmp_path / "suite.json").runs == ()
    assert not Track(context, tmp_path, suite).finished_cases
    track.keep(Attempt("gup", Ending.UNMET, duration_s=1.0))
    assert [(run.case, run.earlier_s) for run in track.record.runs] == [("gup", 4.0)]


def test_what_another_kernel_did_counts_no_more(tmp_path: Path) -> None:
    catalog = load()
    said: list[object] = []
    context = Context(Places.of_user(), catalog, Runner(Cancel()), said.append)
    track = Track(context, tmp_path, Suite(catalog.kconfig("base"), Role.MUTATED, "early"))
    track.settle(build_id="one", programs="these")
    track.next_guest()
    track.begin(Try("gup", 0, 17))
    track.keep(Attempt("gup", Ending.UNMET))
    track.settle(build_id="one", programs="these")
    assert track.finished_cases == {"gup"}
    track.settle(build_id="two", programs="these")
    assert not track.finished_cases
    assert (track.record.tries, list(track.record.numbers)) == ((), [])
    assert track.next_guest()[0] == 1, "its files stay"
    assert list(track.record.numbers) == [1]
