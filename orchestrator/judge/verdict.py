"""Judged kernels -> what the whole run says, and one sentence why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.errors import Fault
from orchestrator.judge.cause import cause
from orchestrator.model.kernel import Role
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import COMPILE, COVERAGE, Answer, CaseResult, Comparison, StageResult, SuiteReport

_DEEDS = {
    Outcome.NOT_EXERCISED: "did not exercise",
    Outcome.FAIL: "failed",
    Outcome.TIMEOUT: "timed out",
    Outcome.CRASH: "crashed the kernel",
    Outcome.ERROR: "could not be judged",
}
_STAGE_DEEDS = {Outcome.CRASH: "failed"}  # a boot that hangs is one, too
_OF_FAULT = {
    Fault.USER: Verdict.BAD_REQUEST,
    Fault.PATCH: Verdict.PATCH_AT_FAULT,
    Fault.INFRASTRUCTURE: Verdict.NO_VERDICT,
    Fault.INTERRUPT: Verdict.INTERRUPTED,
}
_GUILTY = (Answer.REGRESSION, Answer.FLAKY_AND_WORSE)


def verdict(
    suites: Sequence[SuiteReport],
    interrupted: bool,
    *,
    strict: bool = False,
    trouble: str = "",
    fault: Fault = Fault.INFRASTRUCTURE,
) -> tuple[Verdict, str]:
    """The verdict of a run and one sentence why, which names the first piece of evidence and counts the rest.

    `trouble` is what ended the run outside of all stages, and `fault` whose it is: they decide, unless something is
    certain about the patch, which a failure is that was compared with the base. With `strict` a failure that the base
    has too fails the run. The worst evidence comes first: what is certain about the patch is not hidden by an error of
    the request or of the host. The subjects are the kernels with patches; without any, the baseline (a base that is
    tested by itself).
    """
    subjects = [suite for suite in suites if suite.role is not Role.BASELINE] or list(suites)
    items = list(_items(subjects))
    at_fault = [_deed(suite, item) for suite, item in items if is_patch_failure(item)]
    so_far = f"; by then: {_sentence(at_fault)}" if at_fault else ""
    if interrupted:
        return Verdict.INTERRUPTED, f"interrupted before all cases had run{so_far}"
    if trouble and not any(is_patch_failure(item) and item.comparison for _, item in items):
        return of_trouble(fault), f"{trouble}{so_far}"
    if at_fault:
        return Verdict.PATCH_AT_FAULT, _sentence(at_fault)
    wrong = [_deed(suite, item) for suite, item in items if isinstance(item, StageResult) and item.is_request_fault]
    if wrong:
        return Verdict.BAD_REQUEST, _sentence(wrong)
    excused = [_deed(suite, item) for suite, item in items if item.outcome.is_bad and is_excused(item)]
    unknown = [
        _deed(suite, item)
        for suite, item in items
        if item.outcome.is_bad and not is_excused(item) and not is_short(item)
    ]
    # what was asked of the base in vain leaves a question open
    unknown += [
        _deed(suite, item)
        for suite, item in _items(suite for suite in suites if suite not in subjects)
        if item.outcome is Outcome.ERROR
    ]
    if unknown:
        return Verdict.NO_VERDICT, _sentence(unknown + excused)
    if not subjects:
        return Verdict.NO_VERDICT, "nothing ran"
    if all(suite.role is Role.COMPILED for suite in subjects):
        return _compiled(subjects)
    tested = [suite for suite in subjects if suite.role is not Role.PER_PATCH] or subjects
    passed = [case for suite in tested for case in suite.cases if case.outcome is Outcome.PASS]
    if not passed and excused:
        return Verdict.NO_VERDICT, _sentence(excused)
    if none_passed := [suite for suite in tested if not any(case.outcome is Outcome.PASS for case in suite.cases)]:
        first, *others = none_passed
        return Verdict.NO_VERDICT, _sentence([f"{first.name}: {_why_none_passed(first)}", *(s.name for s in others)])
    if short := [_deed(suite, item) for suite, item in items if is_short(item)]:
        return Verdict.FAILED, _sentence(short)
    if all(suite.coverage and suite.coverage.absent for suite in tested):
        return Verdict.NO_VERDICT, _without_change(tested)
    if strict and excused:
        return Verdict.FAILED, _sentence(excused)
    return Verdict.CLEAN, _clean(tested, subjects, excused)


def _compiled(suites: Sequence[SuiteReport]) -> tuple[Verdict, str]:
    """Of kernels in which nothing is wrong, and that nobody booted."""
    clean = [suite for suite in suites if any(s.stage == COMPILE and s.outcome is Outcome.PASS for s in suite.stages)]
    if not clean:
        return Verdict.NO_VERDICT, "no kernel compiles what the series changes, or no compiler is installed"
    rest = len(suites) - len(clean)
    skipped = f", {rest} skipped" if rest else ""
    return Verdict.CLEAN, f"compilers say nothing new in {_counted(len(clean), 'kernel')}{skipped}; none was booted"


def of_trouble(fault: Fault) -> Verdict:
    """The verdict of a run that an error of this kind ended: it has the error's exit status."""
    return _OF_FAULT[fault]


def is_patch_failure(item: StageResult | CaseResult) -> bool:
    """Whether the series is at fault, as surely as requested. Without a comparison an item is judged by itself."""
    if not item.outcome.is_bad:
        return False
    if item.comparison is not None:
        return item.comparison.answer in _GUILTY
    if isinstance(item, StageResult):
        return item.is_patch_fault and not item.also_on_base
    return item.outcome is not Outcome.ERROR and not item.is_host_fault


def is_short(item: StageResult | CaseResult) -> bool:
    """Whether it says that too few of the changed statements ran: nothing is wrong with the series or the host."""
    return isinstance(item, StageResult) and item.stage == COVERAGE and item.outcome is Outcome.FAIL


def is_excused(item: StageResult | CaseResult) -> bool:
    """Whether the base fails as badly, so that the series is not at fault."""
    return item.also_on_base or (item.comparison is not None and item.comparison.excuses)


def _clean(tested: Sequence[SuiteReport], subjects: Sequence[SuiteReport], excused: Sequence[str]) -> str:
    cases = [case for suite in tested for case in suite.cases]
    kernels = f" on {len(tested)} kernels" if len(tested) > 1 else f" on {tested[0].name}"
    passed = sum(case.outcome is Outcome.PASS for case in cases)
    words = [f"{_counted(passed, 'case')} passed{kernels}"]
    for outcome, word in ((Outcome.SKIP, "skipped"), (Outcome.NOT_EXERCISED, "not exercised")):
        if count := sum(case.outcome is outcome for case in cases):
            words.append(f"{count} {word}")
    sentence = ", ".join(words)
    if measured := next((suite.coverage for suite in tested if suite.coverage), None):
        sentence += f"; {measured.summary}"
    if excused:
        sentence += f"; not new: {_sentence(excused)}"
    if prefixes := [suite for suite in subjects if suite.role is Role.PER_PATCH]:
        which = f"each of the first {len(prefixes)} patches" if len(prefixes) > 1 else "the first patch"
        sentence += f"; builds, boots and passes behind {which} too"
    return sentence


def _without_change(suites: Sequence[SuiteReport]) -> str:
    """That no kernel has anything of what the series changes, so what passed says nothing about it."""
    first, *others = [suite for suite in suites if suite.coverage]
    where = f"{first.name} and {_counted(len(others), 'other')}" if others else first.name
    why = first.coverage.absent if first.coverage else ""
    return f"{where}: has nothing of what the series changes ({why}; --kconfig needed compiles it, if a symbol can)"


def _why_none_passed(suite: SuiteReport) -> str:
    """Why nothing passed on a kernel on which nothing failed."""
    skipped = sum(case.outcome is Outcome.SKIP for case in suite.cases)
    if skipped != len(suite.cases):
        return "no case exercised what it is there for"
    if not skipped:
        return "no case ran"
    return f"all {skipped} cases were skipped" if skipped > 1 else "the only case was skipped"


def _items(suites: Iterable[SuiteReport]) -> Iterator[tuple[SuiteReport, StageResult | CaseResult]]:
    for suite in suites:
        for stage in suite.stages:
            yield suite, stage
        for case in suite.cases:
            yield suite, case


def _deed(suite: SuiteReport, item: StageResult | CaseResult) -> str:
    if isinstance(item, StageResult):
        name, deed, message = item.stage, _STAGE_DEEDS.get(item.outcome, _DEEDS[item.outcome]), item.message
    else:
        deed = "was not run" if item.is_not_run else _DEEDS[item.outcome]
        name, message = item.case, "" if item.is_not_run else cause(item)
    told = [part for part in (message.split("\n", 1)[0].strip(), _compared(item.comparison)) if part]
    on_base = " on the base too" if item.comparison is None and item.also_on_base else ""
    return f"{suite.name}: {name} {deed}{on_base}" + (f" ({'; '.join(told)})" if told else "")


def _compared(comparison: Comparison | None) -> str:
    return f"{comparison.answer.value}: {comparison.words}" if comparison else ""


def _sentence(evidence: Sequence[str]) -> str:
    rest = len(evidence) - 1
    return evidence[0] + (f"; and {rest} more" if rest else "")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
