"""known-issues.yaml: kernel reports that are no news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestrator.declarations.files import read_yaml
from orchestrator.errors import BadDeclaration
from orchestrator.judge.known import pattern_problem, range_problem
from orchestrator.model.kernel_report import KnownIssue

KNOWN_ISSUES = "known-issues.yaml"


@dataclass(frozen=True)
class _Entry:
    title: str
    link: str
    expires: date
    kconfigs: tuple[str, ...] = ()
    base: str = ""


def read_known_issues(path: Path) -> tuple[KnownIssue, ...]:
    """The entries of a known-issues.yaml. Raises BadDeclaration naming file, entry and key, UsageError."""
    entries = read_yaml(tuple[_Entry, ...], path, empty=())
    for number, entry in enumerate(entries, 1):
        for what, problem in (("title", pattern_problem(entry.title)), ("base", range_problem(entry.base))):
            if problem:
                raise BadDeclaration(f"{path}: entry {number}: {what}: {problem}")
    return tuple(KnownIssue(e.title, e.link, e.expires.isoformat(), e.kconfigs, e.base) for e in entries)
