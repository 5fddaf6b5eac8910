"""known-issues.yaml: kernel reports that are no news."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from orchestrator.declarations.files import read_yaml
from orchestrator.errors import BadDeclaration
from orchestrator.judge.known import pattern_problem, range_problem
from orchestrator.model.kernel_report import KnownIssue

KNOWN_ISSUES = "known-issues.yaml"


def read_known_issues(path: Path) -> tuple[KnownIssue, ...]:
    """The entries of a known-issues.yaml. Raises BadDeclaration naming file, entry and key, UsageError."""
    issues = read_yaml(tuple[KnownIssue, ...], path, empty=())
    for number, issue in enumerate(issues, 1):
        title, base, expires = pattern_problem(issue.title), range_problem(issue.base), _day_problem(issue.expires)
        for what, problem in (("title", title), ("base", base), ("expires", expires)):
            if problem:
                raise BadDeclaration(f"{path}: entry {number}: {what}: {problem}")
    return issues


def _day_problem(day: str) -> str:
    try:
        is_day = date.fromisoformat(day).isoformat() == day  # 20260630 is one to it, too
    except ValueError:
        is_day = False
    return "" if is_day else f"expected a day like 2026-06-30, got {day!r}"
