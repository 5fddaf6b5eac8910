"""Patched against baseline, and the verdict of a run: pure functions over suite reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from orchestrator.model.kernel import Variant
from orchestrator.model.outcome import Outcome, Verdict, worst
from orchestrator.model.report import CaseResult, StageResult, SuiteReport

_PATCH_FAILURES = (Outcome.NOT_EXERCISED, Outcome.FAIL, Outcome.TIMEOUT, Outcome.CRASH)
_DEEDS = {
    Outcome.NOT_EXERCISED: "did not exercise",
    Outcome.FAIL: "failed",
    Outcome.TIMEOUT: "timed out",
    Outcome.CRASH: "crashed the kernel",
    Outcome.ERROR: "could not be judged",
}
_STAGE_DEEDS = {Outcome.CRASH: "failed"}  # a boot that hangs is one, too


def compare(patched: SuiteReport, baseline: SuiteReport | None) -> SuiteReport:
    """Mark what is bad in both as `also_on_base`: it is not the patch's doing.

    A case that was skipped, not run, kept from running by the host, or could not be judged on the baseline is not known
    to fail there. What is worse
    with the patch than on the base is not excused by it: a hang by a failure, a crash by a hang, a kernel report by one
    with another title, a failed subtest by others while that one passes. Where nothing but kernel reports is bad, it is
    enough that the base made them, whenever: in which case a race shows, or a warning that comes once, is chance.
    """
    if baseline is None:
        return patched
    cases = {case.case: case for case in baseline.cases}
    stages = {stage.stage: stage for stage in baseline.stages}
    said = {
        kernel_report.title: kernel_report.outcome
        for kernel_report in sorted(baseline.kernel_reports, key=lambda kernel_report: kernel_report.outcome)
    }
    return replace(
        patched,
        cases=tuple(
            replace(case, also_on_base=_is_excused(case, cases.get(case.case), said)) for case in patched.cases
        ),
        stages=tuple(
            # a stage that tests on the host has asked the base itself
            replace(stage, also_on_base=stage.also_on_base or _is_excused(stage, stages.get(stage.stage), said))
            for stage in patched.stages
        ),
    )


def _is_excused(
    patched: StageResult | CaseResult, base: StageResult | CaseResult | None, said: Mapping[str, Outcome]
) -> bool:
    """Whether the base is as bad; `said` is everything that its kernel reported, whenever, and how bad it was."""
    if any(
        kernel_report.outcome > said.get(kernel_report.title, Outcome.PASS)
        for kernel_report in patched.kernel_reports
        if kernel_report.outcome.is_bad
    ):
        return False
    if patched.only_reports:
        return True
    if base is None or not _as_bad(patched.outcome, base.outcome):
        return False
    if isinstance(base, CaseResult) and base.is_host_fault:
        return False
    passed = {subtest.name for subtest in base.subtests if subtest.outcome is Outcome.PASS}
    return not any(subtest.outcome.is_bad and subtest.name in passed for subtest in patched.subtests)


def _as_bad(patched: Outcome, base: Outcome) -> bool:
    if not patched.is_bad or not base.is_bad:
        return False
    if Outcome.ERROR in (patched, base):
        return patched is base
    return base >= patched


def verdict(suites: Sequence[SuiteReport], interrupted: bool) -> tuple[Verdict, str]:
    """What the run says and one sentence why, which names the first piece of evidence and counts the rest.

    The subject is the patched suites; without any, the baseline ones (a kernel tested by itself). Of kernels that have
    only the first patches nothing is asked but that they build and boot.
    """
    if interrupted:
        return Verdict.INTERRUPTED, "interrupted before all cases had run"
    tested = [suite for suite in suites if suite.variant is Variant.PATCHED] or list(suites)
    prefixes = [suite for suite in suites if suite.variant is Variant.PREFIX and suite not in tested]
    subjects = [*tested, *prefixes]
    wrong = [_deed(suite, stage) for suite in subjects for stage in suite.stages if stage.is_request_fault]
    if wrong:
        return Verdict.BAD_REQUEST, _sentence(wrong)
    at_fault = [_deed(suite, item) for suite, item in _items(subjects) if _is_patch_failure(item)]
    if at_fault:
        return Verdict.PATCH_AT_FAULT, _sentence(at_fault)
    on_base = [_deed(suite, item) + " on the base too" for suite, item in _items(subjects) if _is_on_base(item)]
    unknown = [_deed(suite, item) for suite, item in _items(subjects) if item.outcome.is_bad and not item.also_on_base]
    # a base that fails where the patched kernel passes is a fix, but one that could not be judged was asked for in vain
    unknown += [
        _deed(suite, item)
        for suite, item in _items(suite for suite in suites if suite not in subjects)
        if item.outcome is Outcome.ERROR
    ]
    if unknown or on_base:
        return Verdict.NO_VERDICT, _sentence(unknown + on_base)
    passed = [case for suite in tested for case in suite.cases if case.outcome is Outcome.PASS]
    idle = [suite for suite in tested if not any(case.outcome is Outcome.PASS for case in suite.cases)]
    if not subjects:
        return Verdict.NO_VERDICT, "nothing ran"
    if idle:
        count = len(idle[0].cases)
        why = (
            f"all {count} cases were skipped" if count > 1 else "the only case was skipped" if count else "no case ran"
        )
        return Verdict.NO_VERDICT, _sentence([f"{idle[0].name}: {why}", *(suite.name for suite in idle[1:])])
    skipped = sum(case.outcome is Outcome.SKIP for suite in tested for case in suite.cases)
    kernels = f" on {len(tested)} kernels" if len(tested) > 1 else f" on {tested[0].name}"
    sentence = f"{_counted(len(passed), 'case')} passed{kernels}" + (f", {skipped} skipped" if skipped else "")
    if prefixes:
        which = f"each of the first {len(prefixes)} patches" if len(prefixes) > 1 else "the first patch"
        sentence += f"; builds and boots behind {which} too"
    return Verdict.CLEAN, sentence


def cause(case: CaseResult) -> str:
    """Why a case is bad, in the best words that there are: the kernel's own about what ended it, else those of the
    post-mortem. What the kernel had complained of before, a warning before a hang, comes first: it may be the cause."""
    said = worst([Outcome.PASS, *(kernel_report.outcome for kernel_report in case.kernel_reports)])
    if not case.diagnosis or not case.run_outcome.is_bad or said >= case.run_outcome:
        return case.message
    return f"{case.message}; then {case.diagnosis}" if said.is_bad else case.diagnosis


def _items(suites: Iterable[SuiteReport]) -> Iterator[tuple[SuiteReport, StageResult | CaseResult]]:
    for suite in suites:
        for stage in suite.stages:
            yield suite, stage
        for case in suite.cases:
            yield suite, case


def _is_patch_failure(item: StageResult | CaseResult) -> bool:
    if item.also_on_base or not item.outcome.is_bad:
        return False
    if isinstance(item, StageResult):
        return item.is_patch_fault
    return item.outcome in _PATCH_FAILURES and not item.is_host_fault


def _is_on_base(item: StageResult | CaseResult) -> bool:
    return item.also_on_base and item.outcome.is_bad


def _deed(suite: SuiteReport, item: StageResult | CaseResult) -> str:
    if isinstance(item, StageResult):
        name, deed, message = item.stage, _STAGE_DEEDS.get(item.outcome, _DEEDS[item.outcome]), item.message
    else:
        name, deed, message = item.case, _DEEDS[item.outcome], cause(item)
    message = message.split("\n", 1)[0].strip()
    return f"{suite.name}: {name} {deed}" + (f" ({message})" if message else "")


def _sentence(evidence: Sequence[str]) -> str:
    rest = len(evidence) - 1
    return evidence[0] + (f"; and {rest} more" if rest else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
