"""What tools/testing/vma printed -> results. Pure.

The program says only what fails: an assertion's place and the test that it belongs to, and how many tests ran. The
names of those that pass are in its preprocessed source, whichever file and macro registers them: each test has a
message `"Test " "NAME" " FAILED\\n"` of its own there, in the order in which the tests run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Subtest

NAME = re.compile(r'"Test "\s*"(\w+)"\s*" FAILED\\n"')
FAILED = re.compile(r"^Test (\w+) FAILED$", re.MULTILINE)
ASSERT = re.compile(r"^Assert FAILED at (?P<place>[^\s:]+:\d+):(?P<function>\w+)\(\): (?P<what>.+?)\.?$", re.MULTILINE)
TOTAL = re.compile(
    r"^(?P<run>\d{1,9}) tests run, (?P<passed>\d{1,9}) passed, (?P<failed>\d{1,9}) failed\.$", re.MULTILINE
)
# "SUMMARY: AddressSanitizer: heap-use-after-free vma.c:12 in f", "vma.c:12:3: runtime error: shift ..."
SANITIZER = re.compile(
    r"^(?:SUMMARY: (?P<asan>(?:Address|Leak)Sanitizer: .+)|(?P<place>[^\s:]+:\d+:\d+): runtime error: (?P<ubsan>.+))$",
    re.MULTILINE,
)
FRAME = re.compile(r"^ +#\d+ 0x[0-9a-f]+ in test_(\w+) ", re.MULTILINE)
ENDED_EARLY = "no result: the program ended before it"


@dataclass(frozen=True)
class UserspaceResult:
    """`message` is empty when all is well, else the first thing that is wrong. `run` is how many tests the program
    says it ran, None when it did not come to say so."""

    outcome: Outcome
    message: str
    subtests: tuple[Subtest, ...]
    run: int | None = None


def names_of_tests(preprocessed: str) -> tuple[str, ...]:
    """The tests of the program, in the order in which their registrations are compiled."""
    return tuple(dict.fromkeys(NAME.findall(preprocessed)))


def read_result(text: str, names: Sequence[str], status: int, timed_out: bool = False) -> UserspaceResult:
    """`text` is stdout and stderr together, `status` that of the program, negative for a signal."""
    failed = _failed(text)
    known = tuple(dict.fromkeys([*names, *failed]))
    said = [f"{name}: {why}" for name, why in failed.items()]
    reports = [match["asan"] or f"{match['place']}: {match['ubsan']}" for match in SANITIZER.finditer(text)]
    if total := TOTAL.search(text):
        problems = said + reports
        if status != 0 and not problems:
            problems = [f"exit status {status}, though no test failed"]
        run = int(total["run"])
        # a test that is compiled and not called has no result; which one that is, nobody says
        known = known if len(known) == run else tuple(failed)
        return _result(Outcome.FAIL if problems else Outcome.PASS, problems, known, failed, len(known), run)
    # what made it end is said last; the failures before are results all the same
    how = "did not end" if timed_out else f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
    problems = [*reports[-1:], *([how] if timed_out or not reports else []), *said]
    last = _ended_in(text)
    reached = known.index(last) if last in known else 0
    if last in known:
        failed[last] = problems[0]
    return _result(Outcome.TIMEOUT if timed_out else Outcome.FAIL, problems, known, failed, reached)


def _failed(text: str) -> dict[str, str]:
    """Tests that failed, each with its assertion."""
    failed = dict.fromkeys(FAILED.findall(text), "not ok")
    for match in ASSERT.finditer(text):
        name = match["function"].removeprefix("test_")
        if name in failed:
            failed[name] = f"{match['place']}: {match['what']}"
    return failed


def _ended_in(text: str) -> str:
    """The test that the program's last stack goes through. The first stack of a report is that of the access."""
    at = text.find("ERROR: AddressSanitizer")
    match = FRAME.search(text, max(at, 0))
    return match[1] if match else ""


def _result(
    outcome: Outcome,
    problems: Sequence[str],
    names: Sequence[str],
    failed: Mapping[str, str],
    reached: int,
    run: int | None = None,
) -> UserspaceResult:
    """Tests run in order: those before `reached` had their turn, and passed unless they failed."""
    subtests = tuple(
        Subtest(name, Outcome.FAIL, message=failed[name])
        if name in failed
        else Subtest(name, Outcome.PASS)
        if at < reached
        else Subtest(name, Outcome.SKIP, message=ENDED_EARLY)
        for at, name in enumerate(names)
    )
    return UserspaceResult(outcome, problems[0] if problems else "", subtests, run)
