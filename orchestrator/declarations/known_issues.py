"""known-issues.yaml: kernel reports that are no news."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from orchestrator.declarations.entry import Entry, read_yaml
from orchestrator.errors import BadDeclaration
from orchestrator.judge.known import pattern_problem, range_problem
from orchestrator.model.kernel_report import KnownIssue

KNOWN_ISSUES = "known-issues.yaml"


def read_known_issues(path: Path) -> tuple[KnownIssue, ...]:
    """The entries of a known-issues.yaml. Raises BadDeclaration naming file, entry and key, UsageError."""
    data = read_yaml(path)
    if data is None:
        return ()
    if not isinstance(data, list):
        raise BadDeclaration(f"{path}: must be a list of entries")
    return tuple(_known_issue(path, number, entry) for number, entry in enumerate(data, 1))


def _known_issue(path: Path, number: int, data: Any) -> KnownIssue:
    entry = Entry(path, data, f"entry {number}: ")
    expires = entry.take("expires", date)
    issue = KnownIssue(
        title=entry.take("title", str),
        link=entry.take("link", str),
        expires=expires.isoformat(),
        kconfigs=entry.strings("kconfigs", ()),
        base=str(entry.take("base", str, "")),
    )
    entry.done()
    for what, problem in (("title", pattern_problem(issue.title)), ("base", range_problem(issue.base))):
        if problem:
            raise BadDeclaration(f"{path}: entry {number}: {what}: {problem}")
    return issue
