"""What the base says about a failure, in the same words in every report. Pure."""

from __future__ import annotations

from orchestrator.model.report import CaseResult, StageResult


def compared(item: StageResult | CaseResult) -> str:
    """`regression: failed 5 of 5 with the series and 0 of 5 without`; empty if it was not compared."""
    if item.comparison:
        return f"{item.comparison.answer.value}: {item.comparison.words}"
    return "the base fails here too" if item.also_on_base else ""
