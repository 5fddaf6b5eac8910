"""The map of a kernel's changed statements + what each case executed -> the coverage. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.evidence.coverage import ways
from orchestrator.evidence.coverage.told import never_hit, one_way, sentence
from orchestrator.model.coverage import (
    CaseHits,
    ChangedStatement,
    CodeMap,
    CopyHits,
    Coverage,
    FileCoverage,
    LineState,
    StatementCoverage,
)
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import COVERAGE, StageResult, SuiteReport

Hits = Mapping[int, int]  # how often the instruction at an address was executed


def coverage(code: CodeMap, hits: Sequence[tuple[str, Hits]], gone: ways.Gone | None = None) -> Coverage:
    """`hits`: what was executed by a case, or while a guest booted; a case may be in it more than once. `gone`: which
    ways jumps went in all of them together; None: that was not counted."""
    cases = tuple(dict.fromkeys(case for case, _ in hits))
    files = (
        FileCoverage(file.file, tuple(_statement(one, cases, hits, gone) for one in file.statements))
        for file in code.files
    )
    return Coverage(tuple(files), cases, no_ways=code.no_ways)


def _statement(
    one: ChangedStatement,
    cases: Sequence[str],
    hits: Sequence[tuple[str, Hits]],
    gone: ways.Gone | None,
) -> StatementCoverage:
    by_case = dict.fromkeys(cases, 0)
    by_copy = [0] * len(one.copies)
    for case, found in hits:
        for number, copy in enumerate(one.copies):
            # An execution passes several of a copy's instructions, and may pass by some: the most that one was executed
            count = max(found.get(address, 0) for address in copy.addresses)
            by_case[case] += count
            by_copy[number] += count
    is_hit = any(by_case.values())
    parts = [ways.of_copy(copy, gone) if gone is not None else () for copy in one.copies]
    united = ways.united(parts)
    is_told = gone is not None and one.is_condition and one.state.is_counted
    return StatementCoverage(
        line=one.line,
        last_line=one.last_line,
        changed=one.changed,
        text=one.text,
        function=one.function,
        state=LineState.HIT if is_hit and one.state is LineState.NEVER_HIT else one.state,
        why=one.why,
        cases=tuple(CaseHits(case, count) for case, count in by_case.items() if count),
        copies=tuple(
            CopyHits(copy.function, count, own) for copy, count, own in zip(one.copies, by_copy, parts, strict=True)
        ),
        ways=ways.told(united) if is_told else None,
        parts=united,
    )


def with_result(suite: SuiteReport, least: float | None) -> SuiteReport:
    """The suite with its stage that measured coverage saying what was measured. `least`: the share in percent that has
    to run (None: any will do); less is a failure, and a coverage that was not measured an error."""
    stages = tuple(
        _result(stage, suite.coverage, least) if stage.stage == COVERAGE else stage for stage in suite.stages
    )
    return replace(suite, stages=stages)


def _result(stage: StageResult, found: Coverage | None, least: float | None) -> StageResult:
    if found is None or not found.cases or (found.absent and least is None):
        nothing = Outcome.SKIP if least is None else Outcome.ERROR
        hint = "" if least is None else f"--coverage-min {least:g} needs it"
        message = stage.message if found is None else _why_nothing(found)
        return replace(stage, outcome=max(nothing, stage.outcome), message=message, hint=stage.hint or hint)
    lists = (("never hit:", never_hit(found)), ("some ways only:", one_way(found)))
    detail = "\n".join(line for name, lines in lists if lines for line in (name, *lines))
    told = replace(stage, message=sentence(found), detail=detail)
    if least is None or is_enough(found, least):
        return told
    return replace(told, outcome=Outcome.FAIL, message=f"{told.message}: --coverage-min {least:g} is not reached")


def _why_nothing(found: Coverage) -> str:
    if not found.counted:
        return "nothing to measure: " + (found.absent or found.summary)
    return "not measured: no guest executed this kernel where its vmlinux lies"


def is_enough(found: Coverage, least: float) -> bool:
    """Where nothing can run it is enough, unless something is there that another kconfig would compile."""
    if found.percent is None:
        return not found.number(LineState.NOT_COMPILED, LineState.OPTIMISED)
    return found.percent >= least
