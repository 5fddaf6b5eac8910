"""The kernel under test against the base: pairs, marks, stages. Reports are written down, nothing runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.judge.compare import compare, compare_attempts, failing
from orchestrator.judge.sequential import Rule
from orchestrator.judge.signature import signature
from orchestrator.judge.verdict import verdict
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import (
    Answer,
    BaseResult,
    CaseResult,
    Comparison,
    Finding,
    StageResult,
    Subtest,
    SuiteReport,
)

ERROR = 0.05
ENOUGH = 8  # pairs, of what always fails
PASS, FAIL, TIMEOUT, CRASH = Outcome.PASS, Outcome.FAIL, Outcome.TIMEOUT, Outcome.CRASH


def ran(outcome: Outcome, *titles: str, subtests: tuple[str, ...] = (), case: str = "c") -> Finding:
    """An attempt; with titles of kernel reports or names of failed subtests, those alone are what is wrong."""
    reports = tuple(KernelReport(title.split()[0], title, outcome, 1, 2, 0, "text") for title in titles)
    failed = tuple(Subtest(name, Outcome.FAIL) for name in subtests)
    run = PASS if subtests and not titles else outcome
    return Finding(case, outcome, run, "", 1.0, failed, reports, only_reports=bool(titles))


def suite(
    first: Iterable[Finding] = (),
    pairs: Iterable[Finding] = (),
    stages: tuple[StageResult, ...] = (),
    role: Role = Role.PATCHED,
) -> SuiteReport:
    """A kernel: the first attempt of each case, and halves of pairs of what was asked again."""
    firsts = tuple(first)
    cases = tuple(CaseResult(**{name: getattr(found, name) for name in found.__dataclass_fields__}) for found in firsts)
    numbers: dict[str, int] = {}
    halves = []
    for found in pairs:
        numbers[found.case] = numbers.get(found.case, 0) + 1
        halves.append(replace(found, pair=numbers[found.case]))
    return SuiteReport(
        f"base.{role.value}", "base", role, stages, cases, "2026-11-22T10:00:00", attempts=(*firsts, *halves)
    )


def base(*args: Iterable[Finding], stages: tuple[StageResult, ...] = ()) -> SuiteReport:
    return suite(*args, stages=stages, role=Role.BASELINE)


def answer(first: Finding, patched: Iterable[Finding], on_base: Iterable[Finding]) -> Comparison:
    """About a failure that was seen once and then asked in pairs."""
    (case,) = compare(suite([first], patched), base((), on_base), error=ERROR).cases
    assert case.comparison
    return case.comparison


def settled(first: Finding, patched: Finding, on_base: Finding) -> Answer | None:
    """The same where each kernel always does the same."""
    found = answer(first, [patched] * ENOUGH, [on_base] * ENOUGH)
    return found.answer if found.is_settled else None


# --- whose failure is it?


@pytest.mark.parametrize("outcome", [FAIL, TIMEOUT, CRASH])
def test_what_fails_with_the_series_alone_is_a_regression(outcome: Outcome) -> None:
    assert settled(ran(outcome), ran(outcome), ran(PASS)) is Answer.REGRESSION


def test_five_pairs_settle_what_always_fails_and_four_do_not() -> None:
    four, five = (answer(ran(FAIL), [ran(FAIL)] * count, [ran(PASS)] * count) for count in (4, 5))
    assert (four.answer, four.is_settled, four.more_pairs) == (Answer.INCONCLUSIVE, False, 1)
    assert (five.answer, five.is_settled, five.patched_failed, five.base_failed, five.pairs) == (
        Answer.REGRESSION, True, 5, 0, 5,
    )  # fmt: skip
    assert five.p <= ERROR < four.p


@pytest.mark.parametrize("outcome", [FAIL, TIMEOUT, CRASH])
def test_what_is_as_bad_on_both_is_not_the_patchs_doing(outcome: Outcome) -> None:
    assert settled(ran(outcome), ran(outcome), ran(outcome)) is Answer.PRE_EXISTING
    patched = suite([ran(outcome)], [ran(outcome)] * ENOUGH)
    assert compare(patched, base((), [ran(outcome)] * ENOUGH), error=ERROR).cases[0].also_on_base


def test_the_failure_that_was_selected_is_no_evidence_of_how_often_it_comes() -> None:
    found = answer(ran(FAIL), [ran(PASS)] * 5, [ran(PASS)] * 5)
    assert (found.answer, found.is_settled, found.patched_failed, found.pairs) == (Answer.INCONCLUSIVE, False, 0, 5)


def test_what_the_base_showed_first_and_the_series_never_is_fixed() -> None:
    patched = suite([ran(PASS)], [ran(PASS)] * ENOUGH)
    (case,) = compare(patched, base([ran(FAIL)], [ran(FAIL)] * ENOUGH), error=ERROR).cases
    assert case.comparison
    assert (case.comparison.answer, case.comparison.is_settled) == (Answer.FIXED, True)
    assert not case.also_on_base, "it does not fail"
    assert verdict([replace(patched, cases=(case,))], False)[0] is Verdict.CLEAN


def test_what_is_more_frequent_with_the_series_is_said_to_be_on_both() -> None:
    pairs = 40
    seldom = [ran(FAIL if number % 8 == 0 else PASS) for number in range(pairs)]
    found = answer(ran(FAIL), [ran(FAIL)] * pairs, seldom)
    assert (found.answer, found.is_settled) == (Answer.FLAKY_AND_WORSE, True)


# --- by what a failure is recognised


def test_a_worse_outcome_is_not_excused_by_a_lesser() -> None:
    assert settled(ran(CRASH), ran(CRASH), ran(FAIL)) is Answer.REGRESSION
    assert settled(ran(CRASH), ran(CRASH), ran(TIMEOUT)) is Answer.REGRESSION
    assert settled(ran(TIMEOUT), ran(TIMEOUT), ran(FAIL)) is Answer.REGRESSION


def test_a_base_that_ends_worse_is_not_taken_for_a_better_one() -> None:
    assert settled(ran(FAIL), ran(FAIL), ran(CRASH)) is Answer.PRE_EXISTING
    assert settled(ran(FAIL), ran(FAIL), ran(TIMEOUT)) is Answer.PRE_EXISTING
    fails = ran(FAIL, subtests=("one", "two"))
    assert settled(fails, fails, replace(ran(CRASH), subtests=(Subtest("one", FAIL),))) is Answer.PRE_EXISTING, (
        "the base never came to the second"
    )


def test_a_subtest_that_does_not_fail_on_the_base_is_not_excused_by_another() -> None:
    both, one = ran(FAIL, subtests=("one", "two")), ran(FAIL, subtests=("one",))
    assert settled(both, both, one) is Answer.REGRESSION
    assert settled(one, one, both) is Answer.PRE_EXISTING
    assert settled(both, both, both) is Answer.PRE_EXISTING


def test_a_kernel_report_is_excused_by_the_same_title_only() -> None:
    old, new = ran(FAIL, "WARNING in old"), ran(FAIL, "WARNING in new")
    assert settled(old, old, old) is Answer.PRE_EXISTING
    assert settled(new, new, old) is Answer.REGRESSION
    assert settled(ran(FAIL, "WARNING in old", "WARNING in new"), new, old) is Answer.REGRESSION
    assert settled(new, new, ran(CRASH, "WARNING in old")) is Answer.REGRESSION, "however bad the base is"


def test_a_report_that_has_an_alternative_title_in_common_is_the_same_failure() -> None:
    """A compiler inlines a function in one kernel and not in the other; a fault ends as an oops or as a KASAN
    report."""

    def warned(title: str, *alternatives: str) -> Finding:
        found = ran(FAIL, title)
        return replace(found, kernel_reports=(replace(found.kernel_reports[0], alternatives=alternatives),))

    one, inlined = warned("WARNING in f", "WARNING in g"), warned("WARNING in g", "WARNING in h")
    assert settled(one, one, inlined) is Answer.PRE_EXISTING
    assert settled(inlined, inlined, one) is Answer.PRE_EXISTING
    assert settled(one, one, warned("WARNING in h", "WARNING in i")) is Answer.REGRESSION


def test_coarse_marks_drop_out_once_the_base_shows_them() -> None:
    """The kind of report is enough to recognise it until the base shows that kind, too; then the title decides."""
    new, old = ran(FAIL, "WARNING in new"), ran(FAIL, "WARNING in old")
    of_base = [old, *[ran(PASS)] * 7]
    found = answer(new, [new] * 8, of_base)
    assert (found.answer, found.base_failed, found.pairs) == (Answer.REGRESSION, 1, 8), "by its kind, in the first pair"
    other_title = answer(new, [ran(FAIL, "WARNING in old")] * 8, of_base)
    assert other_title.answer is not Answer.REGRESSION
    assert (other_title.patched_failed, other_title.base_failed) == (1, 1), "from then on its kind is no news"


def test_titles_that_vary_are_one_failure_as_long_as_the_base_shows_none_of_its_kind() -> None:
    races = [ran(FAIL, f"KCSAN: data-race in f{number}") for number in range(ENOUGH)]
    found = answer(ran(FAIL, "KCSAN: data-race in g"), races, [ran(PASS)] * ENOUGH)
    assert (found.answer, found.is_settled, found.patched_failed) == (Answer.REGRESSION, True, ENOUGH)


def test_what_the_series_shows_later_counts_from_the_next_pair_on() -> None:
    """The first failure is one that the base has, too; then another one comes with every run of the series."""
    old, new = ran(FAIL, "WARNING in old"), ran(FAIL, "KASAN: in new")
    found = answer(old, [old, *[new] * 7], [old, *[old] * 7])
    assert (found.answer, found.is_settled) == (Answer.REGRESSION, True)
    assert found.patched_failed < 8, "the pair that showed it first is not among its evidence"


def test_one_failure_that_the_base_has_does_not_excuse_another_that_comes_less_often() -> None:
    old, both = ran(FAIL, "WARNING in old"), ran(FAIL, "WARNING in old", "KASAN: in new")
    rare = [both if number % 5 == 0 else old for number in range(10)]
    found = answer(both, rare, [old] * 10)
    assert (found.answer, found.is_settled) == (Answer.INCONCLUSIVE, False), "neither excused nor at fault"


# --- pairs


def test_a_half_that_says_nothing_makes_no_pair() -> None:
    lost = replace(ran(CRASH), is_host_fault=True)
    assert answer(ran(CRASH), [ran(CRASH)] * 6, [ran(PASS), lost, ran(PASS), ran(Outcome.ERROR)] * 2).pairs == 3
    assert answer(ran(CRASH), [lost, ran(CRASH)], [ran(PASS), ran(PASS)]).pairs == 1
    unasked = compare(suite([ran(CRASH)], [lost]), base((), [ran(PASS)]), error=ERROR)
    assert unasked.cases[0].comparison
    assert (unasked.cases[0].comparison.answer, unasked.cases[0].comparison.pairs) == (Answer.INCONCLUSIVE, 0)


def test_a_base_that_was_built_and_not_asked_leaves_the_question_open() -> None:
    """The budget was used up by another kernel, or the host spoilt each pair: that is no proof against the series."""
    (case,) = compare(suite([ran(FAIL)]), base(stages=(BOOTED,)), error=ERROR).cases
    assert case.comparison
    assert (case.comparison.answer, case.comparison.is_settled) == (Answer.INCONCLUSIVE, False)
    assert case.comparison.words == "no pair of runs with and without the series yet"


def test_a_case_that_the_base_has_not_what_it_takes_for_is_judged_by_itself() -> None:
    compared = compare(suite([ran(FAIL)], [ran(FAIL)]), base((), [ran(Outcome.SKIP)]), error=ERROR)
    assert compared.cases[0].comparison is None
    assert verdict([compared], False)[0] is Verdict.PATCH_AT_FAULT


def test_what_the_series_shows_in_pairs_alone_is_not_hidden_behind_a_first_run_that_passed() -> None:
    """With --baseline always what fails on the base is asked, too; then the series crashes, and the base never does."""
    first, crashed = ran(FAIL), ran(CRASH, "BUG: in new")
    patched = suite([ran(PASS), ran(PASS, case="other")], [crashed] * ENOUGH)
    compared = compare(patched, base([first], [ran(PASS)] * ENOUGH), error=ERROR)
    assert compared.cases[0].comparison
    assert compared.cases[0].outcome is CRASH
    assert compared.cases[0].kernel_reports == crashed.kernel_reports
    assert verdict([compared], False)[0] is Verdict.PATCH_AT_FAULT
    once = compare(suite([ran(PASS)], [crashed, ran(PASS)]), base([first], [ran(PASS)] * 2), error=ERROR)
    assert verdict([once], False)[0] is Verdict.NO_VERDICT, "a crash that was seen is not green"


def test_halves_are_paired_by_number_and_one_that_was_made_again_counts_once() -> None:
    patched = suite([ran(FAIL)], [ran(FAIL)] * 2)
    twice = (replace(ran(FAIL), pair=1), replace(ran(PASS), pair=1), replace(ran(PASS), pair=3))
    (case,) = compare(patched, replace(base(), attempts=twice), error=ERROR).cases
    assert case.comparison
    assert (case.comparison.pairs, case.comparison.base_failed) == (1, 0)


def test_what_did_not_exercise_is_no_failure_of_either() -> None:
    idle = ran(Outcome.NOT_EXERCISED)
    assert failing(suite([idle]), base([idle])) == ()
    assert settled(ran(FAIL), ran(FAIL), idle) is Answer.REGRESSION


def test_with_many_failures_each_has_to_be_surer() -> None:
    names = [f"c{number}" for number in range(10)]
    first = [ran(FAIL, case=name) for name in names]
    with_series = [ran(FAIL, case=name) for name in names for _ in range(5)]
    without = [ran(PASS, case=name) for name in names for _ in range(5)]
    found = compare(suite(first, with_series), base((), without), error=ERROR)
    assert not any(case.comparison and case.comparison.is_settled for case in found.cases)
    assert found.cases[0].comparison
    assert found.cases[0].comparison.more_pairs == 4, "2^9 / 2 > 10 / 0.05"


def test_good_cases_are_left_alone_and_so_is_everything_without_a_base() -> None:
    patched = suite([ran(PASS, case="a"), ran(FAIL, case="b")])
    assert compare(patched, None, error=ERROR) is patched
    assert compare(patched, base([ran(PASS, case="a")]), error=ERROR).cases[0] == patched.cases[0]
    compared = compare(suite([ran(PASS, case="a")]), base([ran(PASS, case="a")]), error=ERROR)
    assert compared.cases[0].comparison is None


# --- what earlier runs know


def known(runs: int, *failures: Finding) -> tuple[BaseResult, ...]:
    return (BaseResult("c", runs, tuple(tuple(sorted(signature(found) or ())) for found in failures)),)


def test_a_failure_for_which_the_base_is_known_needs_no_pairs() -> None:
    old = ran(FAIL, "WARNING in old")
    patched = replace(suite([old]), earlier_base=known(4, old, old, old))
    (case,) = compare(patched, None, error=ERROR).cases
    assert case.comparison
    assert (case.comparison.answer, case.comparison.is_settled) == (Answer.PRE_EXISTING, True)
    assert case.comparison.words == "failed 3 of 4 times on the base in earlier runs, in the same way"
    assert case.also_on_base


@pytest.mark.parametrize(
    ("runs", "failures"),
    [
        (2, (ran(FAIL, "WARNING in old"),) * 2),  # too few
        (7, (ran(FAIL, "WARNING in old"),) * 3),  # too rare: it may be much more frequent now
        (3, (ran(FAIL, "WARNING in other"),) * 3),
        (3, (ran(FAIL),) * 3),
        (3, (ran(PASS),) * 3),
    ],
)
def test_a_base_that_is_known_for_something_else_or_seldom_settles_nothing(
    runs: int, failures: tuple[Finding, ...]
) -> None:
    old = ran(FAIL, "WARNING in old")
    failed = tuple(found for found in failures if signature(found))
    patched = replace(suite([old]), earlier_base=known(runs, *failed))
    assert compare(patched, None, error=ERROR).cases[0].comparison is None, "judged by itself if the base is not asked"
    (case,) = compare(patched, base(stages=(BOOTED,)), error=ERROR).cases
    assert case.comparison
    assert (case.comparison.answer, case.comparison.is_settled) == (Answer.INCONCLUSIVE, False), "no excuse either"


def test_what_the_base_was_known_for_is_no_news_in_pairs_either() -> None:
    old = ran(FAIL, "WARNING in old")
    patched = replace(suite([old], [old] * ENOUGH), earlier_base=known(9, old))
    (case,) = compare(patched, base((), [ran(PASS)] * ENOUGH), error=ERROR).cases
    assert case.comparison
    assert case.comparison.answer is Answer.FLAKY_AND_WORSE, "not a regression: it exists on the base"


# --- stages

BOOTED = StageResult("boot", PASS, 2.0)
HUNG = StageResult("boot", CRASH, 20.0, "did not finish", is_patch_fault=True)


def boots(outcome: Outcome, count: int = ENOUGH) -> list[Finding]:
    return [ran(outcome, case="boot")] * count


def test_a_boot_that_fails_is_compared_by_boots() -> None:
    patched = suite(stages=(HUNG,), pairs=boots(CRASH))
    (regressed,) = compare(patched, base((), boots(PASS)), error=ERROR).stages
    assert regressed.comparison
    assert regressed.comparison.answer is Answer.REGRESSION
    (same,) = compare(patched, base((), boots(CRASH)), error=ERROR).stages
    assert same.comparison
    assert same.comparison.answer is Answer.PRE_EXISTING
    assert verdict([replace(patched, stages=(same,))], False)[0] is Verdict.NO_VERDICT


def test_a_kernel_that_complains_while_it_boots_has_booted_and_its_cases_are_compared_too() -> None:
    warning = KernelReport("warning", "WARNING in setup", FAIL, 1, 2, 0, "text")
    warned = StageResult(
        "boot", FAIL, 2.0, warning.title, kernel_reports=(warning,), is_patch_fault=True, only_reports=True
    )
    said = replace(ran(FAIL, "WARNING in setup", case="boot"), kernel_reports=(warning,))
    patched = suite([ran(FAIL)], [*[said] * ENOUGH, *[ran(FAIL)] * ENOUGH], (warned,))
    assert failing(patched, None) == ("boot", "c")
    on_base = base((), [*[said] * ENOUGH, *[ran(FAIL)] * ENOUGH], stages=(warned,))
    compared = compare(patched, on_base, error=ERROR)
    (boot,), (case,) = compared.stages, compared.cases
    assert boot.comparison
    assert case.comparison
    assert boot.comparison.answer is case.comparison.answer is Answer.PRE_EXISTING
    assert verdict([compared, on_base], False)[0] is not Verdict.PATCH_AT_FAULT
    unasked = compare(patched, base(stages=(warned,)), error=ERROR)
    assert unasked.cases[0].comparison
    assert unasked.cases[0].comparison.pairs == 0, "a base that complains can be asked"


def test_a_base_that_cannot_be_asked_leaves_the_question_open() -> None:
    patched = suite([ran(FAIL)], stages=(BOOTED,))
    compared = compare(patched, base(stages=(HUNG,)), error=ERROR)
    (case,) = compared.cases
    assert case.comparison
    assert (case.comparison.answer, case.comparison.is_settled) == (Answer.INCONCLUSIVE, False)
    assert case.comparison.words == "the base cannot be asked: boot: did not finish"
    found, reason = verdict([compared], False)
    assert found is Verdict.NO_VERDICT
    assert "the base cannot be asked" in reason


BROKEN = StageResult("build", FAIL, 9.0, "mm/mmap.c:1: error", is_patch_fault=True)
MISSING = StageResult("configure", Outcome.ERROR, 1.0, "CONFIG_X is not set", is_request_fault=True)
CONFIGURED = StageResult("configure", PASS, 1.0)


def test_what_does_not_build_on_the_base_either_is_not_the_patchs_doing() -> None:
    compared = compare(suite(stages=(BROKEN,)), base(stages=(BROKEN,)), error=ERROR)
    assert compared.stages[0].also_on_base
    assert verdict([compared], False)[0] is Verdict.NO_VERDICT
    compared = compare(suite(stages=(BROKEN,)), base(stages=(replace(BROKEN, outcome=PASS),)), error=ERROR)
    assert not compared.stages[0].also_on_base
    assert verdict([compared], False)[0] is Verdict.PATCH_AT_FAULT


def test_a_base_that_the_host_kept_from_building_excuses_nothing() -> None:
    killed = replace(BROKEN, outcome=Outcome.ERROR, is_patch_fault=False)
    assert not compare(suite(stages=(BROKEN,)), base(stages=(killed,)), error=ERROR).stages[0].also_on_base


def test_symbols_that_only_the_patched_tree_refuses_are_the_patchs_fault_whoever_asked_for_them() -> None:
    (stage,) = compare(suite(stages=(MISSING,)), base(stages=(CONFIGURED,)), error=ERROR).stages
    assert (stage.outcome, stage.is_patch_fault, stage.is_request_fault) == (FAIL, True, False)
    (same,) = compare(suite(stages=(MISSING,)), base(stages=(MISSING,)), error=ERROR).stages
    assert same.is_request_fault
    assert same.also_on_base
    assert verdict([suite(stages=(same,))], False)[0] is Verdict.BAD_REQUEST


@pytest.mark.parametrize("failed", [(), (Subtest("x", FAIL),)])
def test_a_test_on_the_host_is_left_to_itself(failed: tuple[Subtest, ...]) -> None:
    """Whether it fails, or does not build."""
    tested = StageResult("vma-userspace", FAIL, 1.0, is_patch_fault=True, subtests=failed)
    assert compare(suite(stages=(tested,)), base(stages=(tested,)), error=ERROR).stages == (tested,)
    assert (
        compare(suite([ran(FAIL)], [ran(FAIL)]), base((), [ran(FAIL)], stages=(tested,)), error=ERROR)
        .cases[0]
        .comparison
    ), "nor does it keep the base from being asked"


# --- whatever happens

OUTCOMES = st.lists(st.sampled_from(list(Outcome)), max_size=4)
HALVES = st.lists(st.tuples(st.sampled_from(list(Outcome)), st.sampled_from(list(Outcome))), max_size=12)


@given(st.sampled_from(list(Outcome)), HALVES)
def test_a_run_is_clean_only_if_something_passed_and_nothing_is_bad_or_all_of_it_is_excused(
    first: Outcome, halves: list[tuple[Outcome, Outcome]]
) -> None:
    with_series, without = [ran(one) for one, _ in halves], [ran(other) for _, other in halves]
    passed = ran(PASS, case="other")
    patched = compare(suite([ran(first), passed], with_series), base((), without), error=ERROR)
    found, _ = verdict([patched], False)
    (case, _) = patched.cases
    assert (found is Verdict.CLEAN) == (not first.is_bad or case.also_on_base)


@given(OUTCOMES, HALVES)
def test_a_base_never_turns_no_fault_into_a_fault(first: list[Outcome], halves: list[tuple[Outcome, Outcome]]) -> None:
    cases = [ran(outcome, case=f"c{number}") for number, outcome in enumerate(first)]
    with_series = [ran(one, case="c0") for one, _ in halves]
    without = [ran(other, case="c0") for _, other in halves]
    patched, on_base = suite(cases, with_series), base((), without)
    alone = verdict([patched], False)[0]
    compared = verdict([compare(patched, on_base, error=ERROR)], False)[0]
    assert alone is Verdict.PATCH_AT_FAULT or compared is not Verdict.PATCH_AT_FAULT


def test_a_program_that_the_base_does_not_build_says_nothing_about_how_it_fails() -> None:
    exits = Finding("c", Outcome.FAIL, Outcome.FAIL, "exit status 1", 1.0)
    unbuilt = replace(exits, is_not_built=True)
    pairs = range(1, 7)
    on_base = [replace(unbuilt, pair=pair) for pair in pairs]
    assert compare_attempts([exits, *(replace(exits, pair=pair) for pair in pairs)], on_base, Rule()) is None
    both = compare_attempts([unbuilt, *(replace(unbuilt, pair=pair) for pair in pairs)], on_base, Rule())
    assert both is not None
    assert both.answer is Answer.PRE_EXISTING
