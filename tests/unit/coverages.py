"""A coverage with a statement in each state."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.evidence.coverage import ways
from orchestrator.model.coverage import (
    CaseHits,
    CopyHits,
    Coverage,
    FileCoverage,
    LineState,
    PartWays,
    StatementCoverage,
    Way,
    Ways,
)
from orchestrator.model.kernel import Role
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import COVERAGE, CaseResult, RunReport, StageResult, SuiteReport


def statement(line: int, state: LineState, *, last: int = 0, hits: int = 0, text: str = "x();") -> StatementCoverage:
    last = last or line
    cases = (CaseHits("boot", 1), CaseHits("scale", hits - 1)) if hits > 1 else ()
    return StatementCoverage(
        line, last, tuple(range(line, last + 1)), text, "f", state, "", cases, (CopyHits("f", hits),)
    )  # fmt: skip


HIT = statement(10, LineState.HIT, last=11, hits=6)
MISSED = statement(20, LineState.NEVER_HIT, last=22, text="if (a && <b>)")
OTHERS = (
    statement(30, LineState.OPTIMISED),
    statement(40, LineState.NOT_COMPILED),
    statement(50, LineState.NO_CODE),
)
FOUND = Coverage(
    (
        FileCoverage("mm/memory.c", (HIT, MISSED, *OTHERS)),
        FileCoverage("include/linux/mm.h", (statement(5, LineState.HIT, hits=2), statement(6, LineState.HIT, hits=3))),
    ),
    ("boot", "scale"),
)
NOTHING = Coverage((FileCoverage("mm/nommu.c", (statement(3, LineState.NOT_COMPILED),)),), ("boot",))
STAGE = StageResult(COVERAGE, Outcome.PASS, 1.0, "4 changed statements at 9 instructions")


def suite(found: Coverage | None = FOUND, name: str = "base", stage: StageResult = STAGE) -> SuiteReport:
    passed = CaseResult("scale", Outcome.PASS, Outcome.PASS, "", 1.0)
    return SuiteReport(
        f"{name}.patched", name, Role.PATCHED, (stage,), (passed,), "2026-11-28T10:00:00", coverage=found
    )


def report(*suites: SuiteReport) -> RunReport:
    return RunReport(
        "fix", "0" * 64, Verdict.CLEAN, "1 case passed", suites, "/runs/1", "2026-11-28T10:00:00", 1.0, "h"
    )


def condition(line: int, *parts: PartWays, text: str = "if (a && b)") -> StatementCoverage:
    """A condition that ran, with what is to be said of its parts."""
    return replace(statement(line, LineState.HIT, hits=9, text=text), ways=ways.told(parts), parts=parts)


def part(line: int, *pairs: tuple[str, int], token: str = "(", column: int = 5, is_call: bool = False) -> PartWays:
    return PartWays(line, column, token, is_call, tuple(Way(to, count) for to, count in pairs))


CONDITIONS = Coverage(
    (
        FileCoverage(
            "mm/vma.c",
            (
                condition(10, part(10, ("mm/vma.c:11", 4), ("mm/vma.c:12", 5)), text="if (c)"),
                condition(
                    20,
                    part(20, ("mm/vma.c:20", 7), ("mm/vma.c:23", 2)),
                    part(20, ("mm/vma.c:21", 7), ("mm/vma.c:23", 0), token="&&", column=8),
                ),
                condition(
                    30, part(30, ("mm/vma.c:31", 0), ("beyond f()", 9), token="put", is_call=True), text="if (put(r))"
                ),
                condition(40, text="x = c ? 1 : 2;"),
                replace(
                    MISSED, line=50, last_line=50, changed=(50,), ways=Ways.NONE, parts=(part(50, ("a", 0), ("b", 0)),)
                ),
            ),
        ),
    ),
    ("boot", "scale"),
)
