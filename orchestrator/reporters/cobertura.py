"""Coverage as Cobertura's XML (coverage-04.dtd), which GitLab shows in merge requests and Jenkins reads. Pure.

Cobertura knows no kernels: a line's hits are those of all kernels together. The lines are those of the lcov file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from datetime import UTC, datetime
from xml.etree import ElementTree

from orchestrator.model.report import RunReport
from orchestrator.reporters.lcov import counts
from orchestrator.reporters.text import visible

DOCTYPE = b'<!DOCTYPE coverage SYSTEM "coverage-04.dtd">\n'
_HEADER = b'<?xml version="1.0" encoding="UTF-8"?>\n'
Lines = dict[int, int]


def content(report: RunReport) -> bytes | None:
    """The whole file; None if no coverage was measured."""
    measured = [suite.coverage for suite in report.suites if suite.coverage and suite.coverage.cases]
    if not measured:
        return None
    files: dict[str, Lines] = {}
    for found in measured:
        for file in found.files:
            for line, count in counts(file).items():
                lines = files.setdefault(file.file, {})
                lines[line] = lines.get(line, 0) + count
    return _HEADER + DOCTYPE + _document(report, files)


def _document(report: RunReport, files: Mapping[str, Lines]) -> bytes:
    every = [count for lines in files.values() for count in lines.values()]
    root = ElementTree.Element(
        "coverage",
        {
            **_rates(every),
            "lines-covered": str(sum(count > 0 for count in every)),
            "lines-valid": str(len(every)),
            "branches-covered": "0",
            "branches-valid": "0",
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
        of_all = [count for lines in inside.values() for count in lines.values()]
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
            for line, count in sorted(lines.items()):
                ElementTree.SubElement(listed, "line", number=str(line), hits=str(count), branch="false")
    ElementTree.indent(root, " ")
    data: bytes = ElementTree.tostring(root, encoding="utf-8")
    return data + b"\n"


def _timestamp(started: str) -> str:
    """Seconds since 1970; 0 where the report does not say when it began."""
    try:
        return str(int(datetime.fromisoformat(started).replace(tzinfo=UTC).timestamp()))
    except (ValueError, OverflowError):
        return "0"


def _rates(counts_: list[int]) -> dict[str, str]:
    rate = sum(count > 0 for count in counts_) / len(counts_) if counts_ else 1.0
    return {"line-rate": f"{rate:.4f}", "branch-rate": "0"}
