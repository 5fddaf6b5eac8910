"""Generated mutants and the lines that cases execute."""

from __future__ import annotations

import pytest

from orchestrator.judge.mutants import NOT_RUN
from orchestrator.judge.unexecuted import covered_first, executions, unexecuted
from orchestrator.model.series import Mutant, Observable
from tests.unit.coverages import FOUND  # 10 to 11 are hit, 20 to 22 never, 30 to 50 have no instructions


def mutant(first: int, last: int = 0, file: str = "mm/memory.c") -> Mutant:
    return Mutant(
        f"m-{first}", "x", "", "", "base", (), (), Observable.YES, "", False, "generated", b"",
        place=f"{file}: f()", lines=(first, last or first),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "is_left_out"),
    [
        (mutant(20), True),
        (mutant(22), True),  # a line of the same statement
        (mutant(10), False),
        (mutant(11, 20), False),  # a part of it is executed
        (mutant(20, 30), True),  # of the other nobody knows, and it is no reason by itself
        (mutant(30), False),
        (mutant(40), False),  # screening says more about it
        (mutant(99), False),
        (mutant(20, file="mm/other.c"), False),
    ],
)
def test_only_what_is_known_never_to_run_is_left_out(one: Mutant, *, is_left_out: bool) -> None:
    found = unexecuted([one], FOUND)
    assert bool(found) is is_left_out
    assert all(why.startswith(NOT_RUN) and "mm/memory.c:20" in why for why in found.values())


def test_lines_that_are_executed_come_first() -> None:
    assert [one.name for one in covered_first([mutant(30), mutant(11), mutant(40), mutant(10)], FOUND)] == [
        "m-11",
        "m-10",
        "m-30",
        "m-40",
    ]


def test_how_often_each_case_executes_what_a_mutant_changes() -> None:
    whole = executions(mutant(11), FOUND)
    assert whole
    assert all(whole.values())
    assert not executions(mutant(30), FOUND), "nobody knows"
    assert not executions(mutant(11, file="mm/other.c"), FOUND)
