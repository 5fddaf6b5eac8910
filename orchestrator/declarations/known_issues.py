"""known-issues.yaml: kernel reports that do not count as failures."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from orchestrator.declarations.files import read_yaml
from orchestrator.errors import BadDeclaration
from orchestrator.judge.known import range_problem
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.parse.expressions import title_problem

KNOWN_ISSUES = "known-issues.yaml"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_known_issues(path: Path) -> tuple[KnownIssue, ...]:
    """The entries of a known-issues.yaml. Raises BadDeclaration naming file, entry and key, UsageError."""
    issues = read_yaml(tuple[KnownIssue, ...], path, empty=())
    for number, issue in enumerate(issues, 1):
        title, base, expires = title_problem(issue.title), range_problem(issue.base), _day_problem(issue.expires)
        for what, problem in (("title", title), ("base", base), ("expires", expires)):
            if problem:
                raise BadDeclaration(f"{path}: entry {number}: {what}: {problem}")
    return issues


def _day_problem(day: str) -> str:
    """Why a text is no day; empty if it is one."""
    if not DAY.fullmatch(day):
        return f"expected a day like 2026-06-30, got {day[:40]!r}"
    try:
        date.fromisoformat(day)
    except ValueError as error:
        return f"there is no {day}: {error}"
    return ""
