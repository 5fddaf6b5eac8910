"""KTAP version 1, and TAP 13/14 as kselftests print it, to subtests.

Two kinds of nesting are read: lines that are indented (KTAP: two spaces, KUnit: four) and lines that kselftest's runner
prefixed with "# ". A level opens with its version line. Lines of no known form are allowed anywhere.
Format: Documentation/dev-tools/ktap.rst of the kernel.
"""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass, field

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Metric, Subtest
from orchestrator.words import counted

MAX_DIAGNOSTICS = 200  # lines kept for one subtest, the last ones
MAX_LINE = 2000  # characters kept of a line
MAX_MISSING = 1000  # planned tests without a result that are listed one by one

# Only lines that can mean something; the rest, megabytes of it at times, is passed over by the regex engine.
_MISSING = "planned, but no result"
_LINE = re.compile(
    r"^(?P<prefix>(?:  |# ){0,16})"
    r"(?:(?P<version>K?TAP version \d+)"
    r"|1\.\.(?P<plan>\d{1,9})(?:[ \t]+#(?P<plan_note>.*))?(?=[ \t\r]*$)"
    r"|(?P<result>ok|not ok)(?:[ \t]+(?P<number>\d{1,9})(?=[ \t\r]|$)|[ \t]+(?=- )|(?<=not ok)(?=[ \t\r]|$))"
    r"(?P<rest>.*)"
    r"|Bail out!(?P<bail>.*)"
    r"|(?P<diagnostic>#).*)",
    re.MULTILINE,
)
_TIME = re.compile(r"(?:^|\s)#?\s*time=(\d+(?:\.\d+)?)(ns|us|ms|s)\b")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_DIRECTIVE = re.compile(r"(SKIP|TODO|XFAIL|TIMEOUT|ERROR)(?:PED)?\b[:\s]*(.*)", re.IGNORECASE | re.DOTALL)
_IDLE = re.compile(r"did not exercise\b")  # our harness's own: nothing was wrong, and nothing proved
_METRIC = re.compile(r"metric\s+(\S+)\s+(\S+)(?:\s+(\S.*?))?\s*$")
_SUBTEST = re.compile(r"Subtest:\s*(\S.*?)\s*$")


@dataclass(frozen=True)
class KtapReport:
    """What a program's KTAP says.

    `subtests` are the results without children, in order, with unique names. `planned` is the sum of the top-level
    plans, None without one. `problems` are violations of the format or contradictions, for people. `diagnostics` and
    `metrics` are those that belong to no subtest. `skip_reason` is that of a plan `1..0 # SKIP reason`.
    """

    subtests: tuple[Subtest, ...]
    planned: int | None
    problems: tuple[str, ...] = ()
    diagnostics: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    is_ktap: bool = False  # a version line was there
    skip_reason: str = ""


def parse(text: str) -> KtapReport:
    """Read all KTAP of a program's output, in linear time. Never raises: what is wrong is in `problems`."""
    parser = _Parser()
    for match in _LINE.finditer(text):
        parser.line(match)
    return parser.report()


def is_missing(subtest: Subtest) -> bool:
    """It was planned and has no result line: the parser made it up."""
    return subtest.message.startswith(_MISSING)


@dataclass
class _Pending:
    """What was said since the last result of a level: it belongs to the next one."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_DIAGNOSTICS))
    count: int = 0
    metrics: list[Metric] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.count += 1
        self.lines.append(line[:MAX_LINE])

    def diagnostics(self) -> tuple[str, ...]:
        dropped = self.count - len(self.lines)
        return ((f"({counted(dropped, 'earlier line')} dropped)",) if dropped else ()) + tuple(self.lines)


@dataclass
class _Node:
    """A result line, with the results nested in it."""

    name: str
    outcome: Outcome
    message: str = ""
    time_s: float = 0.0
    number: int | None = None
    said: _Pending = field(default_factory=_Pending)
    children: list[_Node] = field(default_factory=list)


@dataclass
class _Level:
    prefix: str
    planned: int | None = None
    nodes: list[_Node] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    pending: _Pending = field(default_factory=_Pending)
    name: str = ""  # from "# Subtest: NAME"
    inner: list[_Node] = field(default_factory=list)  # of closed deeper levels: children of the next result
    inner_name: str = ""
    bailed: str | None = None
    is_implied: bool = False  # no line of its own was seen


class _Parser:
    def __init__(self) -> None:
        self.levels: list[_Level] = []
        self.done: list[_Node] = []
        self.problems: list[str] = []
        self.planned: int | None = None
        self.is_ktap = False
        self.skip_reason = ""
        self.loose = _Pending()

    def line(self, match: re.Match[str]) -> None:
        if match.lastgroup == "diagnostic":
            self._diagnostic(match[0].rstrip())
            return
        prefix = match["prefix"]
        if match["version"]:
            self.is_ktap = True
            self._open(prefix)
        elif "#" in prefix and all(level.prefix != prefix for level in self.levels):
            # "# ok 1 x" where no nested TAP began is somebody's comment
            self._diagnostic(match[0].rstrip())
        elif match["plan"]:
            self._plan(self._level(prefix), int(match["plan"]), (match["plan_note"] or "").strip())
        elif match["result"]:
            self._result(self._level(prefix), match)
        else:
            level = self._level(prefix)
            level.bailed = match["bail"].strip()[:MAX_LINE]
            self.problems.append(f"bailed out: {level.bailed}" if level.bailed else "bailed out")

    def report(self) -> KtapReport:
        while self.levels:
            self._close()
        if not self.is_ktap:
            self.problems.insert(0, "no KTAP version line")
        subtests: list[Subtest] = []
        names: set[str] = set()
        for node in self.done:
            self._flatten(node, "", subtests, names)
        return KtapReport(
            subtests=tuple(subtests),
            planned=self.planned,
            problems=tuple(dict.fromkeys(self.problems[:MAX_MISSING])),
            diagnostics=self.loose.diagnostics(),
            metrics=tuple(self.loose.metrics),
            is_ktap=self.is_ktap,
            skip_reason=self.skip_reason,
        )

    # --- levels

    def _open(self, prefix: str) -> None:
        """A version line: a new level, or the next document on a level that is open."""
        while self.levels and len(self.levels[-1].prefix) >= len(prefix):
            self._close()
        self._push(prefix)

    def _push(self, prefix: str) -> None:
        if prefix and not self.levels:
            self.levels.append(_Level("", is_implied=True))
        self.levels.append(_Level(prefix))

    def _level(self, prefix: str) -> _Level:
        """The level of a line; without a version line a level opens with its first plan or result."""
        while self.levels and len(self.levels[-1].prefix) > len(prefix):
            self._close()
        if not self.levels or self.levels[-1].prefix != prefix:
            while self.levels and len(self.levels[-1].prefix) >= len(prefix):
                self._close()
            self._push(prefix)
        self.levels[-1].is_implied = False
        return self.levels[-1]

    def _close(self) -> None:
        """The innermost level ends: its results wait for the line of their parent."""
        level = self.levels.pop()
        if level.inner and level.is_implied:
            level.nodes += level.inner
        elif level.inner:
            number = len(level.nodes) + 1
            name = level.inner_name or f"#{number}"
            self.problems.append(f"subtests without the result of their parent {name}")
            self._number(level, number)
            message = "ended without a result"
            level.nodes.append(_Node(name, Outcome.FAIL, message, 0.0, number, level.pending, level.inner))
            level.pending = _Pending()
        self._missing(level)
        if level.bailed is not None and not any(node.outcome is Outcome.FAIL for node in level.nodes):
            level.nodes.append(_Node("Bail out!", Outcome.FAIL, level.bailed or "bailed out", said=level.pending))
            level.pending = _Pending()
        for line in level.pending.diagnostics():
            self.loose.add(line)
        self.loose.metrics += level.pending.metrics
        if self.levels:
            self.levels[-1].inner += level.nodes
            self.levels[-1].inner_name = level.name
            return
        self.done += level.nodes
        if level.planned is not None:
            self.planned = (self.planned or 0) + level.planned

    def _missing(self, level: _Level) -> None:
        planned = level.planned or 0
        count = planned - len(level.nodes)
        if level.planned is not None and count < 0:
            self.problems.append(f"{planned} planned, {counted(len(level.nodes), 'result')}")
        if count <= 0:
            return
        self.problems.append(f"{planned} planned, {counted(len(level.nodes), 'result')}")
        message = _MISSING
        if level.bailed is not None:
            message += f": bailed out{': ' + level.bailed if level.bailed else ''}"
        listed = 0
        number = 0
        while listed < min(count, MAX_MISSING) and number < planned:
            number += 1
            if number not in level.numbers:
                listed += 1
                level.nodes.append(_Node(f"#{number}", Outcome.FAIL, message, number=number, said=level.pending))
                level.pending = _Pending()  # the last words belong to the first that is missing
        if count > listed:
            level.nodes.append(_Node(f"#{number + 1}-#{planned}", Outcome.FAIL, message))

    # --- lines

    def _plan(self, level: _Level, planned: int, note: str) -> None:
        if level.planned is not None:
            self.problems.append(f"a second plan: 1..{planned} after 1..{level.planned}")
        level.planned = planned
        directive = _DIRECTIVE.match(note)
        if planned == 0 and directive and directive[1].upper() == "SKIP" and len(self.levels) == 1:
            self.skip_reason = directive[2].strip() or "skipped"

    def _diagnostic(self, line: str) -> None:
        """A comment belongs to the innermost open level whose prefix it has."""
        level = self.levels[0] if self.levels else None
        for inner in reversed(self.levels[1:]):
            if line.startswith(inner.prefix) and line.startswith("#", len(inner.prefix)):
                level = inner
                break
        skipped = len(level.prefix) if level else 0
        text = line[skipped:].lstrip(" ")[1:].removeprefix(" ")
        pending = level.pending if level else self.loose
        if text.startswith("metric") and (metric := _metric(text)):
            pending.metrics.append(metric)
        elif level and text.startswith("Subtest:") and (subtest := _SUBTEST.match(text)):
            level.name = subtest[1][:MAX_LINE]
        else:
            pending.add(text)

    def _result(self, level: _Level, match: re.Match[str]) -> None:
        number = int(match["number"]) if match["number"] else len(level.nodes) + 1
        if not match["number"]:
            self.problems.append("a result without a number")
        description, comment = _split_comment(match["rest"][: 4 * MAX_LINE])
        comment, time_s = _take_time(comment)
        name = re.sub(r"^- ?", "", description).strip()[:300] or level.inner_name or f"#{number}"
        outcome = Outcome.PASS if match["result"] == "ok" else Outcome.FAIL
        message = comment
        if directive := _DIRECTIVE.match(comment):
            outcome, message = _directed(outcome, directive[1].upper(), directive[2].strip())
        elif outcome is Outcome.FAIL and _IDLE.match(comment):
            outcome = Outcome.NOT_EXERCISED
        self._number(level, number)
        level.nodes.append(_Node(name, outcome, message[:MAX_LINE], time_s, number, level.pending, level.inner))
        level.pending, level.inner, level.inner_name = _Pending(), [], ""

    def _number(self, level: _Level, number: int) -> None:
        if number in level.numbers:
            self.problems.append(f"number {number} twice")
        elif number != len(level.nodes) + 1:
            self.problems.append(f"number {number} where {len(level.nodes) + 1} was due")
        level.numbers.add(number)

    # --- the tree to a list

    def _flatten(self, node: _Node, path: str, subtests: list[Subtest], names: set[str]) -> None:
        name = f"{path}.{node.name}" if path else node.name
        message = node.message
        if node.children:
            before = len(subtests)
            for child in node.children:
                self._flatten(child, name, subtests, names)
            worst_child = max(subtest.outcome for subtest in subtests[before:])
            if not worst_child.is_ok and node.outcome.is_ok:
                self.problems.append(f"{name} is ok, though a subtest of it is not")
            if node.outcome.is_ok or node.outcome <= worst_child:
                for line in node.said.diagnostics():
                    self.loose.add(line)
                self.loose.metrics += node.said.metrics
                return
            if worst_child.is_ok:
                self.problems.append(f"{name} is not ok, though all its subtests are")
                message = message or "not ok, though all its subtests are"
        if not message and node.outcome is Outcome.FAIL:
            # our harness says what is wrong in the lines before: "FAIL toucher/1: a write was lost: ..."
            said = (line.removeprefix("FAIL ") for line in node.said.lines if line.startswith("FAIL "))
            message = next(said, "not ok")
        subtests.append(
            Subtest(
                name=_unique(name, names),
                outcome=node.outcome,
                time_s=node.time_s,
                message=message,
                diagnostics=node.said.diagnostics(),
                metrics=tuple(node.said.metrics),
            )
        )


def _unique(name: str, names: set[str]) -> str:
    unique, count = name, 1
    while unique in names:
        count += 1
        unique = f"{name} ({count})"
    names.add(unique)
    return unique


def _split_comment(rest: str) -> tuple[str, str]:
    """Description and comment: from the first # that follows white space and is not escaped."""
    match = re.search(r"(?:^|\s)#", rest)
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


def _metric(text: str) -> Metric | None:
    match = _METRIC.match(text)
    if match is None:
        return None
    try:
        value = float(match[2])
    except ValueError:
        return None
    return Metric(match[1], value, match[3] or "") if math.isfinite(value) else None
