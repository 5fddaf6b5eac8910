"""A coverage with a statement in each state."""

from __future__ import annotations

from orchestrator.model.coverage import CaseHits, CopyHits, Coverage, FileCoverage, LineState, StatementCoverage
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
