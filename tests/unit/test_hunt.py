"""The order in which a mutant meets the cases."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.catalog import load
from orchestrator.hunt import TRIES, in_order
from orchestrator.model import Mutant, Observable

MUTANT = Mutant("early", "order", "it", "that", "base", (), (), Observable.YES, "", False, "", b"")


def test_named_cases_come_first_and_again_then_the_others_once() -> None:
    cases = tuple(load().testcases.values())
    names = [case.name for case in in_order(cases, replace(MUTANT, cases=("uffd", "gup")))]
    assert names[: 2 * TRIES] == ["uffd", "gup"] * TRIES
    assert sorted(names[2 * TRIES :]) == sorted(case.name for case in cases if case.name not in ("uffd", "gup"))


def test_without_a_named_case_all_come_once() -> None:
    cases = tuple(load().testcases.values())
    assert in_order(cases, MUTANT) == list(cases)
