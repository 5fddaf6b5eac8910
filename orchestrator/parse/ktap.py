"""KTAP version 1, and TAP 13/14 as kselftests print it, to subtests.

Two kinds of nesting are read: lines that are indented (KTAP: two spaces, TAP 14 and KUnit: four, old KUnit: a tab) and
lines that kselftest's runner prefixed with "# ". A level opens with its version line; where it has none, with its
`# Subtest:` comment, its plan or its first result. Lines of no known form are allowed anywhere. In a console log all
lines may stand behind printk's time.
Formats: Documentation/dev-tools/ktap.rst of the kernel; testanything.org for TAP 13 and 14.

A comment `# Subtest: NAME`, or `# selftests: mm: NAME` of kselftest's runner, announces a test. KUnit writes it on the
level of the test's own results, TAP 14 and kselftest on the level of the result that is to come. A test that was
announced and has no result never ended: it fails, under the name that was announced.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Metric, Subtest
from orchestrator.words import counted

MAX_DIAGNOSTICS = 200  # lines kept for one subtest, the last ones
MAX_LINE = 2000  # characters kept of a line
MAX_NAME = 300  # characters of a test's own name
MAX_MISSING = 1000  # planned tests without a result that are listed one by one; also problems, and announced tests

# Only lines that can mean something; the rest, megabytes of it at times, is passed over by the regex engine.
_MISSING = "planned, but no result"
_UNENDED = "ended without a result"
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
_COMMENT = re.compile(r"(?:^|\s)#")
_TIME = re.compile(r"(?:^|[\s#])time=(\d{1,12}(?:\.\d{1,12})?)(ns|us|ms|s)\b")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_DIRECTIVE = re.compile(r"(SKIP|TODO|XFAIL|TIMEOUT|ERROR)(?:PED)?\b[:\s]*(.*)", re.IGNORECASE | re.DOTALL)
_IDLE = re.compile(r"did not exercise\b")  # our harness's own: nothing was wrong, and nothing proved
_SELFTEST = re.compile(r"selftests: [\w./-]{1,200}: \S")


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
    for match in _LINE.finditer(_STAMPS.sub("", text) if _STAMPED.search(text) else text):
        parser.line(match)
    return parser.report()


def is_missing(subtest: Subtest) -> bool:
    """It was planned and has no result line: the parser made it up."""
    return subtest.message.startswith(_MISSING)


@dataclass(eq=False, slots=True)  # by identity, so that there can be one for those who say nothing
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


_SILENCE = _Pending()  # nothing is ever added to it


@dataclass(slots=True)
class _Node:
    """A result line, with the results nested in it."""

    name: str
    outcome: Outcome
    message: str = ""
    time_s: float = 0.0
    said: _Pending = _SILENCE
    children: Sequence[_Node] = ()


@dataclass(slots=True)
class _Level:
    prefix: str
    planned: int | None = None
    nodes: list[_Node] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    pending: _Pending = _SILENCE
    name: str = ""  # from "# Subtest: NAME"
    announced: dict[str, None] = field(default_factory=dict)  # tests that are to have a result on this level
    inner: list[_Node] = field(default_factory=list)  # of closed deeper levels: children of the next result
    inner_name: str = ""
    inner_skip: str | None = None  # a deeper level planned nothing: why
    skip: str | None = None
    bailed: str | None = None
    is_implied: bool = False  # no line of its own was seen

    @property
    def width(self) -> int:
        return len(self.prefix.expandtabs())

    @property
    def is_fresh(self) -> bool:
        return not (self.nodes or self.inner or self.announced or self.name) and self.planned is None

    def said(self) -> _Pending:
        """To be added to."""
        if self.pending is _SILENCE:
            self.pending = _Pending()
        return self.pending

    def taken(self) -> _Pending:
        """What was said, which now belongs to a result."""
        pending, self.pending = self.pending, _SILENCE
        return pending


class _Parser:
    def __init__(self) -> None:
        self.levels: list[_Level] = []
        self.done: list[_Node] = []
        self.problems: dict[str, None] = {}
        self.planned: int | None = None
        self.is_ktap = False
        self.is_tap = False  # TAP's version line, not KTAP's: it needs no numbers
        self.skip_reason = ""
        self.loose = _Pending()
        self.listed = 0  # missing tests
        self.result_end = -1  # where the last result line ended: there a block of YAML may begin
        self.yaml = ""  # the prefix of an open block of YAML

    def line(self, match: re.Match[str]) -> None:
        prefix = match["prefix"]
        if self.yaml and self._is_yaml(prefix, match["yaml"]):
            return
        if match.lastgroup == "diagnostic":
            self._diagnostic(match[0].rstrip())
        elif match["version"]:
            self.is_ktap = True
            self.is_tap |= match["version"] == "TAP"
            self._open(prefix)
        elif match["yaml"]:
            # TAP's YAML, which says more about the result just before it: no line of it is a result
            if match["yaml"] == "---" and prefix and self.is_tap and match.start() == self.result_end + 1:
                self.yaml = prefix
        elif "#" in prefix and all(level.prefix != prefix for level in self.levels):
            # "# ok 1 x" where no nested TAP began is somebody's comment
            self._diagnostic(match[0].rstrip())
        elif match["plan"]:
            self._plan(self._level(prefix), int(match["plan"]), (match["plan_note"] or "").strip())
        elif match["result"]:
            if match["bare"] is None or match["result"] == "not ok" or self.is_tap:
                self._result(self._level(prefix), match)
                self.result_end = match.end()
        else:
            level = self._level(prefix)
            level.bailed = match["bail"].strip()[:MAX_LINE]
            self._problem(f"bailed out: {level.bailed}" if level.bailed else "bailed out")

    def report(self) -> KtapReport:
        while self.levels:
            self._close()
        subtests: list[Subtest] = []
        names: dict[str, int] = {}
        for node in self.done:
            self._flatten(node, "", subtests, names)
        unversioned = () if self.is_ktap else ("no KTAP version line",)
        return KtapReport(
            subtests=tuple(subtests),
            planned=self.planned,
            problems=(*unversioned, *self.problems),
            diagnostics=self.loose.diagnostics(),
            metrics=tuple(self.loose.metrics),
            is_ktap=self.is_ktap,
            skip_reason=self.skip_reason,
        )

    def _problem(self, what: str) -> None:
        if len(self.problems) < MAX_MISSING:
            self.problems[what] = None

    def _is_yaml(self, prefix: str, mark: str | None) -> bool:
        """Whether a line is of the open block of YAML; its last line closes it, and so does one further out."""
        is_inside = prefix.startswith(self.yaml)
        if not is_inside or (mark == "..." and prefix == self.yaml):
            self.yaml = ""
        return is_inside

    # --- levels

    def _open(self, prefix: str) -> None:
        """A version line: a new level, or the next document on a level that is open."""
        width = len(prefix.expandtabs())
        while self.levels and self.levels[-1].width >= width:
            self._close()
        self._push(prefix)

    def _push(self, prefix: str) -> None:
        if prefix and not self.levels:
            self.levels.append(_Level("", is_implied=True))
        self.levels.append(_Level(prefix))

    def _level(self, prefix: str) -> _Level:
        """The level of a line; without a version line a level opens with its first plan or result."""
        width = len(prefix.expandtabs())
        while self.levels and self.levels[-1].width > width:
            self._close()
        if not self.levels or self.levels[-1].prefix != prefix:
            while self.levels and self.levels[-1].width >= width:
                self._close()
            self._push(prefix)
        self.levels[-1].is_implied = False
        return self.levels[-1]

    def _close(self) -> None:
        """The innermost level ends: its results wait for the line of their parent."""
        level = self.levels.pop()
        if level.is_implied and not level.inner_name:
            level.nodes += level.inner
        else:
            self._orphan(level)
        for name in level.announced:
            self._number(level, len(level.nodes) + 1)
            level.nodes.append(_Node(name, Outcome.FAIL, _UNENDED, said=level.taken()))
        self._missing(level)
        if level.bailed is not None and not any(node.outcome is Outcome.FAIL for node in level.nodes):
            level.nodes.append(_Node("Bail out!", Outcome.FAIL, level.bailed or "bailed out", said=level.taken()))
        for line in level.pending.diagnostics():
            self.loose.add(line)
        self.loose.metrics += level.pending.metrics
        if self.levels:
            self._leave(level, self.levels[-1])
            return
        self.done += level.nodes
        if level.planned is not None:
            self.planned = (self.planned or 0) + level.planned

    def _leave(self, level: _Level, outer: _Level) -> None:
        """A level's results to the level around it. Results of several documents without a name are of one test: a
        script that runs several programs."""
        name = level.name or next(reversed(outer.announced), "")
        if outer.inner_name and name and name != outer.inner_name:
            self._orphan(outer)
        outer.inner += level.nodes
        outer.inner_name = name or outer.inner_name
        outer.inner_skip = level.skip if not level.nodes else None

    def _orphan(self, level: _Level) -> None:
        """Nested results whose parent will have no result line: it did not end."""
        if not level.inner:
            return
        number = len(level.nodes) + 1
        name = level.inner_name or f"#{number}"
        self._problem(f"subtests without the result of their parent {name}")
        self._number(level, number)
        level.nodes.append(_Node(name, Outcome.FAIL, _UNENDED, said=level.taken(), children=level.inner))
        level.announced.pop(level.inner_name, None)
        level.inner, level.inner_name, level.inner_skip = [], "", None

    def _missing(self, level: _Level) -> None:
        planned = level.planned or 0
        count = planned - len(level.nodes)
        if level.planned is not None and count:
            self._problem(f"{planned} planned, {counted(len(level.nodes), 'result')}")
        if count <= 0:
            return
        message = _MISSING
        if level.bailed is not None:
            message += f": bailed out{': ' + level.bailed if level.bailed else ''}"
        number = 0
        while count and number < planned and self.listed < MAX_MISSING:
            number += 1
            if number not in level.numbers:
                count -= 1
                self.listed += 1
                # the last words belong to the first that is missing
                level.nodes.append(_Node(f"#{number}", Outcome.FAIL, message, said=level.taken()))
        if count:
            level.nodes.append(_Node(f"#{number + 1}-#{planned}", Outcome.FAIL, message, said=level.taken()))

    # --- lines

    def _plan(self, level: _Level, planned: int, note: str) -> None:
        if level.planned is not None and level.announced:  # the next document: KUnit without version lines
            level = self._sibling(level)
        if level.planned is not None:
            self._problem(f"a second plan: 1..{planned} after 1..{level.planned}")
        level.planned = planned
        directive = _DIRECTIVE.match(note)
        if planned == 0 and directive and directive[1].upper() == "SKIP":
            level.skip = directive[2].strip()[:MAX_LINE] or "skipped"
            if len(self.levels) == 1:
                self.skip_reason = level.skip

    def _sibling(self, level: _Level) -> _Level:
        """Another level at the place of this one, for the test that was announced last."""
        name, _ = level.announced.popitem()
        self._open(level.prefix)
        self.levels[-1].name = name
        return self.levels[-1]

    def _diagnostic(self, line: str) -> None:
        """A comment belongs to the innermost open level whose prefix it has."""
        level = self.levels[0] if self.levels else None
        for inner in reversed(self.levels[1:]):
            if line.startswith(inner.prefix) and line.startswith("#", len(inner.prefix)):
                level = inner
                break
        skipped = len(level.prefix) if level else 0
        text = line[skipped : skipped + MAX_LINE].lstrip(" \t")[1:].removeprefix(" ")
        if text.startswith("Subtest:") and (name := text[len("Subtest:") :].strip()[:MAX_NAME]):
            self._announce(line[: line.index("#")], name)
        elif level and level.prefix == "" and line.startswith("#") and _SELFTEST.match(text):
            self._announce("", text.strip()[:MAX_NAME])
        elif metric := _metric(text):
            (level.said() if level else self.loose).metrics.append(metric)
        else:
            (level.said() if level else self.loose).add(text)

    def _announce(self, prefix: str, name: str) -> None:
        level = self._level(next((one.prefix for one in self.levels if one.prefix.partition("#")[0] == prefix), prefix))
        if level.prefix and level.is_fresh:
            level.name = name
        elif len(level.announced) < MAX_MISSING:
            self._orphan(level)
            level.announced[name] = None

    def _result(self, level: _Level, match: re.Match[str]) -> None:
        number = int(match["number"]) if match["number"] else len(level.nodes) + 1
        if not match["number"]:
            self._problem("a result without a number")
        description, comment = _split_comment(match["rest"][: 4 * MAX_LINE])
        comment, time_s = _take_time(comment)
        given = description.removeprefix("-").strip()[:MAX_NAME].replace("\\#", "#")
        if level.announced and level.nodes and number == 1 and given not in level.announced and not level.inner:
            level = self._sibling(level)
        if level.inner_name and given not in ("", level.inner_name) and number > len(level.nodes) + 1:
            self._orphan(level)  # the numbers have a gap, too: the parent's result is missing
        name = given or level.inner_name or f"#{number}"
        outcome = Outcome.PASS if match["result"] == "ok" else Outcome.FAIL
        message = comment
        if directive := _DIRECTIVE.match(comment):
            outcome, message = _directed(outcome, directive[1].upper(), directive[2].strip())
        elif outcome is Outcome.FAIL and _IDLE.match(comment):
            outcome = Outcome.NOT_EXERCISED
        elif outcome is Outcome.PASS and level.inner_skip and not level.inner:
            outcome, message = Outcome.SKIP, level.inner_skip
        self._number(level, number)
        level.nodes.append(_Node(name, outcome, message[:MAX_LINE], time_s, level.taken(), level.inner or ()))
        if level.announced:
            level.announced.pop(given if given in level.announced else next(reversed(level.announced)))
        if level.inner:
            level.inner = []
        level.inner_name, level.inner_skip = "", None

    def _number(self, level: _Level, number: int) -> None:
        if number in level.numbers:
            self._problem(f"number {number} twice")
        elif number != len(level.nodes) + 1:
            self._problem(f"number {number} where {len(level.nodes) + 1} was due")
        level.numbers.add(number)

    # --- the tree to a list

    def _flatten(self, node: _Node, path: str, subtests: list[Subtest], names: dict[str, int]) -> None:
        name = f"{path}.{node.name}"[:MAX_LINE] if path else node.name
        message = node.message
        if node.children:
            before = len(subtests)
            for child in node.children:
                self._flatten(child, name, subtests, names)
            worst_child = max(subtest.outcome for subtest in subtests[before:])
            if not worst_child.is_ok and node.outcome.is_ok:
                self._problem(f"{name} is ok, though a subtest of it is not")
            if node.outcome.is_ok or node.outcome <= worst_child:
                for line in node.said.diagnostics():
                    self.loose.add(line)
                self.loose.metrics += node.said.metrics
                return
            if worst_child.is_ok:
                self._problem(f"{name} is not ok, though all its subtests are")
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


def _unique(name: str, names: dict[str, int]) -> str:
    """The name; the second, third, ... of its kind with (2), (3), ... behind it. `names` counts those of each kind."""
    unique, count = name, names.get(name, 0)
    while unique in names:
        count += 1
        unique = f"{name} ({count})"
    names[name] = max(count, 1)
    names.setdefault(unique, 1)
    return unique


def _split_comment(rest: str) -> tuple[str, str]:
    """Description and comment: from the first # that follows white space and is not escaped."""
    match = _COMMENT.search(rest)
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
    """`metric NAME VALUE UNIT`, the unit of any words; None where it is no finite number."""
    words = text.split(None, 3)
    if len(words) < 3 or words[0] != "metric":
        return None
    try:
        value = float(words[2])
    except ValueError:
        return None
    return Metric(words[1], value, words[3].rstrip() if words[3:] else "") if math.isfinite(value) else None
