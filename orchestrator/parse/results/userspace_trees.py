"""What the programs of tools/testing/radix-tree printed -> results. Pure.

They are the kernel's tests of maple tree, XArray, radix tree, IDR and IDA, each a program. Its exit status says
little: most leave with 0 however many checks failed. So what counts is what they count ("XArray: 7 of 9 tests passed"),
the nodes that were never freed ("nr_allocated = 3"), and what the sanitizers report. Lines of WARN() count as nothing,
since the tests provoke some.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Subtest
from orchestrator.parse.results.userspace_vma import SANITIZER, UserspaceResult
from orchestrator.words import counted

TARGETS = re.compile(r"^TARGETS\s*:?=\s*(.*)$", re.MULTILINE)
PROGRAM = re.compile(r"[\w-]{1,60}")
MOST = 50  # programs
TOTAL = re.compile(r"^(?P<what>[\w ]{1,40}): (?P<passed>\d{1,12}) of (?P<run>\d{1,12}) tests passed$", re.MULTILINE)
BUG = re.compile(r"^(?:BUG|WARN) at (?P<where>\w{1,100}:\d{1,9})\b", re.MULTILINE)
ASSERT = re.compile(
    r"^[\w-]{1,60}: (?:\.\./){0,9}(?P<what>[^\n]{1,600}: Assertion `[^\n]{1,600}' failed\.)$", re.MULTILINE
)
LEFT = re.compile(r"^nr_allocated = (-?\d{1,12})$", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """A program that ended, or was ended; `status` is negative for a signal."""

    name: str
    text: str  # stdout and stderr together
    status: int
    time_s: float = 0.0
    timed_out: bool = False


def targets(makefile: str) -> tuple[str, ...]:
    """The programs that a Makefile builds by default."""
    names = (name for line in TARGETS.findall(makefile) for name in line.split("#")[0].split())
    return tuple(dict.fromkeys(name for name in names if PROGRAM.fullmatch(name)))[:MOST]


def read_programs(ran: Sequence[Ran]) -> UserspaceResult:
    """A subtest for each program."""
    subtests = tuple(_read(one) for one in ran)
    bad = [subtest for subtest in subtests if subtest.outcome.is_bad]
    outcome = max((subtest.outcome for subtest in bad), default=Outcome.PASS)
    return UserspaceResult(outcome, f"{bad[0].name}: {bad[0].message}" if bad else "", subtests, len(ran))


def _read(ran: Ran) -> Subtest:
    problems = _problems(ran)
    if ran.timed_out:
        return Subtest(
            ran.name, Outcome.TIMEOUT, ran.time_s, "; ".join([f"did not end in {ran.time_s:.0f} s", *problems])
        )
    if problems:
        return Subtest(ran.name, Outcome.FAIL, ran.time_s, problems[0], tuple(problems[1:]))
    return Subtest(ran.name, Outcome.PASS, ran.time_s)


def _problems(ran: Ran) -> list[str]:
    """What is wrong, worst first: what ended the program, then what its checks say."""
    reports = [match["asan"] or f"{match['place']}: {match['ubsan']}" for match in SANITIZER.finditer(ran.text)]
    asserted = [match["what"] for match in ASSERT.finditer(ran.text)]
    places = list(dict.fromkeys(BUG.findall(ran.text)))
    failed = [
        f"{counted(int(total['run']) - int(total['passed']), 'check')} of {total['what']} failed"
        for total in TOTAL.finditer(ran.text)
        if total["run"] != total["passed"]
    ]
    if places:
        failed = [f"{' and '.join(failed) or 'a check failed'}, first at {places[0]}"]
    left = [f"{counted(int(count), 'object')} never freed" for count in LEFT.findall(ran.text)]
    found = [*reports[-1:], *asserted, *failed, *left]
    if ran.timed_out or found:
        return found
    if ran.status < 0:
        return [f"ended by signal {-ran.status}"]
    return [f"ended with status {ran.status}"] if ran.status else []
