"""The tree of KTAP results: levels while they are read, results within results, and the list of all.

Pure. ktap decides what belongs where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Metric, Subtest
from orchestrator.parse.results.ktap_lines import MAX_LINE
from orchestrator.words import counted

MAX_LISTED = 50_000  # subtests, after which only those that are not ok are listed
MAX_DIAGNOSTICS = 200  # lines kept for one subtest, the last ones


@dataclass(eq=False, slots=True)  # by identity, so that there can be one for those who say nothing
class Pending:
    """What was said since the last result of a level: it belongs to the next one."""

    lines: list[str] = field(default_factory=list)  # a deque would take as long as the rest of a result
    count: int = 0
    metrics: list[Metric] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.count += 1
        self.lines.append(line[:MAX_LINE])
        if len(self.lines) >= 2 * MAX_DIAGNOSTICS:
            del self.lines[:-MAX_DIAGNOSTICS]

    def diagnostics(self) -> tuple[str, ...]:
        kept = tuple(self.lines[-MAX_DIAGNOSTICS:])
        dropped = self.count - len(kept)
        return (f"({counted(dropped, 'earlier line')} dropped)", *kept) if dropped else kept


SILENCE = Pending()  # nothing is ever added to it


@dataclass(slots=True)
class Node:
    """A result line, with the results nested in it."""

    name: str
    outcome: Outcome
    message: str = ""
    time_s: float = 0.0
    said: Pending = SILENCE
    children: Sequence[Node] = ()


@dataclass(slots=True)
class Level:
    """A level of indentation that is being read: what it planned, and what came so far."""

    prefix: str
    planned: int | None = None
    nodes: list[Node] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    pending: Pending = SILENCE
    name: str = ""  # from "# Subtest: NAME"
    announced: dict[str, None] = field(default_factory=dict)  # tests that are to have a result on this level
    inner: list[Node] = field(default_factory=list)  # of closed deeper levels: children of the next result
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

    def said(self) -> Pending:
        """To be added to."""
        if self.pending is SILENCE:
            self.pending = Pending()
        return self.pending

    def taken(self) -> Pending:
        """What was said, which now belongs to a result."""
        pending, self.pending = self.pending, SILENCE
        return pending


class SubtestList:
    """Nodes as one list of subtests with unique names: the results without children.

    What a parent says that is no subtest goes to `loose`; contradictions go to `problem`.
    """

    def __init__(self, loose: Pending, problem: Callable[[str], None]) -> None:
        self.subtests: list[Subtest] = []
        self.unlisted = 0
        self._names: dict[str, int] = {}
        self._loose = loose
        self._problem = problem

    def add(self, node: Node, path: str = "") -> None:
        name = f"{path}.{node.name}"[:MAX_LINE] if path else node.name
        message = node.message
        if node.children:
            before = len(self.subtests)
            for child in node.children:
                self.add(child, name)
            worst_child = max((subtest.outcome for subtest in self.subtests[before:]), default=Outcome.PASS)
            if not worst_child.is_ok and node.outcome.is_ok:
                self._problem(f"{name} is ok, though a subtest of it is not")
            if node.outcome.is_ok or node.outcome <= worst_child:
                for line in node.said.diagnostics():
                    self._loose.add(line)
                self._loose.metrics += node.said.metrics
                return
            if worst_child.is_ok:
                self._problem(f"{name} is not ok, though all its subtests are")
                message = message or "not ok, though all its subtests are"
        if len(self.subtests) >= MAX_LISTED and node.outcome.is_ok:
            self.unlisted += 1
            return
        if not message and node.outcome is Outcome.FAIL:
            # our harness says what is wrong in the lines before: "FAIL toucher/1: a write was lost: ..."
            why = (
                line.removeprefix("FAIL ") for line in node.said.lines[-MAX_DIAGNOSTICS:] if line.startswith("FAIL ")
            )
            message = next(why, "not ok")
        said = None if node.said is SILENCE else node.said
        self.subtests.append(
            Subtest(
                name=_unique(name, self._names),
                outcome=node.outcome,
                time_s=node.time_s,
                message=message,
                diagnostics=said.diagnostics() if said else (),
                metrics=tuple(said.metrics) if said else (),
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
