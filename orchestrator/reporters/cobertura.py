"""Coverage as Cobertura's XML (coverage-04.dtd), which GitLab shows in merge requests and Jenkins reads. Pure.

Cobertura knows no kernels: a line's hits are those of all kernels together. The lines are those of the lcov file; so
are the branches: a part of a condition that leads to the same lines in two kernels is the same.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree import ElementTree

from orchestrator.model.coverage import StatementCoverage
from orchestrator.model.report import RunReport
from orchestrator.reporters.lcov import counts
from orchestrator.reporters.text import visible

DOCTYPE = b'<!DOCTYPE coverage SYSTEM "coverage-04.dtd">\n'
_HEADER = b'<?xml version="1.0" encoding="UTF-8"?>\n'
Way = tuple[int, int, str, int, int]  # a part's place, where it leads, how many such are before it, which way


@dataclass
class Line:
    """How often a line was executed, and how often its branches were."""

    hits: int = 0
    ways: Counter[Way] = field(default_factory=Counter)

    @property
    def covered(self) -> int:
        return sum(count > 0 for count in self.ways.values())


Lines = dict[int, Line]


def content(report: RunReport) -> bytes | None:
    """The whole file; None if no coverage was measured."""
    measured = [suite.coverage for suite in report.suites if suite.coverage and suite.coverage.cases]
    if not measured:
        return None
    files: dict[str, Lines] = {}
    for found in measured:
        for file in found.files:
            for line, count in counts(file).items():
                files.setdefault(file.file, {}).setdefault(line, Line()).hits += count
            for one in file.statements:
                for way, count in _ways(one):
                    files[file.file][one.line].ways[way] += count
    return _HEADER + DOCTYPE + _document(report, files)


def _ways(one: StatementCoverage) -> Iterator[tuple[Way, int]]:
    seen: Counter[tuple[int, int, str]] = Counter()
    for part in one.parts:
        place = (part.line, part.column, " ".join(sorted(way.to for way in part.ways)))
        for number, way in enumerate(sorted(part.ways, key=lambda way: way.to)):
            yield (*place, seen[place], number), way.count
        seen[place] += 1


def _document(report: RunReport, files: Mapping[str, Lines]) -> bytes:
    every = [line for lines in files.values() for line in lines.values()]
    root = ElementTree.Element(
        "coverage",
        {
            **_rates(every),
            "lines-covered": str(sum(line.hits > 0 for line in every)),
            "lines-valid": str(len(every)),
            "branches-covered": str(sum(line.covered for line in every)),
            "branches-valid": str(sum(len(line.ways) for line in every)),
            "complexity": "0",
            "version": report.version or "0",
            "timestamp": _timestamp(report.started),
        },
    )
    sources = ElementTree.SubElement(root, "sources")
    ElementTree.SubElement(sources, "source").text = "."  # files are named from the top of the kernel tree
    packages = ElementTree.SubElement(root, "packages")
    directories: dict[str, dict[str, Lines]] = {}
    for file, lines in sorted(files.items()):
        directories.setdefault(posixpath.dirname(file) or ".", {})[file] = lines
    for directory, inside in directories.items():
        of_all = [line for lines in inside.values() for line in lines.values()]
        package = ElementTree.SubElement(packages, "package", {"name": visible(directory), **_rates(of_all)})
        package.set("complexity", "0")
        classes = ElementTree.SubElement(package, "classes")
        for file, lines in inside.items():
            named = {"name": visible(posixpath.basename(file)), "filename": visible(file)}
            each = ElementTree.SubElement(
                classes, "class", {**named, **_rates(list(lines.values())), "complexity": "0"}
            )
            ElementTree.SubElement(each, "methods")
            listed = ElementTree.SubElement(each, "lines")
            for number, line in sorted(lines.items()):
                _add_line(listed, number, line)
    ElementTree.indent(root, " ")
    data: bytes = ElementTree.tostring(root, encoding="utf-8")
    return data + b"\n"


def _add_line(listed: ElementTree.Element, number: int, line: Line) -> None:
    shown = ElementTree.SubElement(listed, "line", number=str(number), hits=str(line.hits), branch="false")
    if not line.ways:
        return
    share = f"{100 * line.covered // len(line.ways)}%"
    shown.set("branch", "true")
    shown.set("condition-coverage", f"{share} ({line.covered}/{len(line.ways)})")
    conditions = ElementTree.SubElement(shown, "conditions")
    parts: dict[tuple[object, ...], list[bool]] = {}
    for way, count in line.ways.items():
        parts.setdefault(way[:-1], []).append(count > 0)
    for at, gone in enumerate(parts.values()):
        coverage = f"{100 * sum(gone) // len(gone)}%"
        ElementTree.SubElement(conditions, "condition", number=str(at), type="jump", coverage=coverage)


def _timestamp(started: str) -> str:
    """Seconds since 1970; 0 where the report does not say when it began."""
    try:
        return str(int(datetime.fromisoformat(started).replace(tzinfo=UTC).timestamp()))
    except (ValueError, OverflowError):
        return "0"


def _rates(lines: Sequence[Line]) -> dict[str, str]:
    return {
        "line-rate": _rate(sum(line.hits > 0 for line in lines), len(lines)),
        "branch-rate": _rate(sum(line.covered for line in lines), sum(len(line.ways) for line in lines)),
    }


def _rate(covered: int, valid: int) -> str:
    return f"{covered / valid if valid else 1.0:.4f}"
