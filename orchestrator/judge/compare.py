"""The kernel under test against the base: whose failure is it, and how sure is that? Pure.

Attempts with the same `pair` are one comparison: one with the series, one without, in random order. The failure that
led to the comparison is not a pair, because it was selected. docs/statistics.md says what is concluded, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from orchestrator.judge.sequential import Pair, Rule, decide
from orchestrator.judge.signature import NOT_BUILT, NOTHING, Signature, shown, signature, signature_of_boot
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import (
    BOOT,
    BUILD,
    Answer,
    BaseResult,
    CaseResult,
    Comparison,
    Finding,
    StageResult,
    SuiteReport,
)

# What fails without any guest fails always: asking the base once is enough
CERTAIN_STAGES = ("configure", BUILD)
KNOWN_LEAST = 3  # failures of the base in earlier runs


def compare(patched: SuiteReport, base: SuiteReport | None, *, error: float) -> SuiteReport:
    """The report with what the base says about each failure, and about failures of the base alone. `error` is the
    accepted probability of a wrong answer."""
    if base is None and not patched.earlier_base:
        return patched
    if base and not base.attempts and (stopped := _stopped_at(base)):
        return _not_asked(patched, base, stopped)
    of_base = _by_case(base.attempts) if base else {}
    of_patched = _by_case(patched.attempts)
    earlier = {result.case: result for result in patched.earlier_base}
    asked = failing(patched, base)
    rule = Rule(alpha=error, cases=max(1, len(asked)))
    compared = {
        case: compare_attempts(
            of_patched.get(case, ()),
            of_base.get(case, ()) if base else None,
            rule,
            boot=_of_boot(patched, case),
            boot_of_base=_of_boot(base, case),
            earlier=earlier.get(case),
        )
        for case in asked
    }
    return replace(
        patched,
        stages=tuple(_stage(stage, base, compared.get(BOOT)) for stage in patched.stages),
        cases=tuple(
            replace(_seen_in_pairs(case, of_patched.get(case.case, ())), comparison=compared[case.case])
            if compared.get(case.case)
            else case
            for case in patched.cases
        ),
    )


def _seen_in_pairs(case: CaseResult, attempts: Sequence[Finding]) -> CaseResult:
    """A case that passed at first was tested again because of the base. If it failed then, that must not be hidden."""
    failed = [finding for finding in attempts if finding.pair and signature(finding)]
    if case.outcome.is_bad or not failed:
        return case
    return CaseResult.of(max(failed, key=lambda finding: finding.outcome))


def _stopped_at(suite: SuiteReport) -> StageResult | None:
    """The stage that stopped a kernel before its first test in a guest."""
    return next((stage for stage in suite.stages if stage.is_end), None)


def _not_asked(patched: SuiteReport, base: SuiteReport, stopped: StageResult) -> SuiteReport:
    """Failures that the base cannot be tested for, because it does not get that far."""
    words = f"the base cannot be asked: {stopped.stage}: {stopped.message}"
    unknown = Comparison(Answer.INCONCLUSIVE, False, 1.0, 0, 0, 0, words)
    return replace(
        patched,
        stages=tuple(_stage(stage, base, unknown) for stage in patched.stages),
        cases=tuple(replace(case, comparison=unknown) if signature(case) else case for case in patched.cases),
    )


def failing(patched: SuiteReport, base: SuiteReport | None) -> tuple[str, ...]:
    """The cases that the other kernel has to be tested for: those that fail in the first test of either kernel; boot
    first."""
    boots = [BOOT for stage in patched.stages if stage.stage == BOOT and stage.outcome.is_bad]
    found = [*patched.cases, *(base.cases if base else ())]
    return tuple(dict.fromkeys([*boots, *(case.case for case in found if signature(case))]))


def compare_attempts(
    patched: Sequence[Finding],
    base: Sequence[Finding] | None,
    rule: Rule,
    *,
    boot: Signature = NOTHING,
    boot_of_base: Signature = NOTHING,
    earlier: BaseResult | None = None,
) -> Comparison | None:
    """What all attempts of one case on both kernels say together. None when there is nothing to compare with: no base
    in this run (None), unless earlier runs know it for this failure, or one that lacks what the case needs. `boot` are
    the marks of a first boot that failed; `earlier` is what other runs know about the base.

    What counts in a pair is decided before the pair is looked at: the marks of the failure that was seen first and of
    those that the series showed since, without those that the base has shown by then.
    """
    first = boot or _first(patched)
    said = base or ()
    wanted = first or boot_of_base or _first(said)
    on_base = [found for finding in said if not finding.pair and (found := signature(finding)) is not None]
    known = [frozenset(marks) for marks in earlier.failures] if earlier else []
    seen = NOTHING.union(*(shown(marks, wanted) for marks in (boot_of_base, *on_base, *known)))
    new: list[Pair] = []  # of marks that the base has not shown
    same: list[Pair] = []  # of all marks: the same failure, known on the base or not
    for one, of_base in _pairs(patched, said):
        other = shown(of_base, wanted)
        if fresh := wanted - seen:
            new.append(Pair(patched=bool(one & fresh), base=bool(other & fresh)))
        same.append(Pair(patched=bool(one & wanted), base=bool(other & wanted)))
        seen |= other
        wanted |= one - seen
    is_news = bool(wanted - seen)
    if earlier and not same and not is_news:
        failed = sum(wanted <= shown(marks, wanted) for marks in known)
        if excuse := _known(earlier.runs, failed):
            return excuse
    if base is None or (not same and not boot_of_base and _is_lacking(base)):
        return None
    if is_news:
        return _new(decide(new, rule))
    # what earlier runs saw of a base now and then excuses nothing by itself
    is_on_base = bool(same or boot_of_base or any(on_base))
    return decide(same, replace(rule, seen_with_series=bool(first), seen_on_base=is_on_base))


def _is_lacking(base: Sequence[Finding]) -> bool:
    """Whether the base was asked, and can never say anything about the case."""
    return bool(base) and all(finding.outcome is Outcome.SKIP or finding.is_not_built for finding in base)


def _known(runs: int, failed: int) -> Comparison | None:
    """What needs no pairs: a failure that the base has shown so often that another one with the series says nothing."""
    if failed < KNOWN_LEAST or 2 * failed < runs:
        return None
    words = f"failed {failed} of {runs} times on the base in earlier runs, in the same way"
    return Comparison(Answer.PRE_EXISTING, True, 1.0, 0, failed, 0, words)


def _of_boot(suite: SuiteReport | None, case: str) -> Signature:
    """The marks of the failure of a kernel's first boot; it says nothing about other cases."""
    stage = next((stage for stage in suite.stages if stage.stage == BOOT), None) if suite and case == BOOT else None
    return signature_of_boot(stage) if stage else NOTHING


def _first(findings: Sequence[Finding]) -> Signature:
    """The marks of the worst of the first attempts."""
    first = [finding for finding in findings if not finding.pair and signature(finding)]
    return signature(max(first, key=lambda finding: finding.outcome)) or NOTHING if first else NOTHING


def _pairs(patched: Sequence[Finding], base: Sequence[Finding]) -> Iterable[tuple[Signature, Signature]]:
    """The pairs in which both attempts say something, in order. Of a repeated attempt the last one counts."""
    one, other = ({f.pair: f for f in findings if f.pair} for findings in (patched, base))
    for number in sorted(one.keys() & other.keys()):
        marks = signature(one[number]), signature(other[number])
        if marks[0] is None or marks[1] is None or (marks[1] == NOT_BUILT != marks[0]):
            continue  # what the base does not build it can neither pass nor fail
        yield marks[0], marks[1]


def _new(found: Comparison) -> Comparison:
    """A failure that the base has not shown, though it may have shown one like it: so it cannot be found on both."""
    if found.answer is Answer.FLAKY_AND_WORSE:
        return replace(found, answer=Answer.REGRESSION)
    if found.answer in (Answer.PRE_EXISTING, Answer.FLAKY_NO_WORSE):
        return replace(found, answer=Answer.INCONCLUSIVE, is_settled=False)
    return found


def _by_case(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.case, []).append(finding)
    return found


def _stage(stage: StageResult, base: SuiteReport | None, boots: Comparison | None) -> StageResult:
    """A stage that fails on the base too is not the fault of the patch. A configuration that only the patched tree
    refuses is, whoever requested the symbols."""
    if not stage.outcome.is_bad or base is None:
        return stage
    if stage.stage == BOOT:
        return replace(stage, comparison=boots)
    if stage.stage not in CERTAIN_STAGES:
        return stage  # tests on the host have asked the base's sources themselves
    same = next((other for other in base.stages if other.stage == stage.stage), None)
    if same is None:
        return stage
    if same.outcome.is_bad:
        return replace(stage, also_on_base=_is_as_bad(stage.outcome, same.outcome))
    if stage.is_request_fault:
        return replace(stage, outcome=Outcome.FAIL, is_patch_fault=True, is_request_fault=False)
    return stage


def _is_as_bad(patched: Outcome, base: Outcome) -> bool:
    if Outcome.ERROR in (patched, base):
        return patched is base
    return base >= patched
