"""What a kernel that runs KUnit wrote to the console while it booted -> results. Pure.

KUnit's KTAP stands between other lines, each behind printk's time; so only lines with a time are read, which programs
do not write, and a test's time is that since the line of KTAP before it. Beside KUnit's suites are the self-tests of
maple tree, XArray and IDA, which are none and say "XArray: 7 of 7 tests passed".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Subtest
from orchestrator.parse.results import ktap
from orchestrator.parse.results.ktap import KtapReport
from orchestrator.parse.results.userspace_trees import TOTAL
from orchestrator.words import counted

LINE = re.compile(
    r"^(?:<\d{1,3}>)?\[ {0,12}(?P<at>\d{1,12}\.\d{6})\](?: ?\[ {0,8}[TC]\d{1,9}\])? ?(?P<text>[^\r\n]*)", re.MULTILINE
)
RESULT = re.compile(r"[ \t]{0,32}(?:not )?ok \d")
BEGINNING = re.compile(r"[ \t]{0,32}(?:K?TAP version \d|# Subtest: |1\.\.\d)")
UNENDED = "ended without the results of all its tests"
NOTHING = "the kernel printed no KTAP: KUnit ran no suite"


def parse(console: str) -> KtapReport:
    """`problems` are those of the whole: that there is no KTAP at all, or that a suite contradicts its tests. Tests
    that were planned and did not come to have a result say nothing: why is in how the guest ended."""
    lines = "\n".join(_timed(console))
    report = ktap.parse(lines)
    if not report.is_ktap:
        return KtapReport(tuple(_selftests(lines)), None, (NOTHING,))
    return replace(report, subtests=(*_begun(report.subtests), *_selftests(lines)))


def _begun(subtests: Sequence[Subtest]) -> Iterator[Subtest]:
    """Those with a result, and the suite that was begun and in which tests are missing; those that were not begun are
    missing by themselves."""
    unended = dict.fromkeys(s.name.rpartition(".")[0] for s in subtests if ktap.is_missing(s))
    yield from (subtest for subtest in subtests if not ktap.is_missing(subtest))
    yield from (Subtest(suite, Outcome.FAIL, message=UNENDED) for suite in unended if suite)


def _timed(console: str) -> Iterator[str]:
    """The kernel's lines without their times, results with the time that they took."""
    before = 0.0
    for match in LINE.finditer(console):
        text, at = match["text"], float(match["at"])
        if RESULT.match(text):
            yield f"{text} # time={max(0.0, at - before) * 1000:.3f}ms"
            before = at
            continue
        if BEGINNING.match(text):
            before = at
        yield text


def _selftests(lines: str) -> Iterator[Subtest]:
    for total in TOTAL.finditer(lines):
        failed = int(total["run"]) - int(total["passed"])
        what = f"{counted(failed, 'check')} of {total['run']} failed" if failed else ""
        yield Subtest(total["what"], Outcome.FAIL if failed else Outcome.PASS, message=what)
