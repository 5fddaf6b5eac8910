"""One line of KTAP: which lines mean something, and what a result, a comment or a metric says. Pure.

The form of a whole document is ktap's subject.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Metric

MAX_LINE = 2000  # characters kept of a line
MAX_NAME = 300  # characters of a test's own name

# Only lines that can mean something; the rest, megabytes of it at times, is passed over by the regex engine.
_LINE = re.compile(
    r"^(?P<prefix>(?:[ \t]|# ){0,32})"
    r"(?:(?P<version>K?TAP) version \d+"
    r"|1\.\.(?P<plan>\d{1,9})(?:[ \t]+#(?P<plan_note>.*))?(?=[ \t\r]*$)"
    # without a number: "ok" and "ok NAME" may be prose, which only TAP's version line rules out; no failure is lost
    r"|(?P<result>ok|not ok)"
    r"(?:[ \t]+(?P<number>\d{1,9})(?=[ \t\r]|$)|(?=[ \t]+- |(?<=not ok)(?:[ \t\r]|$))|(?P<bare>(?=[ \t\r]|$)))"
    r"(?P<rest>.*)"
    r"|(?i:Bail out!)(?P<bail>.*)"
    r"|(?P<yaml>---|\.\.\.)(?=[ \t\r]*$)"
    r"|(?P<diagnostic>#).*)",
    re.MULTILINE,
)
_STAMP = r"^(?:<\d{1,3}>)?\[ {0,12}\d{1,12}\.\d{6}\](?: ?\[ {0,8}[TC]\d{1,9}\])?"
_STAMPED = re.compile(rf"{_STAMP} [ \t]{{0,32}}K?TAP version ", re.MULTILINE)
_STAMPS = re.compile(rf"{_STAMP} ?", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}[mK]")
_COMMENT = re.compile(r"(?:^|\s)#")
_TIME = re.compile(r"(?:^|[\s#])time=(\d{1,12}(?:\.\d{1,12})?)(ns|us|ms|s)\b")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_DIRECTIVE = re.compile(r"(SKIP|TODO|XFAIL|TIMEOUT|ERROR)(?:PED)?\b[:\s]*(.*)", re.IGNORECASE | re.DOTALL)
_IDLE = re.compile(r"did not exercise\b")  # our harness's own: nothing was wrong, and nothing proved
_SELFTEST = re.compile(r"selftests: [\w./-]{1,200}: \S")


class Result(NamedTuple):
    """A result line. `number` is None where it has none, `name` empty; `is_plain`: its comment gave no outcome. (A
    tuple: a log may have a million of them.)"""

    number: int | None
    name: str
    outcome: Outcome
    message: str
    time_s: float
    is_plain: bool = True


def lines(text: str) -> Iterator[re.Match[str]]:
    """The lines that can mean something, without colours, and without printk's time where all lines stand behind it."""
    if "\x1b[" in text:
        text = _COLOUR.sub("", text)
    return _LINE.finditer(_STAMPS.sub("", text) if _STAMPED.search(text) else text)


def read_result(result: str, digits: str | None, rest: str) -> Result:
    """`[not ]ok NUMBER - NAME # DIRECTIVE REASON`, the time of the comment apart."""
    number = int(digits) if digits else None
    outcome = Outcome.PASS if result == "ok" else Outcome.FAIL
    if not rest:
        return Result(number, "", outcome, "", 0.0)
    description, comment = _split_comment(rest[: 4 * MAX_LINE])
    name = description.removeprefix("-").strip()[:MAX_NAME].replace("\\#", "#")
    if not comment:
        return Result(number, name, outcome, "", 0.0)
    comment, time_s = _take_time(comment)
    if directive := _DIRECTIVE.match(comment):
        outcome, reason = _directed(outcome, directive[1].upper(), directive[2].strip())
        return Result(number, name, outcome, reason[:MAX_LINE], time_s, is_plain=False)
    if outcome is Outcome.FAIL and _IDLE.match(comment):
        return Result(number, name, Outcome.NOT_EXERCISED, comment[:MAX_LINE], time_s, is_plain=False)
    return Result(number, name, outcome, comment[:MAX_LINE], time_s)


def why_skipped(note: str) -> str | None:
    """The reason in the comment of a plan `1..0 # SKIP reason`; None where it says no such thing."""
    directive = _DIRECTIVE.match(note)
    if not directive or directive[1].upper() != "SKIP":
        return None
    return directive[2].strip()[:MAX_LINE] or "skipped"


def subtest_name(comment: str) -> str:
    """Of the comment `Subtest: NAME`; empty where it is another one."""
    return comment[len("Subtest:") :].strip()[:MAX_NAME] if comment.startswith("Subtest:") else ""


def selftest_name(comment: str) -> str:
    """Of the comment `selftests: mm: NAME`, all of it; empty where it is another one."""
    return comment.strip()[:MAX_NAME] if _SELFTEST.match(comment) else ""


def metric(comment: str) -> Metric | None:
    """`metric NAME VALUE UNIT`, the unit of any words; None where it is no finite number."""
    words = comment.split(None, 3)
    if len(words) < 3 or words[0] != "metric":
        return None
    try:
        value = float(words[2])
    except ValueError:
        return None
    return Metric(words[1], value, words[3].rstrip() if words[3:] else "") if math.isfinite(value) else None


def _split_comment(rest: str) -> tuple[str, str]:
    """Description and comment: from the first # that follows white space and is not escaped."""
    match = _COMMENT.search(rest) if "#" in rest else None
    if match is None:
        return rest.strip(), ""
    return rest[: match.start()].strip(), rest[match.end() :].strip()


def _take_time(comment: str) -> tuple[str, float]:
    match = _TIME.search(comment)
    if match is None:
        return comment, 0.0
    rest = f"{comment[: match.start()].rstrip()} {comment[match.end() :].lstrip()}".strip("# ")
    return rest, float(match[1]) * _SECONDS[match[2]]


def _directed(outcome: Outcome, directive: str, reason: str) -> tuple[Outcome, str]:
    if directive == "SKIP":
        return Outcome.SKIP, reason
    if directive == "TIMEOUT":
        return Outcome.TIMEOUT, f"timed out: {reason}" if reason else "timed out"
    if directive == "ERROR":
        return Outcome.ERROR, reason or "error"
    # TODO and XFAIL: known to fail, so a failure is what was expected
    expected = f"expected failure ({directive})" if outcome is Outcome.FAIL else directive
    return Outcome.PASS, f"{expected}: {reason}" if reason else expected
