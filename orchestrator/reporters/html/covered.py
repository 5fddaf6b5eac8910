"""What ran of the changed lines, as notes about lines of the diff. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.evidence.coverage.told import never_gone
from orchestrator.model.coverage import LineState, Ways
from orchestrator.model.kernel import Role
from orchestrator.model.report import RunReport
from orchestrator.reporters.html.diff import LineNote

COVERED, NOT_COVERED, PARTLY = "covered", "not-covered", "partly-covered"


def covered(report: RunReport) -> Iterator[LineNote]:
    """A note for each changed line that a kernel under test executed, or has and did not execute. Of several kernels
    one that executed it is enough, and of a condition one in which it went every way. Lines of which nothing can be
    told have none."""
    found: dict[tuple[str, int], tuple[bool, bool]] = {}  # file and line -> executed, first line of its statement
    partly: dict[tuple[str, int], str] = {}  # of the first lines of conditions: what they never did, in any kernel
    whole: set[tuple[str, int]] = set()
    for suite in report.suites:
        if suite.coverage is None or suite.role is not Role.PATCHED:
            continue
        for file in suite.coverage.files:
            for statement in file.statements:
                if not statement.state.is_counted:
                    continue
                for line in statement.changed:
                    was_hit, _ = found.get((file.file, line), (False, False))
                    is_hit = was_hit or statement.state is LineState.HIT
                    found[file.file, line] = (is_hit, line == statement.changed[0])
                if statement.ways is Ways.SOME and statement.changed:
                    partly[file.file, statement.changed[0]] = "; ".join(never_gone(file, statement))
                elif statement.ways is Ways.ALL and statement.changed:
                    whole.add((file.file, statement.changed[0]))
    for (name, line), (is_hit, is_first) in sorted(found.items()):
        words = partly.get((name, line), "") if is_hit and (name, line) not in whole else ""
        if words:
            yield LineNote(name, line, PARTLY, words)
            continue
        words = "" if is_hit or not is_first else "no case executed this"
        yield LineNote(name, line, COVERED if is_hit else NOT_COVERED, words)
