"""The map of a kernel's changed statements + what each case executed -> the coverage. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.evidence.coverage.told import never_hit, sentence
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


def coverage(code: CodeMap, hits: Sequence[tuple[str, Hits]]) -> Coverage:
    """`hits`: what was executed by a case, or while a guest booted; a case may be in it more than once."""
    cases = tuple(dict.fromkeys(case for case, _ in hits))
    files = (
        FileCoverage(file.file, tuple(_statement(one, cases, hits) for one in file.statements)) for file in code.files
    )
    return Coverage(tuple(files), cases)


def _statement(one: ChangedStatement, cases: Sequence[str], hits: Sequence[tuple[str, Hits]]) -> StatementCoverage:
    by_case = dict.fromkeys(cases, 0)
    by_copy = [0] * len(one.copies)
    for case, found in hits:
        for number, copy in enumerate(one.copies):
            # An execution passes several of a copy's instructions, and may pass by some: the most that one was executed
            count = max(found.get(address, 0) for address in copy.addresses)
            by_case[case] += count
            by_copy[number] += count
    is_hit = any(by_case.values())
    return StatementCoverage(
        line=one.line,
        last_line=one.last_line,
        changed=one.changed,
        text=one.text,
        function=one.function,
        state=LineState.HIT if is_hit and one.state is LineState.NEVER_HIT else one.state,
        why=one.why,
        cases=tuple(CaseHits(case, count) for case, count in by_case.items() if count),
        copies=tuple(CopyHits(copy.function, count) for copy, count in zip(one.copies, by_copy, strict=True)),
    )


def with_result(suite: SuiteReport, least: float | None) -> SuiteReport:
    """The suite with its stage that measured coverage saying what was measured. `least`: the share in percent that has
    to run (None: any will do); less is a failure, and a coverage that was not measured an error."""
    stages = tuple(
        _result(stage, suite.coverage, least) if stage.stage == COVERAGE else stage for stage in suite.stages
    )
    return replace(suite, stages=stages)


def _result(stage: StageResult, found: Coverage | None, least: float | None) -> StageResult:
    if found is None or not found.cases:
        nothing = Outcome.SKIP if least is None else Outcome.ERROR
        hint = "" if least is None else f"--coverage-min {least:g} needs it"
        message = (
            stage.message if found is None else "not measured: no guest executed this kernel where its vmlinux lies"
        )
        return replace(stage, outcome=max(nothing, stage.outcome), message=message, hint=stage.hint or hint)
    missed = never_hit(found)
    told = replace(stage, message=sentence(found), detail="\n".join(["never hit:", *missed]) if missed else "")
    if least is None or is_enough(found, least):
        return told
    return replace(told, outcome=Outcome.FAIL, message=f"{told.message}: --coverage-min {least:g} is not reached")


def is_enough(found: Coverage, least: float) -> bool:
    """Where nothing can run it is enough, unless something is there that another kconfig would compile."""
    if found.percent is None:
        return not found.number(LineState.NOT_COMPILED, LineState.OPTIMISED)
    return found.percent >= least
