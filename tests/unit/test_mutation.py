"""Does the suite notice mutants? The order in which a mutant meets the cases, and the question in a world without
guests."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from orchestrator.declarations.catalog import load_catalog
from orchestrator.judge.mutants import kill_of
from orchestrator.model.attempt import Planned
from orchestrator.model.coverage import CaseHits, Coverage, FileCoverage, LineState, StatementCoverage
from orchestrator.model.job import Build, Session
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Finding, StageResult
from orchestrator.model.request import WRITTEN_S, Plan, Request
from orchestrator.model.selection import Learned
from orchestrator.model.series import Mutant, Observable
from orchestrator.model.subject import Subject
from orchestrator.questions.mutation import NAMED_ATTEMPTS, Mutation, budget_of, cases_in_order, control_of, subject_of
from tests.unit.simulated import BROKEN, FAILED, HOST_LOST, HUNG, NOT_EXERCISED, PASSED, Show, World, case, plan

MUTANT = Mutant("early", "order", "it", "that", "base", (), (), Observable.YES, "", False, "", b"")
OTHER = replace(MUTANT, name="late", cases=("b",))


def test_named_cases_come_first_and_again_then_the_others_once() -> None:
    cases = tuple(load_catalog().testcases.values())
    names = [case.name for case in cases_in_order(cases, replace(MUTANT, cases=("uffd", "gup")))]
    assert names[: 2 * NAMED_ATTEMPTS] == ["uffd", "gup"] * NAMED_ATTEMPTS
    assert sorted(names[2 * NAMED_ATTEMPTS :]) == sorted(
        case.name for case in cases if case.name not in ("uffd", "gup")
    )


def test_without_a_named_case_all_come_once() -> None:
    cases = tuple(load_catalog().testcases.values())
    assert cases_in_order(cases, MUTANT) == list(cases)


@pytest.mark.parametrize(
    ("file", "firsts"),
    [
        ("mm/userfaultfd.c", {"uffd", "uffd-events"}),
        ("mm/mprotect.c", {"mprotect-oracle"}),
        ("mm/mremap.c", {"mremap-integrity"}),
        ("mm/ksm.c", {"ksm"}),
        ("mm/khugepaged.c", {"thp"}),
    ],
)
def test_of_cases_of_which_nothing_is_known_those_come_first_that_are_named_as_what_it_changes(
    file: str, firsts: set[str]
) -> None:
    catalog = load_catalog()
    cases = catalog.default_cases([catalog.kconfig("base")])
    diff = f"diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n@@ -10,2 +10,1 @@\n \tlong x;\n-\tgo(x);\n"
    names = [case.name for case in cases_in_order(cases, replace(MUTANT, diff=diff.encode()))]
    assert set(names[: len(firsts)]) == firsts
    rates = tuple(Learned(name, "c", (("f", 1.0),)) for name in ("gup",))
    known = replace(MUTANT, diff=diff.encode(), place=f"{file}: f()")
    assert cases_in_order(cases, known, rates)[0].name == "gup", "what is known comes before what is guessed"


# --- the question

CONTROL = "base.mutated"


def made(*mutants: Mutant, request: Request | None = None, kconfigs: tuple[str, ...] = ("base",)) -> Plan:
    return replace(plan(request, cases=("a", "b"), kconfigs=kconfigs), mutants=mutants or (MUTANT, OTHER))


def kills(*who: tuple[str, str]) -> Show:
    """Which subject fails in which case."""

    def show(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        return FAILED if (subject.name, planned.case) in who else PASSED

    return show


def tried(
    of: Plan, show: Show, *, budget: int = 1000, refused: tuple[str, ...] = (), **facts: dict[str, StageResult]
) -> tuple[World, Mutation]:
    left = iter(range(budget))
    question = Mutation(of, lambda: next(left, None) is None, lambda: dict.fromkeys(refused, "does not apply"))
    return World(of, show, **facts).ask(question), question  # type: ignore[arg-type]


def order(world: World) -> list[str]:
    """The subjects, in the order in which they were first tried."""
    return list(dict.fromkeys(job.subject.name for job in world.done if isinstance(job, Session)))


def ran(world: World, name: str) -> list[str]:
    return [found.case for found in world.reports[name].attempts]


def test_the_control_comes_first_and_each_mutant_has_a_session_of_its_own() -> None:
    world, _ = tried(made(), kills())
    assert order(world) == [CONTROL, "base.early", "base.late"]
    assert ran(world, "base.early") == ["a", "b"]
    assert ran(world, "base.late") == ["b"] * NAMED_ATTEMPTS + ["a"]
    assert [job.subject.name for job in world.done if isinstance(job, Build)] == [CONTROL]


def test_a_mutant_is_left_at_its_first_kill() -> None:
    world, _ = tried(made(), kills(("base.late", "b")))
    assert ran(world, "base.late") == ["b"]
    assert kill_of(world.reports["base.late"])


def test_what_was_killed_on_one_kconfig_is_not_tried_on_the_next() -> None:
    world, _ = tried(made(kconfigs=("base", "debug")), kills(("base.early", "a")))
    assert order(world) == [CONTROL, "base.early", "base.late", "debug.mutated", "debug.late"]


@pytest.mark.parametrize("stage", [BROKEN, HUNG])
def test_a_control_that_does_not_come_up_lets_no_mutant_be_tried(stage: StageResult) -> None:
    of = made()
    if stage is HUNG:
        question = Mutation(of, lambda: False, dict)
        world = World(of, kills(), boots=lambda subject, draw: False).ask(question)
    else:
        world, _ = tried(of, kills(), stages={CONTROL: stage})
    assert set(world.reports) == {CONTROL}


def test_a_control_that_fails_lets_no_mutant_be_tried() -> None:
    world, _ = tried(made(), kills((CONTROL, "b")))
    assert set(world.reports) == {CONTROL}
    assert world.reports[CONTROL].outcome is Outcome.FAIL


def test_a_mutant_that_the_kernel_does_not_carry_or_nobody_can_see_is_not_tried() -> None:
    unseen = replace(OTHER, observable=Observable.NO)
    world, _ = tried(made(MUTANT, unseen), kills(), refused=("early",))
    assert set(world.reports) == {CONTROL}
    asked = made(MUTANT, unseen, request=Request(only_mutants=("late",)))
    assert order(tried(asked, kills())[0]) == [CONTROL, "base.late"], "asked for by name"


def test_a_mutant_boots_within_a_limit_that_the_control_tells() -> None:
    world, _ = tried(made(), kills())
    (session,) = world.sessions("base.early")
    assert session.boot_limit_s == 20.0
    assert session.stop_at_failure
    assert world.sessions(CONTROL)[0].boot_limit_s is None


def test_what_the_control_does_not_exercise_either_kills_nothing() -> None:
    of = made(MUTANT, kconfigs=("base", "debug"))

    def show(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        return NOT_EXERCISED if planned.case == "a" and subject.name in idle else PASSED

    idle = {"base.early"}
    assert order(tried(of, show)[0]) == [CONTROL, "base.early", "debug.mutated"], "killed on base"
    idle = {"base.early", CONTROL}
    assert order(tried(of, show)[0]) == [CONTROL, "base.early", "debug.mutated", "debug.early"]


FIVE = ("a", "b", "c", "d", "e")  # of 5 s each: three are a first round


def rounds(world: World) -> list[tuple[str, ...]]:
    return [(job.subject.name, *job.cases) for job in world.done if isinstance(job, Session)]


def test_each_mutant_meets_its_first_cases_before_any_meets_its_others() -> None:
    of = replace(made(), cases=tuple(case(name) for name in FIVE))
    assert rounds(tried(of, kills())[0]) == [
        (CONTROL, *FIVE),
        ("base.early", "a", "b", "c"),
        ("base.late", "b", "b", "b"),
        ("base.early", "d", "e"),
        ("base.late", "a", "c", "d", "e"),
    ]
    killed = tried(of, kills(("base.early", "c"), ("base.late", "e")))[0]
    assert [name for name, *_ in rounds(killed)] == [CONTROL, "base.early", "base.late", "base.late"]


def test_a_budget_that_ends_in_the_second_round_has_tried_each_mutant() -> None:
    of = replace(made(), cases=tuple(case(name) for name in FIVE))
    world, question = tried(of, kills(), budget=3)
    assert [name for name, *_ in rounds(world)] == [CONTROL, "base.early", "base.late", "base.early"]
    assert question.over_budget == {"late"}


def test_what_the_host_spoilt_is_tried_once_more() -> None:
    of = replace(made(MUTANT), cases=tuple(case(name) for name in FIVE))
    left = iter([HOST_LOST, PASSED])

    def show(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        return next(left, PASSED) if (subject.name, planned.case) == ("base.early", "b") else PASSED

    first, second = ("base.early", "a", "b", "c"), ("base.early", "d", "e")
    assert rounds(tried(of, show)[0])[1:] == [first, first, second]
    left = iter([HOST_LOST] * 9)
    assert rounds(tried(of, show)[0])[1:] == [first, first], "and has no second round if it is spoilt again"


def test_cases_that_do_not_execute_what_a_mutant_changes_are_left_out() -> None:
    hits = tuple(CaseHits(name, count) for name, count in (("boot", 9), ("b", 1), ("d", 500), ("e", 20)))
    line = StatementCoverage(7, 7, (7,), "x = 1;", "f", LineState.HIT, cases=hits)
    covered = {"base": Coverage((FileCoverage("mm/vma.c", (line,)),), ("boot", *FIVE))}
    known = replace(MUTANT, place="mm/vma.c: f()", lines=(7, 7))
    of = replace(made(known, replace(known, name="late", lines=(9, 9))), cases=tuple(case(name) for name in FIVE))
    world = World(of, kills()).ask(Mutation(of, lambda: False, dict, covered=covered))
    assert rounds(world)[1:] == [("base.early", "d", "e", "b"), ("base.late", "a", "b", "c"), ("base.late", "d", "e")]


def test_mutants_beyond_the_budget_are_named_and_not_begun() -> None:
    world, question = tried(made(), kills(), budget=1)
    assert order(world) == [CONTROL, "base.early"]
    assert question.over_budget == {"late"}


def test_written_mutants_have_a_budget_by_themselves_and_others_have_none() -> None:
    assert budget_of(made(MUTANT, OTHER)) == 0
    assert budget_of(made(MUTANT, OTHER, request=Request(generate=30))) == 2 * WRITTEN_S
    assert budget_of(made(MUTANT, OTHER, request=Request(generate=30, budget_s=7))) == 7


def test_the_budget_is_looked_at_before_each_mutant_begins() -> None:
    of = made(MUTANT, OTHER, replace(OTHER, name="latest"))
    world = World(of, kills())
    question = Mutation(of, lambda: "base.early" in order(world), dict, at_once=1)
    assert order(world.ask(question)) == [CONTROL, "base.early"]
    assert question.over_budget == {"late", "latest"}


def test_what_was_finished_before_an_interruption_is_not_run_again() -> None:
    of = made()
    question = Mutation(of, lambda: False, dict)
    world = World(of, kills(("base.early", "a"))).ask(question, stop_after=3)
    assert order(world) == [CONTROL, "base.early"]
    world.done.clear()
    world.ask(question)
    assert order(world) == ["base.late"]


@pytest.mark.parametrize("name", [CONTROL, "base.early"])
def test_what_the_host_spoilt_before_an_interruption_is_run_again(name: str) -> None:
    of, spoilt = made(), [name]

    def show(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        return HOST_LOST if subject.name in spoilt else PASSED

    question = Mutation(of, lambda: False, dict)
    world = World(of, show).ask(question, stop_after=3)
    spoilt.clear()
    world.done.clear()
    world.ask(question)
    assert order(world)[0] == name
    assert {"base.early", "base.late"} <= set(world.reports)


def test_a_mutant_with_a_kernel_of_its_own_has_it_built_first_and_by_itself() -> None:
    """A build takes all slots: guests beside it would have their limits scaled by chance."""
    of = replace(made(MUTANT, replace(OTHER, has_own_build=True)), slots=4)
    world, _ = tried(of, kills())
    assert [job.subject.name for job in world.done if isinstance(job, Build)] == [CONTROL, "base.late"]
    kinds = [type(job) for job in world.done if job.subject.name == "base.late"]
    assert kinds == [Build, Session, Session]
    broken, _ = tried(of, kills(), stages={"base.late": BROKEN})
    assert not broken.sessions("base.late")
    assert broken.sessions("base.early")


def test_mutants_share_the_kernel_of_the_control_unless_they_cannot_be_switched() -> None:
    own = replace(OTHER, has_own_build=True)
    of = made(MUTANT, own)
    (variant,) = of.variants
    control = control_of(of, variant)
    assert subject_of(of, variant, 1).kernel == control.kernel
    assert subject_of(of, variant, 1).mutant == 1
    assert subject_of(of, variant, 2).kernel.id != control.kernel.id
    assert subject_of(of, variant, 2).worktree == control.worktree


def measured(of: Plan, show: Show, **facts: dict[str, StageResult]) -> World:
    return World(of, show, **facts).ask(Mutation(of, lambda: False, dict, measures=True))  # type: ignore[arg-type]


def test_the_series_by_itself_runs_all_cases_first_where_they_are_measured() -> None:
    world = measured(made(), kills(("base.early", "a")))
    assert order(world) == ["base.patched", CONTROL, "base.early", "base.late"]
    assert ran(world, "base.patched") == ["a", "b"]


def test_of_a_series_that_fails_by_itself_no_mutant_says_anything() -> None:
    assert order(measured(made(), kills(("base.patched", "b")))) == ["base.patched"]
