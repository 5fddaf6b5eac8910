"""What a run says of each patch: the state, where it is said, and what is news in it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import Frame, Mark, SourceLine
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import COVERAGE, Answer, StageResult
from orchestrator.reporters.checks import Check, State, checks
from tests.run_reports import CRASHED, HOSTILE, KASAN, REGRESSION, case, hostile_report, many, report, suite

FACTS = KernelFacts(arch="x86_64", compiler="gcc (Debian) 12.2.0", patches=2)
SERIES: dict[str, Any] = {"subjects": ("mm: one", "mm: two")}


def only(*cases: Any, verdict: Verdict = Verdict.CLEAN, **more: Any) -> Check:
    (one,) = checks(report(suite(*cases, facts=FACTS, **more), verdict=verdict, **SERIES))
    return one


def crash(patch: int) -> Any:
    line = SourceLine("f", "mm/vma.c", 3, "BUG_ON(x);", Mark.LINE, (f"{patch}/2 mm: it",))
    return replace(CRASHED, kernel_reports=(replace(KASAN, frames=(Frame(2, "f", 1, 2, True, (line,)),)),))


def test_a_result_is_the_last_patchs_and_the_guilty_ones() -> None:
    found = checks(report(suite(crash(1), facts=FACTS), **SERIES))
    assert [(one.patch, one.state) for one in found] == [(2, State.FAIL), (1, State.FAIL)]
    assert {one.context for one in found} == {"orchestrate-base-x86_64-gcc-12"}
    assert found[0].description == (
        "fork: CRASH: KASAN: use-after-free in f; regression: failed 5 of 5 with the series and 0 of 5 without"
    )
    assert [one.patch for one in checks(report(suite(crash(2), facts=FACTS), **SERIES))] == [2]


def test_a_kernel_behind_a_patch_has_the_same_context() -> None:
    built = suite(
        role=Role.PER_PATCH, stages=(StageResult("build", Outcome.PASS, 1.0),), facts=replace(FACTS, patches=1)
    )
    behind = replace(built, name="base.patch-1")
    found = checks(report(suite(case("a"), facts=FACTS), behind, suite(role=Role.BASELINE), **SERIES))
    assert [(one.patch, one.state, one.description) for one in found] == [
        (2, State.SUCCESS, "1 case passed"),
        (1, State.SUCCESS, "builds and boots"),
    ]
    assert len({one.context for one in found}) == 1


def test_kernels_of_other_compilers_have_contexts_of_their_own() -> None:
    clang = replace(FACTS, compiler="", toolchain="clang-19", patches=1)
    behind = replace(suite(case("a"), role=Role.PER_PATCH, facts=clang), name="base.clang-19.patch-1")
    found = checks(report(suite(case("a"), facts=FACTS), behind, **SERIES))
    assert [one.context for one in found] == ["orchestrate-base-x86_64-gcc-12", "orchestrate-base-x86_64-clang-19"]


@pytest.mark.parametrize(
    ("made", "state", "said"),
    [
        (case("a", Outcome.ERROR, "QEMU was killed"), State.WARNING, "no verdict: a: ERROR: QEMU was killed"),
        (case("a", Outcome.SKIP), State.WARNING, "no verdict: "),
        (
            case("a", Outcome.FAIL, comparison=replace(REGRESSION, answer=Answer.INCONCLUSIVE)),
            State.WARNING,
            "no verdict: a: FAIL: inconclusive",
        ),
    ],
)
def test_what_nobody_knows_is_no_success(made: Any, state: State, said: str) -> None:
    one = only(made, verdict=Verdict.NO_VERDICT)
    assert one.state is state
    assert one.description.startswith(said)


def test_what_the_base_has_too_is_no_fault_and_is_told() -> None:
    excused = case("a", Outcome.FAIL, comparison=replace(REGRESSION, answer=Answer.PRE_EXISTING))
    one = only(excused, case("b"))
    assert (one.state, one.description) == (State.SUCCESS, "1 case passed; not new: a")


def test_too_little_coverage_is_a_warning() -> None:
    short = StageResult(COVERAGE, Outcome.FAIL, 0.0, "31 of 34 ran, and 95 % were asked for")
    one = only(case("a"), verdict=Verdict.FAILED, stages=(short,))
    assert (one.state, one.description) == (State.WARNING, "coverage: FAIL: 31 of 34 ran, and 95 % were asked for")


def test_an_interrupted_run_is_pending_unless_it_found_something() -> None:
    left = case("a", Outcome.ERROR, "planned, and not run", is_not_run=True)
    assert only(left, verdict=Verdict.INTERRUPTED).state is State.PENDING
    assert only(crash(2), left, verdict=Verdict.INTERRUPTED).state is State.FAIL


def test_times_and_counts_are_no_news_and_other_failures_are() -> None:
    first = only(crash(2))
    counted = replace(crash(2), time_s=9.0, comparison=replace(REGRESSION, words="failed 6 of 6 with ... and 0 of 6"))
    assert only(counted).news == first.news
    assert only(crash(2), case("b", Outcome.FAIL)).news != first.news
    assert only(case("b")).news != first.news


def test_names_and_places_are_those_of_the_settings() -> None:
    run = report(
        suite(case("a"), facts=FACTS), run_dir="/runs/r 1", location="https://ci.example", ci_name="lab", **SERIES
    )
    (one,) = checks(run)
    assert one.context == "lab-base-x86_64-gcc-12"
    assert one.target_url == "https://ci.example/r%201/report.html"


def test_a_run_without_a_series_or_of_mutants_says_nothing_of_a_patch() -> None:
    assert not checks(report(suite(case("a"))))
    assert not checks(report(suite(case("a"), has_mutants=True), **SERIES))


@pytest.mark.parametrize("text", [HOSTILE, "", "a" * 10_000, "::"])
def test_contexts_and_descriptions_fit_patchwork(text: str) -> None:
    fit(*checks(hostile_report(text)))


def test_those_of_a_huge_run_fit_patchwork() -> None:
    fit(*checks(replace(many(2000, bad=True), subjects=("x",))))


def fit(*made: Check) -> None:
    assert made
    for one in made:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,255}", one.context)
        assert "\n" not in one.description
        assert len(one.description) <= 250


@given(st.text(max_size=60))
def test_any_context_does(text: str) -> None:
    for one in checks(hostile_report(text)):
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,255}", one.context)
