"""Output of gcc, sparse and checkpatch -> findings, and which of them are new. Pure."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Sequence

from orchestrator.model.static_finding import Severity, StaticFinding

# "../mm/vma.c:12:6: warning: unused variable 'x' [-Wunused-variable]"; sparse has no option behind it
DIAGNOSTIC = re.compile(
    r"^(?P<file>[^\s:]+):(?P<line>\d{1,9}):(?:\d+:)? (?:fatal )?(?P<severity>error|warning): (?P<message>.+)$"
)
# sparse, about the types in the line before: "../mm/vma.c:12:6:    expected struct page *page"
TYPES = re.compile(r"^[^\s:]+:\d+:\d+: {2,}(?P<message>(?:expected|got|struct|union|void|int) ?.*)$")
CHECKPATCH = re.compile(
    r"^(?P<file>[^:\n]*):(?P<line>\d{1,9}): (?P<severity>ERROR|WARNING|CHECK):(?P<message>[A-Z0-9_]+: .+)$",
    re.MULTILINE,
)
# as StaticFinding.words writes them
TOLD = re.compile(
    r"^(?P<file>[^:\n]+):(?P<line>\d+): (?P<severity>error|warning|check): (?P<message>.+) \[(?P<tool>[^\]\s]+)\]$",
    re.MULTILINE,
)
MAX_MESSAGE = 2000  # characters, after which no more types are told
# a frame of 1032 bytes; __UNIQUE_ID_x_742, of which the compiler counts how many a source has
NUMBER = re.compile(r"\b\d+\b|(?<=__UNIQUE_ID_)(\w+?)\d+\b")


def diagnostics(tool: str, log: str) -> tuple[StaticFinding, ...]:
    """What gcc or sparse said in a build log, sorted by file and line, because make's order is random. A diagnostic
    of a header counts once, however many sources include it."""
    found: list[StaticFinding] = []
    for line in log.splitlines():
        if match := DIAGNOSTIC.match(line):
            severity = Severity(match["severity"])
            file = posixpath.normpath(match["file"].removeprefix("../"))  # make calls the source tree `..`
            found.append(StaticFinding(tool, file, int(match["line"]), severity, match["message"]))
        elif found and len(found[-1].message) < MAX_MESSAGE and (match := TYPES.match(line)):
            last = found.pop()
            message = f"{last.message}; {' '.join(match['message'].split())}"
            found.append(StaticFinding(tool, last.file, last.line, last.severity, message))
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: (finding.file, finding.line)))


def checkpatch_findings(text: str) -> tuple[StaticFinding, ...]:
    """The output of `checkpatch.pl --terse --show-types --showfile` for a diff. It cannot check one that only
    renames."""
    return tuple(
        StaticFinding(
            "checkpatch", match["file"], int(match["line"]), Severity(match["severity"].lower()), match["message"]
        )
        for match in CHECKPATCH.finditer(text)
        if not match["message"].startswith("NOT_UNIFIED_DIFF: ")
    )


def findings_told(text: str) -> tuple[StaticFinding, ...]:
    """The findings about a line of a file that the `words` in a text tell."""
    return tuple(
        StaticFinding(match["tool"], match["file"], int(match["line"]), Severity(match["severity"]), match["message"])
        for match in TOLD.finditer(text)
    )


def new_findings(before: Sequence[StaticFinding], after: Sequence[StaticFinding]) -> tuple[StaticFinding, ...]:
    """The findings of `after` that `before` does not have. The same words about the same file are the same finding,
    whatever the line. If there are more of one than before, the last ones are new."""
    known = Counter(map(_identity, before))
    fresh = []
    for finding in after:
        if known[_identity(finding)] > 0:
            known[_identity(finding)] -= 1
        else:
            fresh.append(finding)
    return tuple(fresh)


def first_with(finding: StaticFinding, seen: Sequence[Sequence[StaticFinding]]) -> int:
    """The number, from 1, of the first of several lists that has the finding, or the same words about the same file."""
    which = (number for number, found in enumerate(seen, 1) if _identity(finding) in map(_identity, found))
    return next(which, len(seen))


def _identity(finding: StaticFinding) -> tuple[str, str, Severity, str]:
    """A finding without the numbers in its message that change with unrelated lines."""
    return finding.tool, finding.file, finding.severity, NUMBER.sub(r"\1N", finding.message)
