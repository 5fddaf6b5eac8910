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

import re
from dataclasses import dataclass

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Metric, Subtest
from orchestrator.parse.results import ktap_lines as ktap_lines
from orchestrator.parse.results.ktap_lines import MAX_LINE, Result
from orchestrator.parse.results.ktap_tree import Level, Node, Pending, SubtestList
from orchestrator.words import counted

MAX_MISSING = 1000  # planned tests without a result that are listed one by one; also problems, and announced tests

_MISSING = "planned, but no result"
_UNENDED = "ended without a result"


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
    for match in ktap_lines.lines(text):
        parser.line(match)
    return parser.report()


def is_missing(subtest: Subtest) -> bool:
    """It was planned and has no result line: the parser made it up."""
    return subtest.message.startswith(_MISSING)


class _Parser:
    def __init__(self) -> None:
        self.levels: list[Level] = []
        self.done: list[Node] = []
        self.problems: dict[str, None] = {}
        self.planned: int | None = None
        self.is_ktap = False
        self.is_tap = False  # TAP's version line, not KTAP's: it needs no numbers
        self.skip_reason = ""
        self.loose = Pending()
        self.listed = 0  # missing tests
        self.result_end = -1  # where the last result line ended: there a block of YAML may begin
        self.yaml = ""  # the prefix of an open block of YAML

    def line(self, match: re.Match[str]) -> None:
        prefix, version, plan, note, result, number, bare, rest, bail, yaml, diagnostic = match.groups()
        if self.yaml and self._is_yaml(prefix, yaml):
            return
        if diagnostic:
            self._diagnostic(match[0].rstrip())
        elif version:
            self.is_ktap = True
            self.is_tap |= version == "TAP"
            self._open(prefix)
        elif yaml:
            # TAP's YAML, which says more about the result just before it: no line of it is a result
            if yaml == "---" and prefix and self.is_tap and match.start() == self.result_end + 1:
                self.yaml = prefix
        elif "#" in prefix and all(level.prefix != prefix for level in self.levels):
            # "# ok 1 x" where no nested TAP began is somebody's comment
            self._diagnostic(match[0].rstrip())
        elif plan:
            self._plan(self._level(prefix), int(plan), (note or "").strip())
        elif result:
            if bare is None or result == "not ok" or self.is_tap:
                self._result(self._level(prefix), ktap_lines.read_result(result, number, rest))
                self.result_end = match.end()
        else:
            level = self._level(prefix)
            level.bailed = bail.strip()[:MAX_LINE]
            self._problem(f"bailed out: {level.bailed}" if level.bailed else "bailed out")

    def report(self) -> KtapReport:
        while self.levels:
            self._close()
        found = SubtestList(self.loose, self._problem)
        for node in self.done:
            found.add(node)
        if found.unlisted:
            self.loose.add(f"({counted(found.unlisted, 'more result')} not listed, all of them ok)")
        unversioned = () if self.is_ktap else ("no KTAP version line",)
        return KtapReport(
            subtests=tuple(found.subtests),
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
            self.levels.append(Level("", is_implied=True))
        self.levels.append(Level(prefix))

    def _level(self, prefix: str) -> Level:
        """The level of a line; without a version line a level opens with its first plan or result."""
        if self.levels and self.levels[-1].prefix == prefix:  # nearly always
            self.levels[-1].is_implied = False
            return self.levels[-1]
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
            level.nodes.append(Node(name, Outcome.FAIL, _UNENDED, said=level.taken()))
        self._missing(level)
        if level.bailed is not None and not any(node.outcome is Outcome.FAIL for node in level.nodes):
            level.nodes.append(Node("Bail out!", Outcome.FAIL, level.bailed or "bailed out", said=level.taken()))
        for line in level.pending.diagnostics():
            self.loose.add(line)
        self.loose.metrics += level.pending.metrics
        if self.levels:
            self._leave(level, self.levels[-1])
            return
        self.done += level.nodes
        if level.planned is not None:
            self.planned = (self.planned or 0) + level.planned

    def _leave(self, level: Level, outer: Level) -> None:
        """A level's results to the level around it. Results of several documents without a name are of one test: a
        script that runs several programs."""
        name = level.name or next(reversed(outer.announced), "")
        if outer.inner_name and name and name != outer.inner_name:
            self._orphan(outer)
        outer.inner += level.nodes
        outer.inner_name = name or outer.inner_name
        outer.inner_skip = level.skip if not level.nodes else None

    def _orphan(self, level: Level) -> None:
        """Nested results whose parent will have no result line: it did not end."""
        if not level.inner:
            return
        number = len(level.nodes) + 1
        name = level.inner_name or f"#{number}"
        self._problem(f"subtests without the result of their parent {name}")
        self._number(level, number)
        level.nodes.append(Node(name, Outcome.FAIL, _UNENDED, said=level.taken(), children=level.inner))
        level.announced.pop(level.inner_name, None)
        level.inner, level.inner_name, level.inner_skip = [], "", None

    def _missing(self, level: Level) -> None:
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
                level.nodes.append(Node(f"#{number}", Outcome.FAIL, message, said=level.taken()))
        if count:
            level.nodes.append(Node(f"#{number + 1}-#{planned}", Outcome.FAIL, message, said=level.taken()))

    # --- lines

    def _plan(self, level: Level, planned: int, note: str) -> None:
        if level.planned is not None and level.announced:  # the next document: KUnit without version lines
            level = self._sibling(level)
        if level.planned is not None:
            self._problem(f"a second plan: 1..{planned} after 1..{level.planned}")
        level.planned = planned
        why = ktap_lines.why_skipped(note)
        if planned == 0 and why:
            level.skip = why
            if len(self.levels) == 1:
                self.skip_reason = why

    def _sibling(self, level: Level) -> Level:
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
        if name := ktap_lines.subtest_name(text):
            self._announce(line[: line.index("#")], name)
        elif level and level.prefix == "" and line.startswith("#") and (name := ktap_lines.selftest_name(text)):
            self._announce("", name)
        elif metric := ktap_lines.metric(text):
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

    def _result(self, level: Level, result: Result) -> None:
        given = result.name
        number = len(level.nodes) + 1 if result.number is None else result.number
        if result.number is None:
            self._problem("a result without a number")
        if level.announced and level.nodes and number == 1 and given not in level.announced and not level.inner:
            level = self._sibling(level)
        if level.inner_name and given not in ("", level.inner_name) and number > len(level.nodes) + 1:
            self._orphan(level)  # the numbers have a gap, too: the parent's result is missing
        outcome, message = result.outcome, result.message
        if result.is_plain and outcome is Outcome.PASS and level.inner_skip and not level.inner:
            outcome, message = Outcome.SKIP, level.inner_skip
        self._number(level, number)
        name = given or level.inner_name or f"#{number}"
        level.nodes.append(Node(name, outcome, message, result.time_s, level.taken(), level.inner or ()))
        if level.announced:
            level.announced.pop(given if given in level.announced else next(reversed(level.announced)))
        if level.inner:
            level.inner = []
        level.inner_name, level.inner_skip = "", None

    def _number(self, level: Level, number: int) -> None:
        due = len(level.nodes) + 1
        if (number != due or number in level.numbers) and len(self.problems) < MAX_MISSING:
            self._problem(f"number {number} {'twice' if number in level.numbers else f'where {due} was due'}")
        level.numbers.add(number)
