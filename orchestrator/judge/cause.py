"""Why a case is bad, in the most telling words that are known. Pure."""

from __future__ import annotations

from orchestrator.model.outcome import Outcome, worst
from orchestrator.model.report import Finding


def cause(finding: Finding) -> str:
    """The kernel's own words about what ended the case, else those of the post-mortem. An earlier report, such as a
    warning before a hang, comes first: it may be the cause."""
    said = worst([Outcome.PASS, *(report.outcome for report in finding.kernel_reports)])
    if not finding.diagnosis or not finding.run_outcome.is_bad or said >= finding.run_outcome:
        return finding.message
    return f"{finding.message}; then {finding.diagnosis}" if said.is_bad else finding.diagnosis
