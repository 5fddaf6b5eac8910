"""Coverage as an lcov tracefile: the changed statements of each kernel, as a test of the kernel's name. Pure.

A changed line that continues a statement has the statement's count: readers that look at changed lines alone would
miss it otherwise. Statements that cannot run are left out, as lcov does with lines without code.

A part of a condition is a block of branches, its ways, at the condition's first line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.model.coverage import FileCoverage
from orchestrator.model.report import RunReport


def content(report: RunReport) -> bytes | None:
    """The whole file; None if no coverage was measured."""
    measured = [(suite.name, suite.coverage) for suite in report.suites if suite.coverage and suite.coverage.cases]
    if not measured:
        return None
    lines = [line for name, found in measured for file in found.files for line in _record(name, file)]
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace") if lines else b""


def counts(file: FileCoverage) -> dict[int, int]:
    """How often each line of the statements that can run was executed, by its number, ascending."""
    found = {
        line: one.count for one in file.statements if one.state.is_counted for line in sorted({one.line, *one.changed})
    }
    return dict(sorted(found.items()))


def _record(name: str, file: FileCoverage) -> Iterator[str]:
    lines = counts(file)
    if not lines:
        return
    yield f"TN:{re.sub(r'[^A-Za-z0-9_]', '_', name)}"  # what lcov takes as the name of a test
    yield f"SF:{file.file}"
    yield from (f"DA:{line},{count}" for line, count in lines.items())
    yield f"LF:{len(lines)}"
    yield f"LH:{sum(count > 0 for count in lines.values())}"
    yield from _branches(file)
    yield "end_of_record"


def _branches(file: FileCoverage) -> Iterator[str]:
    found = [
        (one.line, block, branch, way.count, part.is_reached)
        for one in file.statements
        for block, part in enumerate(one.parts)
        for branch, way in enumerate(part.ways)
    ]
    if found:  # "-": nothing came to the part
        for line, block, branch, count, is_reached in found:
            yield f"BRDA:{line},{block},{branch},{count if is_reached else '-'}"
        yield f"BRF:{len(found)}"
        yield f"BRH:{sum(count > 0 for *_, count, _ in found)}"
