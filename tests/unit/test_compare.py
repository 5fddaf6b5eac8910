from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.judge.compare import compare, verdict
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, StageResult, Subtest, SuiteReport


def case(name: str, outcome: Outcome, message: str = "") -> CaseResult:
    return CaseResult(name, outcome, outcome, message, 1.0)


def suite(
    *cases: CaseResult,
    stages: tuple[StageResult, ...] = (),
    role: Role = Role.PATCHED,
    kconfig: str = "base",
) -> SuiteReport:
    return SuiteReport(f"{kconfig}.{role.value}", kconfig, role, stages, cases, "2026-11-22T10:00:00")


def base(*cases: CaseResult, stages: tuple[StageResult, ...] = ()) -> SuiteReport:
    return suite(*cases, stages=stages, role=Role.BASELINE)


def on_base(patched: Outcome, baseline: Outcome) -> bool:
    return compare(suite(case("c", patched)), base(case("c", baseline))).cases[0].also_on_base


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.TIMEOUT, Outcome.CRASH, Outcome.ERROR])
def test_what_is_bad_in_both_is_not_the_patchs_doing(outcome: Outcome) -> None:
    assert on_base(outcome, outcome)


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.SKIP, Outcome.ERROR])
def test_a_case_that_did_not_fail_on_the_base_is_not_known_to_fail_there(outcome: Outcome) -> None:
    assert not on_base(Outcome.FAIL, outcome)


def test_a_base_that_the_host_kept_from_running_excuses_nothing() -> None:
    hung = case("c", Outcome.TIMEOUT)
    stopped = replace(hung, is_host_fault=True)
    assert compare(suite(hung), base(hung)).cases[0].also_on_base
    assert not compare(suite(hung), base(stopped)).cases[0].also_on_base


def test_failing_differently_on_the_base_counts_but_what_is_worse_is_not_excused() -> None:
    assert on_base(Outcome.FAIL, Outcome.CRASH)
    assert on_base(Outcome.FAIL, Outcome.TIMEOUT)
    assert not on_base(Outcome.TIMEOUT, Outcome.FAIL)
    assert not on_base(Outcome.CRASH, Outcome.FAIL)
    assert not on_base(Outcome.CRASH, Outcome.TIMEOUT)


def kernel_report(title: str, outcome: Outcome = Outcome.FAIL) -> KernelReport:
    return KernelReport("warning", title, outcome, 1, 2, 0, "text")


def test_a_kernel_report_is_excused_by_the_same_title_only() -> None:
    before = replace(case("c", Outcome.CRASH), kernel_reports=(kernel_report("WARNING in old", Outcome.CRASH),))
    other = replace(case("d", Outcome.FAIL), kernel_reports=(kernel_report("WARNING in elsewhere"),))

    def is_excused(*kernel_reports: KernelReport) -> bool:
        after = suite(replace(case("c", Outcome.FAIL), kernel_reports=kernel_reports))
        return compare(after, base(before, other)).cases[0].also_on_base

    assert is_excused(kernel_report("WARNING in old"))
    assert is_excused(kernel_report("WARNING in old"), kernel_report("WARNING in elsewhere")), (
        "whichever case the base reported it in"
    )
    assert is_excused(kernel_report("WARNING in old"), kernel_report("an OOM kill", Outcome.PASS)), (
        "what is no failure needs no excuse"
    )
    assert not is_excused(kernel_report("KASAN: slab-use-after-free in new"))
    assert not is_excused(kernel_report("WARNING in old"), kernel_report("WARNING in new"))


def test_where_only_the_kernel_complains_it_is_enough_that_the_base_did_so_in_another_case() -> None:
    old = replace(
        case("c", Outcome.FAIL), kernel_reports=(kernel_report("KCSAN: data-race in f / g"),), only_reports=True
    )
    elsewhere = replace(case("d", Outcome.FAIL), kernel_reports=(kernel_report("KCSAN: data-race in f / g"),))
    boot = StageResult(
        "boot", Outcome.FAIL, 1.0, kernel_reports=old.kernel_reports, is_patch_fault=True, only_reports=True
    )

    def excused(patched: CaseResult, boot: StageResult, *on_base: CaseResult) -> tuple[bool, bool]:
        compared = compare(suite(patched, stages=(boot,)), base(*on_base))
        return compared.cases[0].also_on_base, compared.stages[0].also_on_base

    assert excused(old, boot, case("c", Outcome.PASS), elsewhere) == (True, True)
    assert excused(old, boot, elsewhere) == (True, True)
    assert excused(old, boot, case("c", Outcome.PASS)) == (False, False)
    assert excused(replace(old, only_reports=False), boot, case("c", Outcome.PASS), elsewhere) == (False, True)
    worse = replace(old, kernel_reports=(kernel_report("KCSAN: data-race in f / g", Outcome.CRASH),))
    assert excused(worse, boot, elsewhere) == (False, True)


def test_a_subtest_that_passes_on_the_base_is_not_excused_by_another() -> None:
    def with_subtests(outcome: Outcome, **subtests: Outcome) -> CaseResult:
        made = tuple(Subtest(name, result) for name, result in subtests.items())
        return replace(case("c", outcome), subtests=made)

    fails = with_subtests(Outcome.FAIL, one=Outcome.FAIL, two=Outcome.FAIL)

    def is_excused_by(before: CaseResult) -> bool:
        return compare(suite(fails), base(before)).cases[0].also_on_base

    assert is_excused_by(with_subtests(Outcome.FAIL, one=Outcome.FAIL, two=Outcome.FAIL))
    assert is_excused_by(with_subtests(Outcome.CRASH, one=Outcome.FAIL)), "the base never came to the second"
    assert not is_excused_by(with_subtests(Outcome.FAIL, one=Outcome.FAIL, two=Outcome.PASS))


def test_a_base_that_did_not_exercise_excuses_nothing_worse() -> None:
    assert on_base(Outcome.NOT_EXERCISED, Outcome.NOT_EXERCISED)
    assert on_base(Outcome.NOT_EXERCISED, Outcome.FAIL)
    assert not on_base(Outcome.FAIL, Outcome.NOT_EXERCISED)
    found, reason = verdict([suite(case("c", Outcome.NOT_EXERCISED, "a: did not exercise: vma_lock_success"))], False)
    assert found is Verdict.PATCH_AT_FAULT
    assert "did not exercise" in reason


def test_good_cases_and_cases_unknown_to_the_base_are_left_alone() -> None:
    patched = suite(case("a", Outcome.PASS), case("b", Outcome.FAIL))
    assert compare(patched, base(case("a", Outcome.FAIL))) == patched
    assert compare(patched, None) is patched


def test_stages_are_compared_too() -> None:
    boot = StageResult("boot", Outcome.CRASH, 1.0, "panic", is_patch_fault=True)
    compared = compare(suite(stages=(boot,)), base(stages=(replace(boot, message="panic on base"),)))
    assert compared.stages[0].also_on_base
    assert verdict([compared], False)[0] is Verdict.NO_VERDICT


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.TIMEOUT, Outcome.CRASH])
def test_a_new_failure_is_the_patchs_fault_and_the_reason_names_it(outcome: Outcome) -> None:
    report = suite(case("ok", Outcome.PASS), case("bad", outcome, "WARNING in f\nmore"), case("bad2", Outcome.FAIL))
    found, reason = verdict([report], False)
    assert found is Verdict.PATCH_AT_FAULT
    assert reason.startswith("base.patched: bad ")
    assert "WARNING in f" in reason
    assert reason.endswith("; and 1 more")
    assert "\n" not in reason


def test_a_hang_is_told_by_its_post_mortem_and_by_the_kernels_own_words_where_there_are_any() -> None:
    hang = replace(case("bad", Outcome.TIMEOUT, "did not end"), diagnosis="writer a waits for b: lost wake-up")
    assert verdict([suite(hang)], False)[1] == "base.patched: bad timed out (writer a waits for b: lost wake-up)"
    panic = KernelReport("panic", "panic: f", Outcome.CRASH, 1, 2, 0, "")
    crash = replace(case("bad", Outcome.CRASH, panic.title), diagnosis="a waits for b", kernel_reports=(panic,))
    assert verdict([suite(crash)], False)[1] == "base.patched: bad crashed the kernel (panic: f)"


def test_a_warning_before_a_hang_is_told_and_so_is_the_hang() -> None:
    kernel_report = KernelReport("warning", "WARNING in f", Outcome.FAIL, 1, 2, 0, "")
    hang = replace(
        case("bad", Outcome.TIMEOUT, kernel_report.title), diagnosis="a waits for b", kernel_reports=(kernel_report,)
    )
    assert verdict([suite(hang)], False)[1] == "base.patched: bad timed out (WARNING in f; then a waits for b)"


def test_a_boot_that_hangs_has_failed() -> None:
    boot = StageResult("boot", Outcome.CRASH, 21.0, "did not finish", is_patch_fault=True)
    assert verdict([suite(stages=(boot,))], False)[1] == "base.patched: boot failed (did not finish)"


def test_a_stage_is_the_patchs_fault_only_if_it_says_so() -> None:
    build = StageResult("build", Outcome.FAIL, 1.0, "mm/mmap.c:1: error", is_patch_fault=True)
    assert verdict([suite(stages=(build,))], False)[0] is Verdict.PATCH_AT_FAULT
    found, reason = verdict([suite(stages=(replace(build, is_patch_fault=False),))], False)
    assert found is Verdict.NO_VERDICT
    assert "build failed" in reason


@pytest.mark.parametrize(
    "cases",
    [
        (),
        (case("a", Outcome.SKIP),),
        (case("a", Outcome.SKIP), case("b", Outcome.SKIP)),
        (case("a", Outcome.PASS), case("b", Outcome.ERROR)),
        (case("a", Outcome.PASS), replace(case("b", Outcome.FAIL), also_on_base=True)),
    ],
)
def test_what_could_not_be_judged_is_never_green(cases: tuple[CaseResult, ...]) -> None:
    found, reason = verdict([suite(*cases)], False)
    assert found is Verdict.NO_VERDICT
    assert reason


def test_nothing_at_all_is_never_green() -> None:
    assert verdict([], False) == (Verdict.NO_VERDICT, "nothing ran")


def test_one_kernel_on_which_nothing_ran_spoils_the_others() -> None:
    fine, idle = suite(case("a", Outcome.PASS)), suite(case("a", Outcome.SKIP), kconfig="kasan")
    found, reason = verdict([fine, idle], False)
    assert found is Verdict.NO_VERDICT
    assert "kasan.patched: the only case was skipped" in reason


def test_all_passed_is_clean_and_skips_are_counted() -> None:
    report = suite(case("a", Outcome.PASS), case("b", Outcome.SKIP))
    assert verdict([report], False) == (Verdict.CLEAN, "1 case passed on base.patched, 1 skipped")


def test_a_failure_of_the_base_alone_is_a_fix() -> None:
    suites = [suite(case("a", Outcome.PASS)), base(case("a", Outcome.CRASH))]
    assert verdict(suites, False)[0] is Verdict.CLEAN


def test_a_base_that_could_not_be_judged_gives_no_verdict() -> None:
    suites = [suite(case("a", Outcome.PASS)), base(case("a", Outcome.ERROR))]
    assert verdict(suites, False)[0] is Verdict.NO_VERDICT


def test_without_a_series_the_base_is_the_subject() -> None:
    assert verdict([base(case("a", Outcome.FAIL))], False)[0] is Verdict.PATCH_AT_FAULT
    assert verdict([base(case("a", Outcome.PASS))], False)[0] is Verdict.CLEAN


def test_kernels_with_the_first_patches_only_have_to_build_and_boot() -> None:
    whole = suite(case("a", Outcome.PASS))
    booted = replace(suite(stages=(StageResult("boot", Outcome.PASS, 3.0),), role=Role.PER_PATCH), name="base.patch-1")
    assert booted.outcome is Outcome.PASS
    assert verdict([whole, booted], False) == (
        Verdict.CLEAN, "1 case passed on base.patched; builds and boots behind the first patch too",
    )  # fmt: skip
    failed = replace(booted, stages=(StageResult("build", Outcome.FAIL, 3.0, is_patch_fault=True),))
    found, reason = verdict([whole, failed], False)
    assert found is Verdict.PATCH_AT_FAULT
    assert reason.startswith("base.patch-1: build failed")


def test_an_interrupted_run_says_so_whatever_it_found() -> None:
    assert verdict([suite(case("a", Outcome.FAIL))], True)[0] is Verdict.INTERRUPTED


OUTCOMES = st.lists(st.sampled_from(list(Outcome)), max_size=5)


@given(OUTCOMES, OUTCOMES)
def test_a_run_is_clean_only_if_something_passed_and_nothing_is_bad(
    patched: list[Outcome], baseline: list[Outcome]
) -> None:
    after = suite(*(case(f"c{number}", outcome) for number, outcome in enumerate(patched)))
    before = base(*(case(f"c{number}", outcome) for number, outcome in enumerate(baseline)))
    found, _ = verdict([compare(after, before), before], False)
    clean = Outcome.PASS in patched and not any(outcome.is_bad for outcome in patched) and Outcome.ERROR not in baseline
    assert (found is Verdict.CLEAN) == clean


@given(OUTCOMES, OUTCOMES)
def test_a_baseline_never_turns_no_blame_into_blame(patched: list[Outcome], baseline: list[Outcome]) -> None:
    after = suite(*(case(f"c{number}", outcome) for number, outcome in enumerate(patched)))
    before = base(*(case(f"c{number}", outcome) for number, outcome in enumerate(baseline)))
    alone, compared = verdict([after], False)[0], verdict([compare(after, before)], False)[0]
    assert alone is Verdict.PATCH_AT_FAULT or compared is not Verdict.PATCH_AT_FAULT
