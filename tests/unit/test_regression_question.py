"""Does the series break anything? The question in a world without guests: what attempts show is drawn."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from orchestrator.judge.run import first_bad_patches, with_comparisons
from orchestrator.judge.signature import signature
from orchestrator.judge.verdict import verdict
from orchestrator.model.attempt import Planned
from orchestrator.model.job import Build, Configure, HostTest, MakePrograms, Session
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import Answer, Finding, StageResult, Subtest
from orchestrator.model.request import Baseline, Plan, Request
from orchestrator.model.subject import Subject
from orchestrator.questions.first_test import REPEATS
from orchestrator.questions.regression import FIRST_BAD, Regression
from tests.unit import simulated
from tests.unit.simulated import (
    BROKEN,
    CRASHED,
    FAILED,
    HOST_LOST,
    NO_PROGRAMS,
    NOT_EXERCISED,
    PASSED,
    REFUSED,
    SKIPPED,
    Rates,
    World,
    case,
    plan,
)

WARNING = KernelReport("warning", "WARNING in new", Outcome.FAIL, 1, 2, 0, "")
PATCHED, BASE = "base.patched", "base.baseline"
ALWAYS = Request(baseline=Baseline.ALWAYS)


def question(of: Plan, pairs: int = 60) -> Regression:
    """With a budget of so many looks at the clock, one before each pair."""
    left = iter(range(pairs))
    return Regression(of, lambda: next(left, None) is None)


def asked(of: Plan, rates: dict[tuple[str, str], float], pairs: int = 60, seed: int = 1) -> World:
    return World(of, Rates(rates), seed=seed).ask(question(of, pairs))


def judged(world: World) -> tuple[Verdict, str]:
    return verdict(with_comparisons(list(world.reports.values()), 0.05), False)


# --- what the answer costs


def test_nothing_is_asked_of_the_base_where_nothing_fails() -> None:
    world = asked(plan(cases=("a", "b")), {})
    assert set(world.reports) == {PATCHED}
    assert judged(world) == (Verdict.CLEAN, "2 cases passed on base.patched")
    assert [type(job) for job in world.done] == [HostTest, MakePrograms, Build, Session]


def test_what_takes_minutes_on_the_host_runs_for_a_reason_and_beside_the_guests() -> None:
    of = plan(cases=("a",))
    touching = replace(of.series.patches[0], files=("lib/maple_tree.c",)) if of.series else None
    assert of.series
    assert touching
    of_trees = replace(of, series=replace(of.series, patches=(touching,)))
    asked_for = plan(Request(host_tests=("radix-tree",)), cases=("a",))
    for one in (of_trees, asked_for):
        done = [job.test if isinstance(job, HostTest) else type(job) for job in asked(one, {}).done]
        assert done == ["vma-userspace", MakePrograms, Build, "radix-tree-userspace", Session]
    assert [job.test for job in asked(of, {}).done if isinstance(job, HostTest)] == ["vma-userspace"]


def test_a_deterministic_regression_is_settled_in_five_pairs() -> None:
    world = asked(plan(cases=("a", "b")), {(PATCHED, "a"): 1.0})
    found = world.comparison()
    assert (found.answer, found.is_settled, found.pairs) == (Answer.REGRESSION, True, 5)
    assert len(world.attempts(PATCHED)) == 6, "the first, and five halves"
    assert len(world.attempts(BASE)) == 5
    assert not world.attempts(BASE, "b"), "what passed is not asked again"
    assert world.jobs(Build, BASE) == 1
    assert judged(world)[0] is Verdict.PATCH_AT_FAULT


def test_what_always_fails_on_both_is_pre_existing() -> None:
    world = asked(plan(cases=("a", "b")), {(PATCHED, "a"): 1.0, (BASE, "a"): 1.0})
    found = world.comparison()
    assert (found.answer, found.is_settled) == (Answer.PRE_EXISTING, True)
    assert found.pairs <= 5
    assert judged(world)[0] is Verdict.CLEAN


def test_the_budget_ends_it_without_an_answer() -> None:
    world = asked(plan(), {(PATCHED, "a"): 1.0}, pairs=3)
    found = world.comparison()
    assert (found.answer, found.is_settled, found.pairs, found.more_pairs) == (Answer.INCONCLUSIVE, False, 3, 2)
    assert judged(world)[0] is Verdict.NO_VERDICT


def test_a_failure_that_comes_once_and_never_again_is_not_settled() -> None:
    def once(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        return PASSED if planned.pair else FAILED

    made = plan()
    world = World(made, once).ask(question(made, 20))
    assert (world.comparison().answer, world.comparison().pairs) == (Answer.INCONCLUSIVE, 20)


# --- how often the answer is right


def failing_first(rate: float, on_base: float, seed: int, pairs: int = 25) -> World:
    """A failure that was seen in the first test: that is why there are pairs at all."""

    def show(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        likely = {PATCHED: rate if planned.pair else 1.0, BASE: on_base}[subject.name]
        return FAILED if draw.random() < likely else PASSED

    made = plan()
    return World(made, show, seed=seed).ask(question(made, pairs))


RUNS = 80


def test_a_flake_on_both_is_rarely_called_worse() -> None:
    answers = Counter(failing_first(0.3, 0.3, seed).comparison().answer for seed in range(RUNS))
    assert answers[Answer.REGRESSION] + answers[Answer.FLAKY_AND_WORSE] <= 0.05 * RUNS
    assert answers[Answer.FLAKY_NO_WORSE] + answers[Answer.PRE_EXISTING] > 0.5 * RUNS


def test_a_flake_of_the_series_alone_is_mostly_found_and_never_excused() -> None:
    answers = Counter(failing_first(0.3, 0.0, seed).comparison().answer for seed in range(RUNS))
    assert answers[Answer.REGRESSION] >= 0.75 * RUNS, "25 pairs: the rest is open"
    assert answers[Answer.REGRESSION] + answers[Answer.INCONCLUSIVE] == RUNS


# --- pairs


def test_pairs_are_in_random_order_with_fresh_seeds_that_both_halves_share() -> None:
    world = failing_first(0.1, 0.1, 1)
    halves = [job for job in world.done if isinstance(job, Session) and job.attempts[0].pair]
    first, second = halves[::2], halves[1::2]
    assert len(first) == len(second) > 10
    assert all(one.attempts == other.attempts for one, other in zip(first, second, strict=True))
    assert all(
        {one.subject.name, other.subject.name} == {PATCHED, BASE} for one, other in zip(first, second, strict=True)
    )
    before = Counter(one.subject.name for one in first)
    assert min(before.values()) >= len(first) // 5, before
    seeds = [planned.seed for one in first for planned in one.attempts]
    assert len(set(seeds)) == len(seeds)


def test_one_pair_at_a_time_is_looked_at_whatever_the_number_of_slots() -> None:
    """A pair that is begun before the one before it has been looked at is wasted where that one settles it."""
    for slots in (1, 2, 4):
        world = asked(plan(slots=slots), {(PATCHED, "a"): 1.0})
        assert world.comparison().pairs == len(world.attempts(BASE)) == 5


def test_the_order_of_pairs_is_the_same_when_the_same_run_is_made_again() -> None:
    rates = {(PATCHED, "a"): 0.5, (BASE, "a"): 0.5}
    assert asked(plan(), rates).done == asked(plan(), rates).done
    other = asked(plan(Request(seed=2)), rates)
    assert [job.subject.name for job in other.done] != [job.subject.name for job in asked(plan(), rates).done]


def test_only_what_is_open_is_asked_again() -> None:
    world = asked(plan(cases=("a", "b")), {(PATCHED, "a"): 1.0, (BASE, "a"): 1.0, (PATCHED, "b"): 1.0})
    assert world.comparison(case="a").answer is Answer.PRE_EXISTING
    assert world.comparison(case="b").answer is Answer.REGRESSION
    assert len(world.attempts(BASE, "a")) < len(world.attempts(BASE, "b"))


def test_a_case_that_the_base_skips_is_not_asked_for_ever() -> None:
    def show(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        return SKIPPED if subject.name == BASE else FAILED

    made = plan()
    world = World(made, show).ask(question(made, 1000))
    assert len(world.attempts(BASE)) == 1


# --- attempts that say nothing


@pytest.mark.parametrize("silent", [HOST_LOST, NOT_EXERCISED])
def test_an_attempt_that_says_nothing_is_repeated_and_not_for_ever(silent: Finding) -> None:
    made = plan(cases=("a", "b"))

    def show(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        return silent if planned.case == "a" else PASSED

    world = World(made, show).ask(question(made))
    attempts = world.attempts(PATCHED)
    assert len(attempts) == 1 + REPEATS == 3
    assert len({found.seed for found in attempts}) == 3
    assert len(world.attempts(PATCHED, "b")) == 1
    assert set(world.reports) == {PATCHED}, "it is no failure"


def test_a_repetition_that_says_something_ends_it() -> None:
    made, shown = plan(), iter([HOST_LOST, PASSED])
    world = World(made, lambda *_: next(shown)).ask(question(made))
    assert [found.outcome for found in world.attempts(PATCHED)] == [Outcome.ERROR, Outcome.PASS]
    assert judged(world)[0] is Verdict.CLEAN


def test_halves_that_the_host_spoilt_make_no_pair_and_another_is_made() -> None:
    made = plan()

    def show(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        if planned.pair % 2 and subject.name == BASE:
            return HOST_LOST
        return FAILED if subject.name == PATCHED else PASSED

    world = World(made, show).ask(question(made))
    assert (world.comparison().answer, world.comparison().pairs) == (Answer.REGRESSION, 5)
    assert len(world.attempts(BASE)) == 10


@pytest.mark.parametrize("spoilt", [PATCHED, BASE])
@pytest.mark.parametrize("silent", [HOST_LOST, SKIPPED])
def test_pairs_that_say_nothing_again_and_again_are_given_up(spoilt: str, silent: Finding) -> None:
    made = plan(cases=("a", "b"))

    def show(subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        if planned.case == "a" and planned.pair and subject.name == spoilt:
            return silent
        return FAILED if subject.name == PATCHED else PASSED

    world = World(made, show).ask(Regression(made, lambda: False))
    assert len(world.attempts(BASE)) <= 5
    assert world.comparison(case="b").answer is Answer.REGRESSION


@pytest.mark.parametrize("name", [PATCHED, BASE])
def test_pairs_of_a_kernel_that_no_guest_can_be_made_of_are_not_asked_for_ever(name: str) -> None:
    made = plan()
    world = World(made, Rates({(PATCHED, "a"): 1.0})).ask(Regression(made, lambda: False), stop_after=4)
    world.stages[name] = NO_PROGRAMS  # when it is resumed
    world.ask(Regression(made, lambda: False))
    assert len(world.attempts(BASE)) <= 1
    assert judged(world)[0] is Verdict.NO_VERDICT


def test_a_repetition_for_which_no_guest_can_be_made_is_not_asked_for_ever() -> None:
    made = plan()
    world = World(made, lambda *_: NOT_EXERCISED).ask(question(made), stop_after=4)
    world.stages[PATCHED] = NO_PROGRAMS
    world.ask(question(made))
    assert len(world.attempts(PATCHED)) == 1


# --- what is never asked


def test_without_a_base_nothing_is_compared() -> None:
    world = asked(plan(Request(baseline=Baseline.NEVER)), {(PATCHED, "a"): 1.0})
    assert set(world.reports) == {PATCHED}
    assert len(world.attempts(PATCHED)) == 1
    assert judged(world)[0] is Verdict.PATCH_AT_FAULT, "judged by itself"


def test_a_run_that_is_to_freeze_asks_nothing_and_repeats_nothing() -> None:
    for request in (Request(freeze=True), Request(freeze=True, baseline=Baseline.ALWAYS)):
        made = plan(request, cases=("a", "b"), slots=4)
        world = World(made, lambda *_: HOST_LOST).ask(question(made))
        assert [len(world.sessions(name)) for name in world.reports] == [1] * len(world.reports)
        world = asked(made, {(PATCHED, "a"): 1.0})
        assert not any(planned.pair for job in world.sessions(PATCHED) for planned in job.attempts)


def test_a_base_by_itself_is_tested_and_compared_with_nothing() -> None:
    world = asked(plan(patches=None), {(BASE, "a"): 1.0})
    assert set(world.reports) == {BASE}
    assert len(world.attempts(BASE)) == 1


# --- baseline always


def test_with_baseline_always_the_base_is_tested_once_without_any_failure() -> None:
    world = asked(plan(ALWAYS), {})
    assert [len(world.attempts(name)) for name in (PATCHED, BASE)] == [1, 1]


def test_what_fails_on_the_base_alone_is_fixed() -> None:
    world = asked(plan(ALWAYS), {(BASE, "a"): 1.0})
    found = world.comparison()
    assert (found.answer, found.is_settled, found.pairs) == (Answer.FIXED, True, 5)
    assert judged(world)[0] is Verdict.CLEAN


# --- programs


def kinds(world: World, name: str) -> list[type]:
    """Of the jobs of a kernel, in their order."""
    return [type(job) for job in world.done if job.subject.name == name]


def unbuilt(of: Plan, rates: dict[tuple[str, str], float], **names: tuple[str, ...]) -> World:
    """Asked where the trees of these kernels do not build the programs of these cases."""
    return World(of, Rates(rates), unbuilt={f"base.{name}": cases for name, cases in names.items()}).ask(question(of))


def test_a_program_that_neither_tree_builds_needs_no_kernel_of_the_base() -> None:
    world = unbuilt(plan(cases=("a", "b")), {}, patched=("a",), baseline=("a", "b"))
    assert world.comparison().answer is Answer.PRE_EXISTING
    assert kinds(world, BASE) == [MakePrograms, Session]
    assert [found.case for found in world.reports[BASE].attempts] == ["a"], "nothing else is asked"
    assert [stage.stage for stage in world.reports[BASE].stages] == ["configure", "programs"]
    assert judged(world)[0] is Verdict.CLEAN


def test_a_program_that_the_base_alone_builds_is_run_there() -> None:
    world = unbuilt(plan(cases=("a", "b")), {}, patched=("a",))
    assert world.comparison().answer is Answer.REGRESSION
    assert kinds(world, BASE)[:3] == [MakePrograms, Build, Session]
    assert judged(world)[0] is Verdict.PATCH_AT_FAULT


def test_what_needs_a_kernel_beside_it_is_asked_of_one() -> None:
    made = plan(cases=("a", "b"))
    world = unbuilt(made, {(PATCHED, "b"): 1.0}, patched=("a",), baseline=("a",))
    assert kinds(world, BASE)[:2] == [MakePrograms, Build]
    answers = [world.comparison(case=name).answer for name in "ab"]
    assert answers == [Answer.PRE_EXISTING, Answer.REGRESSION]


def test_a_base_that_does_not_build_answers_for_its_programs_all_the_same() -> None:
    made, neither = plan(cases=("a", "b")), {PATCHED: ("a",), BASE: ("a",)}
    world = World(made, Rates({(PATCHED, "b"): 1.0}), stages={BASE: BROKEN}, unbuilt=neither).ask(question(made))
    assert world.comparison().answer is Answer.PRE_EXISTING
    assert {found.case for found in world.reports[BASE].attempts} == {"a"}


def test_a_base_without_programs_is_not_built() -> None:
    made = plan()
    world = World(made, Rates({(PATCHED, "a"): 1.0}), stages={BASE: NO_PROGRAMS}).ask(question(made))
    assert kinds(world, BASE) == [MakePrograms]
    assert world.comparison().words.startswith("the base cannot be asked: programs: the disk is full")


# --- stages


def test_a_base_is_built_once_when_the_series_does_not_build() -> None:
    made = plan()
    world = World(made, Rates({}), stages={PATCHED: BROKEN}).ask(question(made))
    assert (world.jobs(Build, BASE), len(world.sessions(BASE))) == (1, 0)
    assert judged(world)[0] is Verdict.PATCH_AT_FAULT
    world = World(made, Rates({}), stages={PATCHED: BROKEN, BASE: BROKEN}).ask(question(made))
    assert world.jobs(Build, BASE) == 1
    assert judged(world)[0] is Verdict.NO_VERDICT


def test_a_base_is_configured_once_when_the_series_does_not_configure() -> None:
    made = plan()
    world = World(made, Rates({}), stages={PATCHED: REFUSED}).ask(question(made))
    assert (world.jobs(Configure, BASE), world.jobs(Build, BASE)) == (1, 0)
    assert judged(world)[0] is Verdict.PATCH_AT_FAULT, "the base has what was asked for"
    world = World(made, Rates({}), stages={PATCHED: REFUSED, BASE: REFUSED}).ask(question(made))
    assert judged(world)[0] is Verdict.BAD_REQUEST


def test_a_base_that_does_not_build_leaves_the_failure_open() -> None:
    made = plan()
    world = World(made, Rates({(PATCHED, "a"): 1.0}), stages={BASE: BROKEN}).ask(question(made))
    assert world.comparison().answer is Answer.INCONCLUSIVE
    assert world.comparison().words.startswith("the base cannot be asked: build")
    assert not world.sessions(BASE)


def test_a_boot_that_fails_is_compared_by_boots() -> None:
    made = plan()
    world = World(made, Rates({}), boots=lambda subject, draw: subject.name == BASE).ask(question(made))
    boots = [found for found in world.attempts(PATCHED, "boot") if found.pair]
    assert len(boots) == len(world.attempts(BASE, "boot")) == 5
    assert judged(world)[0] is Verdict.PATCH_AT_FAULT
    limits = [job.boot_limit_s for job in world.sessions(BASE)]
    assert limits == [None] * 5, "what has never come up with the series tells no limit"


def test_a_kernel_that_hangs_at_every_third_boot_is_compared_by_boots_with_a_limit() -> None:
    made = plan(cases=("a",))

    def show(subject: Subject, draw: random.Random) -> bool:
        first = subject.name not in seen
        seen.add(subject.name)
        return not first and draw.random() > 0.3

    seen: set[str] = {BASE}
    world = World(made, Rates({}), seed=2, boots=show).ask(question(made))
    assert not world.attempts(PATCHED), "the first boot hung"
    assert world.attempts(PATCHED, "boot")
    assert any(job.boot_limit_s == 20.0 for job in world.sessions(PATCHED))
    (boot,) = [s for s in with_comparisons(list(world.reports.values()), 0.05)[0].stages if s.stage == "boot"]
    assert boot.comparison
    assert boot.comparison.answer in (Answer.FLAKY_NO_WORSE, Answer.PRE_EXISTING, Answer.INCONCLUSIVE)


def test_a_boot_that_fails_now_and_then_and_a_case_that_fails_are_both_settled() -> None:
    made = plan(cases=("a", "b"))

    def boots(subject: Subject, draw: random.Random) -> bool:
        return subject.name == BASE or bool(len(world.sessions(PATCHED)) % 3)  # each third guest hangs

    world = World(made, Rates({(PATCHED, "a"): 1.0}), boots=boots)
    world.ask(question(made, 100))
    (boot,) = [s for s in with_comparisons(list(world.reports.values()), 0.05)[0].stages if s.stage == "boot"]
    assert boot.comparison
    assert boot.comparison.answer is world.comparison().answer is Answer.REGRESSION


def test_cases_are_compared_beside_a_kernel_that_complains_while_it_boots() -> None:
    """The base complains, too: nothing new, and the case that only the series breaks is found."""
    made = plan()
    report = KernelReport("warning", "WARNING in setup", Outcome.FAIL, 1, 2, 0, "")
    warned = replace(
        simulated.HUNG, outcome=Outcome.FAIL, message=report.title, kernel_reports=(report,), only_reports=True
    )

    class Complaining(World):
        def _stage(self, subject: Subject, stage: StageResult) -> None:
            super()._stage(subject, warned if stage.stage == "boot" else stage)

        def _add(self, subject: Subject, shown: Finding, planned: Planned) -> None:
            said = replace(
                PASSED, outcome=Outcome.FAIL, run_outcome=Outcome.FAIL, kernel_reports=(report,), only_reports=True
            )
            super()._add(subject, said if planned.case == "boot" else shown, planned)

    world = Complaining(made, Rates({(PATCHED, "a"): 1.0})).ask(question(made))
    suite = with_comparisons(list(world.reports.values()), 0.05)[0]
    (boot,) = [stage for stage in suite.stages if stage.stage == "boot"]
    assert boot.comparison
    assert boot.comparison.answer is Answer.PRE_EXISTING
    assert world.comparison().answer is Answer.REGRESSION


# --- several kconfigs, several slots


def test_a_kernel_whose_turn_comes_behind_the_budget_is_not_blamed_for_what_its_base_was_never_asked() -> None:
    made = plan(kconfigs=("base", "debug"))
    rates = {(name, "a"): 1.0 for name in (PATCHED, BASE, "debug.patched", "debug.baseline")}
    world = asked(made, rates, pairs=4)
    assert world.comparison().answer is Answer.PRE_EXISTING
    assert (world.comparison("debug.patched").answer, world.comparison("debug.patched").pairs) == (
        Answer.INCONCLUSIVE, 0,
    )  # fmt: skip
    assert judged(world)[0] is Verdict.NO_VERDICT


def test_each_kconfig_has_a_base_of_its_own() -> None:
    made = plan(kconfigs=("base", "debug"))
    world = asked(made, {("debug.patched", "a"): 1.0})
    assert set(world.reports) == {"base.patched", "debug.patched", "debug.baseline"}
    assert world.comparison("debug.patched").answer is Answer.REGRESSION
    assert world.result("base.patched", "a").comparison is None
    both = asked(made, {("debug.patched", "a"): 1.0, ("base.patched", "a"): 1.0, ("base.baseline", "a"): 1.0})
    assert both.comparison("debug.patched").answer is Answer.REGRESSION
    assert both.comparison("base.patched").answer is Answer.PRE_EXISTING


def test_all_kernels_are_tested_before_any_is_compared() -> None:
    world = asked(plan(kconfigs=("base", "debug")), {("base.patched", "a"): 1.0})
    first = [job.subject.name for job in world.done if isinstance(job, Session)]
    assert first[:2] == ["base.patched", "debug.patched"]


def test_slots_share_the_cases_the_longest_first() -> None:
    cases = [case("long", 30.0), case("b"), case("c"), case("d", 20.0), case("e")]
    world = asked(plan(cases=cases, slots=2), {})
    found = {job.number: [planned.case for planned in job.attempts] for job in world.sessions(PATCHED)}
    assert found == {1: ["long", "e"], 2: ["b", "c", "d"]}, "35 and 30 seconds, each in the order in which it was named"
    few = asked(plan(cases=("a",), slots=8), {})
    assert len(few.sessions(PATCHED)) == 1


# --- single patches


def test_the_first_bad_patch_is_looked_for_behind_each() -> None:
    made = plan(Request(each_patch=True), patches=4)
    names = [f"base.patch-{number}" for number in (1, 2, 3)]
    world = asked(made, {(name, "a"): 1.0 for name in (*names[1:], PATCHED)})
    assert {*names, PATCHED, BASE} == set(world.reports)
    assert world.result(names[0], "a").comparison is None
    assert world.comparison(names[1]).answer is Answer.REGRESSION
    assert world.comparison(PATCHED).answer is Answer.REGRESSION


def test_the_first_bad_patch_is_named_beside_a_kernel_that_does_not_always_boot() -> None:
    made = plan(Request(each_patch=True), patches=2)

    def boots(subject: Subject, draw: random.Random) -> bool:
        return subject.name != PATCHED or len(world.sessions(PATCHED)) != 2  # its second guest hangs

    world = World(made, Rates({(PATCHED, "a"): 1.0}), boots=boots)
    world.ask(question(made, 200))
    suites = with_comparisons(list(world.reports.values()), 0.05)
    assert world.comparison().answer is Answer.REGRESSION
    assert any("a fails from patch" in words for words in first_bad_patches(suites, 0.05))


@pytest.mark.parametrize("behind", [SKIPPED, HOST_LOST, CRASHED])
def test_a_kernel_behind_a_patch_on_which_a_case_tells_nothing_is_not_asked_for_ever(behind: Finding) -> None:
    """The case needs what a later patch brings, or fails there in another way."""
    made = plan(Request(each_patch=True), patches=3)
    shown = {PATCHED: replace(FAILED, kernel_reports=(WARNING,), only_reports=True), "base.patch-1": behind}
    world = World(made, lambda subject, *_: shown.get(subject.name, PASSED)).ask(Regression(made, lambda: False))
    found = list(first_bad_patches(with_comparisons(list(world.reports.values()), 0.05), 0.05))
    assert any(words.startswith("a fails from patch") for words in found), found
    runs = [job for job in world.sessions("base.patch-1") if job.number > FIRST_BAD]
    assert len(runs) <= 3


# --- resume


def test_what_was_finished_before_an_interruption_is_not_run_again() -> None:
    made = plan(cases=("a", "b", "c"), slots=3)
    world = World(made, Rates({})).ask(question(made), stop_after=5)  # of three sessions two
    missing = {"a", "b", "c"} - {found.case for found in world.reports[PATCHED].attempts}
    assert len(missing) == 1
    world.done.clear()
    world.ask(question(made))
    assert [[planned.case for planned in job.attempts] for job in world.sessions(PATCHED)] == [sorted(missing)]
    assert judged(world)[0] is Verdict.CLEAN


@pytest.mark.parametrize("stop_after", range(4, 14))
def test_pairs_are_counted_on_from_where_the_run_was_interrupted(stop_after: int) -> None:
    made = plan()
    world = World(made, Rates({(PATCHED, "a"): 1.0})).ask(question(made), stop_after=stop_after)
    world.ask(question(made))
    assert (world.comparison().answer, world.comparison().pairs) == (Answer.REGRESSION, 5)
    pairs = [found.pair for found in world.attempts(PATCHED)]
    assert len(set(pairs)) == len(pairs), "none is made twice"
    assert len(world.attempts(BASE)) <= 6


def test_a_repetition_that_an_interruption_prevented_is_made_up_for() -> None:
    made, shown = plan(), iter([NOT_EXERCISED, PASSED])
    world = World(made, lambda *_: next(shown)).ask(question(made), stop_after=4)
    assert [found.outcome for found in world.attempts(PATCHED)] == [Outcome.NOT_EXERCISED]
    world.ask(question(made))
    assert [found.outcome for found in world.attempts(PATCHED)] == [Outcome.NOT_EXERCISED, Outcome.PASS]


def test_a_finished_run_that_is_asked_again_runs_nothing() -> None:
    made = plan(cases=("a", "b"))
    world = World(made, Rates({(PATCHED, "a"): 1.0, (BASE, "a"): 1.0})).ask(question(made))
    world.done.clear()
    world.ask(question(made))
    assert not [job for job in world.done if isinstance(job, Session)]


# --- whatever happens

SHOWN = (
    *(FAILED, CRASHED, NOT_EXERCISED, SKIPPED, HOST_LOST, PASSED),
    replace(FAILED, kernel_reports=(WARNING,), only_reports=True),
    replace(FAILED, run_outcome=Outcome.PASS, subtests=(Subtest("x", Outcome.FAIL),)),
    replace(HOST_LOST, is_host_fault=False),  # no guest could be booted for it
)


@pytest.mark.parametrize("seed", [*range(100), 350, 594, 664])  # the last ones found something
def test_whatever_happens_it_ends_and_no_failure_of_the_series_is_green_unexcused(seed: int) -> None:
    """Kernels, cases, boots and stages are drawn, a budget, and where the run is interrupted and resumed."""
    draw = random.Random(seed)
    patches = draw.choice((1, 3))
    request = Request(baseline=draw.choice((Baseline.AUTO, Baseline.ALWAYS)), each_patch=patches > 1)
    kconfigs = draw.choice((("base",), ("base", "debug")))
    made = plan(
        request, cases="ab"[: draw.randint(1, 2)], kconfigs=kconfigs, patches=patches, slots=draw.choice((1, 1, 3))
    )
    names = [f"{kconfig}.{role}" for kconfig in kconfigs for role in ("patched", "baseline", "patch-1", "patch-2")]
    mixes = {
        (name, case.name): [*draw.choices(SHOWN, k=draw.randint(1, 2)), PASSED] if draw.random() < 0.3 else [PASSED]
        for name in names
        for case in made.cases
    }
    rates = {name: draw.choice((1.0, 1.0, 1.0, 0.8, 0.0)) for name in names}
    world = World(
        made,
        lambda subject, planned, draw: draw.choice(mixes[subject.name, planned.case]),
        seed=seed,
        stages={name: draw.choice((BROKEN, REFUSED, NO_PROGRAMS)) for name in names if draw.random() < 0.03},
        boots=lambda subject, draw: draw.random() < rates[subject.name],
    )
    pairs = draw.choice((0, 3, 60))
    if draw.random() < 0.4:
        world.ask(question(made, pairs), stop_after=draw.randint(0, 15))
    world.ask(question(made, pairs))
    suites = with_comparisons(list(world.reports.values()), 0.05)
    list(first_bad_patches(suites, 0.05))
    if verdict(suites, False)[0] is not Verdict.CLEAN:
        return
    for suite in (one for one in suites if one.role is not Role.BASELINE):
        for result in suite.cases:
            bad = [one for one in suite.attempts if one.case == result.case and signature(one)]
            excused = result.comparison and (result.comparison.excuses or result.comparison.answer is Answer.FIXED)
            assert excused or not bad, (suite.name, result.case)


# --- what the series costs


def test_builds_are_compared_at_the_end_when_the_base_may_be_built() -> None:
    world = asked(plan(Request(cost=True)), {(PATCHED, "a"): 1.0})
    jobs = [type(job).__name__ for job in world.done]
    assert jobs.count("CompareBuilds") == 1
    assert jobs.index("CompareBuilds") == len(jobs) - 1
    assert any(isinstance(job, Build) and job.subject.name == BASE for job in world.done)


def test_builds_are_not_compared_without_a_build_or_a_wish() -> None:
    for request in (Request(), Request(cost=True, freeze=True)):
        assert "CompareBuilds" not in [type(job).__name__ for job in asked(plan(request), {}).done]
