"""What the whole run says, and in which order the evidence counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.errors import Fault
from orchestrator.judge.verdict import verdict
from orchestrator.model.coverage import Coverage, FileCoverage, LineState
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import Answer, CaseResult, Comparison, StageResult, SuiteReport
from tests.unit import coverages


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


def compared(found: CaseResult, answer: Answer, words: str = "failed 5 of 5 and 0 of 5") -> CaseResult:
    return replace(found, comparison=Comparison(answer, True, 0.01, 5, 0, 5, words))


BUILT = StageResult("build", Outcome.PASS, 1.0)
BROKEN = StageResult("build", Outcome.FAIL, 1.0, "mm/mmap.c:1: error", is_patch_fault=True)
REFUSED = StageResult("configure", Outcome.ERROR, 1.0, "no CONFIG_X", is_request_fault=True)
OF_HOST = StageResult("programs", Outcome.ERROR, 1.0, "no space left")
GOOD, BAD = case("good", Outcome.PASS), case("bad", Outcome.FAIL, "exit status 3")
EXCUSED, REGRESSED = compared(BAD, Answer.PRE_EXISTING), compared(BAD, Answer.REGRESSION)
OPEN = compared(BAD, Answer.INCONCLUSIVE)


# --- the order of evidence


def test_a_crash_of_one_kernel_is_not_hidden_behind_an_error_of_another() -> None:
    crashed = suite(case("bad", Outcome.CRASH, "panic: f"))
    for stage in (REFUSED, OF_HOST):
        other = suite(stages=(stage,), kconfig="kasan")
        for suites in ([other, crashed], [crashed, other]):
            found, reason = verdict(suites, False)
            assert found is Verdict.PATCH_AT_FAULT
            assert reason.startswith("base.patched: bad crashed the kernel (panic: f)")


def test_what_is_certain_stays_certain_when_the_run_ended_in_trouble() -> None:
    assert verdict([suite(REGRESSED)], False, trouble="no space left")[0] is Verdict.PATCH_AT_FAULT
    assert verdict([suite(GOOD)], False, trouble="no space left") == (Verdict.NO_VERDICT, "no space left")
    assert verdict([], False, trouble="no space left") == (Verdict.NO_VERDICT, "no space left")


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.INTERRUPT])
def test_trouble_before_the_base_was_asked_blames_nobody_and_has_the_errors_exit_status(fault: Fault) -> None:
    found, reason = verdict([suite(GOOD, BAD)], False, trouble="no space left", fault=fault)
    assert found.exit_status == fault.value
    assert reason == "no space left; by then: base.patched: bad failed (exit status 3)"


def test_an_error_of_the_request_comes_before_one_of_the_host() -> None:
    suites = [suite(stages=(OF_HOST,)), suite(stages=(REFUSED,), kconfig="kasan")]
    found, reason = verdict(suites, False)
    assert found is Verdict.BAD_REQUEST
    assert "no CONFIG_X" in reason


def test_a_regression_beside_what_is_open_or_excused_is_a_regression() -> None:
    for other in (OPEN, EXCUSED, case("x", Outcome.ERROR)):
        assert verdict([suite(GOOD, other, REGRESSED)], False)[0] is Verdict.PATCH_AT_FAULT


def test_what_is_open_is_no_verdict_though_all_else_is_fine_or_excused() -> None:
    found, reason = verdict([suite(GOOD, EXCUSED, OPEN)], False)
    assert found is Verdict.NO_VERDICT
    assert reason.startswith("base.patched: bad failed (exit status 3; inconclusive: ")
    assert reason.endswith("; and 1 more")


def test_an_interrupted_run_says_so_and_what_it_had_found_by_then() -> None:
    found, reason = verdict([suite(BAD)], True)
    assert found is Verdict.INTERRUPTED
    assert reason == "interrupted before all cases had run; by then: base.patched: bad failed (exit status 3)"
    assert verdict([suite(GOOD, EXCUSED)], True)[1] == "interrupted before all cases had run"
    assert verdict([suite(REGRESSED)], True, trouble="x")[0] is Verdict.INTERRUPTED


# --- what was compared, and what was not


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer.REGRESSION, Verdict.PATCH_AT_FAULT),
        (Answer.FLAKY_AND_WORSE, Verdict.PATCH_AT_FAULT),
        (Answer.PRE_EXISTING, Verdict.CLEAN),
        (Answer.FLAKY_NO_WORSE, Verdict.CLEAN),
        (Answer.INCONCLUSIVE, Verdict.NO_VERDICT),
    ],
)
def test_the_answer_about_a_failure_decides(answer: Answer, expected: Verdict) -> None:
    found, reason = verdict([suite(GOOD, compared(BAD, answer))], False)
    assert found is expected
    assert f"{answer.value}: failed 5 of 5 and 0 of 5" in reason


def test_a_boot_is_judged_by_its_answer_too() -> None:
    hung = StageResult("boot", Outcome.CRASH, 20.0, "did not finish", is_patch_fault=True)
    regressed = Comparison(Answer.REGRESSION, True, 0.01, 5, 0, 5, "w")
    assert verdict([suite(stages=(replace(hung, comparison=regressed),))], False)[0] is Verdict.PATCH_AT_FAULT
    same = replace(regressed, answer=Answer.PRE_EXISTING)
    assert verdict([suite(stages=(replace(hung, comparison=same),))], False)[0] is Verdict.NO_VERDICT


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.TIMEOUT, Outcome.CRASH])
def test_a_failure_that_nobody_compared_is_the_patchs_and_the_reason_names_it(outcome: Outcome) -> None:
    report = suite(GOOD, case("bad", outcome, "WARNING in f\nmore"), case("bad2", Outcome.FAIL))
    found, reason = verdict([report], False)
    assert found is Verdict.PATCH_AT_FAULT
    assert reason.startswith("base.patched: bad ")
    assert "WARNING in f" in reason
    assert reason.endswith("; and 1 more")
    assert "\n" not in reason


def test_what_the_host_spoilt_is_nobodys_fault() -> None:
    assert verdict([suite(GOOD, replace(BAD, is_host_fault=True))], False)[0] is Verdict.NO_VERDICT
    assert verdict([suite(GOOD, case("x", Outcome.ERROR))], False)[0] is Verdict.NO_VERDICT


def test_a_fixed_failure_is_no_failure() -> None:
    fixed = compared(GOOD, Answer.FIXED)
    assert verdict([suite(fixed), base(case("good", Outcome.CRASH))], False)[0] is Verdict.CLEAN


def test_an_excused_failure_is_told_in_a_clean_run_and_fails_a_strict_one() -> None:
    suites = [suite(GOOD, EXCUSED)]
    found, reason = verdict(suites, False)
    assert found is Verdict.CLEAN
    assert reason == (
        "1 case passed on base.patched; not new: base.patched: bad failed "
        "(exit status 3; pre-existing: failed 5 of 5 and 0 of 5)"
    )
    found, reason = verdict(suites, False, strict=True)
    assert found is Verdict.FAILED
    assert found.exit_status == 1
    assert reason.startswith("base.patched: bad failed")
    assert verdict([suite(GOOD)], False, strict=True)[0] is Verdict.CLEAN
    assert verdict([suite(GOOD, OPEN)], False, strict=True)[0] is Verdict.NO_VERDICT


def test_where_nothing_but_excused_failures_is_known_nothing_is_proved() -> None:
    assert verdict([suite(EXCUSED)], False)[0] is Verdict.NO_VERDICT
    assert verdict([suite(EXCUSED)], False, strict=True)[0] is Verdict.NO_VERDICT


# --- stages


def test_a_stage_is_the_patchs_fault_only_if_it_says_so() -> None:
    assert verdict([suite(stages=(BROKEN,))], False)[0] is Verdict.PATCH_AT_FAULT
    found, reason = verdict([suite(stages=(replace(BROKEN, is_patch_fault=False),))], False)
    assert found is Verdict.NO_VERDICT
    assert "build failed" in reason


def test_a_build_that_fails_on_the_base_too_is_told_so() -> None:
    found, reason = verdict([suite(stages=(replace(BROKEN, also_on_base=True),))], False)
    assert found is Verdict.NO_VERDICT
    assert reason == "base.patched: build failed on the base too (mm/mmap.c:1: error)"


def test_a_boot_that_hangs_has_failed() -> None:
    boot = StageResult("boot", Outcome.CRASH, 21.0, "did not finish", is_patch_fault=True)
    assert verdict([suite(stages=(boot,))], False)[1] == "base.patched: boot failed (did not finish)"


# --- words


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


def test_a_case_that_was_planned_and_not_run_is_told_without_its_message() -> None:
    lost = replace(case("x", Outcome.ERROR, "planned, and not run"), is_not_run=True)
    assert verdict([suite(GOOD, lost)], False) == (Verdict.NO_VERDICT, "base.patched: x was not run")


# --- when nothing is wrong


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ((), "base.patched: no case ran"),
        ((case("a", Outcome.SKIP),), "base.patched: the only case was skipped"),
        ((case("a", Outcome.SKIP), case("b", Outcome.SKIP)), "base.patched: all 2 cases were skipped"),
        ((case("a", Outcome.NOT_EXERCISED),), "base.patched: no case exercised what it is there for"),
        ((case("a", Outcome.NOT_EXERCISED), case("b", Outcome.SKIP)), "no case exercised"),
    ],
)
def test_where_nothing_passed_nothing_is_green(cases: tuple[CaseResult, ...], words: str) -> None:
    found, reason = verdict([suite(*cases, stages=(BUILT,))], False)
    assert found is Verdict.NO_VERDICT
    assert words in reason


def test_nothing_at_all_is_never_green() -> None:
    assert verdict([], False) == (Verdict.NO_VERDICT, "nothing ran")


def test_one_kernel_on_which_nothing_ran_spoils_the_others() -> None:
    fine, idle = suite(GOOD), suite(case("a", Outcome.SKIP), kconfig="kasan")
    found, reason = verdict([fine, idle], False)
    assert found is Verdict.NO_VERDICT
    assert "kasan.patched: the only case was skipped" in reason


def test_a_clean_sentence_says_how_much_of_the_change_ran() -> None:
    measured = replace(suite(GOOD), coverage=coverages.FOUND)
    both = [suite(GOOD, kconfig="kasan"), measured]
    assert verdict([measured], False)[1] == "1 case passed on base.patched; 3 of 4 changed statements ran (75 %)"
    assert verdict(both, False)[1] == "2 cases passed on 2 kernels; 3 of 4 changed statements ran (75 %)"
    nothing = replace(measured, coverage=Coverage((FileCoverage("mm/memory.c", (DECLARED,)),), ("boot",)))
    assert verdict([nothing], False)[1].endswith("; no changed statement has instructions in this kernel")


def test_all_passed_is_clean_and_what_proves_nothing_is_counted() -> None:
    report = suite(GOOD, case("b", Outcome.SKIP))
    assert verdict([report], False) == (Verdict.CLEAN, "1 case passed on base.patched, 1 skipped")
    report = suite(GOOD, GOOD, case("c", Outcome.NOT_EXERCISED))
    assert verdict([report], False) == (Verdict.CLEAN, "2 cases passed on base.patched, 1 not exercised")
    both = [suite(GOOD), suite(GOOD, kconfig="kasan")]
    assert verdict(both, False) == (Verdict.CLEAN, "2 cases passed on 2 kernels")


# --- the base


def test_a_base_that_could_not_be_judged_gives_no_verdict() -> None:
    assert verdict([suite(GOOD), base(case("good", Outcome.ERROR))], False)[0] is Verdict.NO_VERDICT
    assert verdict([suite(GOOD), base(stages=(OF_HOST,))], False)[0] is Verdict.NO_VERDICT


def test_a_failure_of_the_base_alone_is_not_the_patchs() -> None:
    assert verdict([suite(GOOD), base(case("good", Outcome.CRASH))], False)[0] is Verdict.CLEAN


def test_without_a_series_the_base_is_the_subject() -> None:
    assert verdict([base(BAD)], False)[0] is Verdict.PATCH_AT_FAULT
    assert verdict([base(GOOD)], False)[0] is Verdict.CLEAN


# --- single patches


def behind(number: int, *cases: CaseResult, stages: tuple[StageResult, ...] = (BUILT,)) -> SuiteReport:
    return replace(suite(*cases, stages=stages, role=Role.PER_PATCH), name=f"base.patch-{number}")


def test_what_a_single_patch_breaks_is_the_series_doing_though_the_whole_is_fine() -> None:
    found, reason = verdict([suite(GOOD), behind(1, GOOD), behind(2, stages=(BROKEN,))], False)
    assert found is Verdict.PATCH_AT_FAULT
    assert reason.startswith("base.patch-2: build failed")
    assert verdict([suite(GOOD), behind(1, REGRESSED)], False)[0] is Verdict.PATCH_AT_FAULT
    assert verdict([suite(GOOD), behind(1, EXCUSED)], False)[0] is Verdict.CLEAN


def test_a_clean_run_says_behind_how_many_patches_it_was() -> None:
    assert verdict([suite(GOOD), behind(1, GOOD)], False) == (
        Verdict.CLEAN, "1 case passed on base.patched; builds, boots and passes behind the first patch too",
    )  # fmt: skip
    assert verdict([suite(GOOD), behind(1, GOOD), behind(2, GOOD)], False)[1].endswith(
        "behind each of the first 2 patches too"
    )


def test_single_patches_do_not_stand_for_the_whole() -> None:
    found, reason = verdict([suite(case("a", Outcome.SKIP)), behind(1, GOOD)], False)
    assert found is Verdict.NO_VERDICT
    assert reason.startswith("base.patched: the only case was skipped")


# --- a kernel without the change


LEFT_OUT = replace(coverages.statement(9, LineState.NOT_COMPILED), why="CONFIG_ZSWAP is not set")
DECLARED = coverages.statement(3, LineState.NO_CODE)
ABSENT = FileCoverage("mm/zswap.c", (LEFT_OUT, DECLARED))


def test_cases_that_pass_on_a_kernel_without_the_change_are_no_verdict() -> None:
    without = coverages.suite(Coverage((ABSENT,), ("boot",)))
    found, reason = verdict([without], False)
    assert found is Verdict.NO_VERDICT
    assert reason.startswith(
        "base.patched: has nothing of what the series changes (mm/zswap.c: CONFIG_ZSWAP is not set;"
    )
    found, reason = verdict([without, coverages.suite(Coverage((ABSENT,), ("boot",)), "debug")], False)
    assert reason.startswith("base.patched and 1 other: has nothing")
    assert verdict([without, coverages.suite(name="debug")], False)[0] is Verdict.CLEAN
    assert verdict([without, coverages.suite(None, "debug")], False)[0] is Verdict.CLEAN  # nobody knows


@pytest.mark.parametrize(
    "other",
    [
        FileCoverage("mm/memory.c", (coverages.statement(1, LineState.OPTIMISED),)),
        FileCoverage("mm/memory.c", (DECLARED,)),  # a table of a file that is compiled
        FileCoverage("include/linux/mm.h", (DECLARED, LEFT_OUT)),
    ],
)
def test_what_has_no_instructions_may_be_in_the_kernel_all_the_same(other: FileCoverage) -> None:
    assert verdict([coverages.suite(Coverage((ABSENT, other), ("boot",)))], False)[0] is Verdict.CLEAN


def test_a_change_of_documentation_needs_no_kernel_that_has_it() -> None:
    assert verdict([coverages.suite(Coverage((), ("boot",)))], False)[0] is Verdict.CLEAN


def test_a_failure_counts_on_a_kernel_without_the_change_too() -> None:
    failed = replace(coverages.suite(Coverage((ABSENT,), ("boot",))), cases=(GOOD, REGRESSED))
    assert verdict([failed], False)[0] is Verdict.PATCH_AT_FAULT
