"""Which pages there are, under which addresses, and what they are about. A new one is a function and a line here.

An address is PATH.html or PATH.json: the same in the application and in what is exported, so links between pages are
relative and hold in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.dashboard.names import slug
from orchestrator.dashboard.page import Ask, Page
from orchestrator.dashboard.pages import figures, machines, overview, runs, subjects, tests, titles

Query = Mapping[str, str]


@dataclass(frozen=True)
class Whole:
    """A page that there is once. `label`: its name in the navigation."""

    path: str
    label: str
    show: Callable[[Ask, Query], Page]


@dataclass(frozen=True)
class Each:
    """A page for each of a kind of things: `named` are the columns of a question's answer that tell them apart."""

    kind: str
    question: str
    named: tuple[str, ...]
    show: Callable[[Ask, Any, str, Query], Page]


def _plain(show: Callable[[Ask, Any, str], Page]) -> Callable[[Ask, Any, str, Query], Page]:
    return lambda ask, name, path, query: show(ask, name, path)


WHOLE = (
    Whole("index", "New", overview.overview),
    Whole("trees", "Trees", subjects.trees),
    Whole("series", "Series", subjects.series),
    Whole("tests", "Tests", tests.tests),
    Whole("matrix", "Flake matrix", tests.matrices),
    Whole("titles", "Kernel reports", titles.titles),
    Whole("metrics", "Metrics", figures.metrics),
    Whole("mutation", "Mutation", figures.mutation),
    Whole("coverage", "Coverage", figures.coverage),
    Whole("machines", "Machines", machines.machines),
    Whole("runs", "Runs", runs.runs),
    Whole("known", "Known issues", titles.known),
)
EACH = (
    Each("trees", "trees", ("tree",), _plain(subjects.tree)),
    Each("series", "series", ("series",), _plain(subjects.one_series)),
    Each("tests", "tests", ("test",), _plain(tests.test)),
    Each("matrix", "labels", ("kernel",), tests.matrix),
    Each("titles", "titles", ("title",), _plain(titles.title)),
    Each("metrics", "trends", ("test", "name"), _plain(figures.metric)),
    Each("runs", "runs", ("id",), _plain(runs.run)),
)


def page(ask: Ask, path: str, query: Query) -> Page | None:
    """The page at a path; None where there is none. Raises BadParameter."""
    for whole in WHOLE:
        if whole.path == path:
            return whole.show(ask, query)
    kind, _, name = path.partition("/")
    for each in EACH:
        if each.kind == kind and name:
            thing = next((thing for thing in _things(ask, each) if slug(" ".join(thing)) == name), None)
            return each.show(ask, thing if len(each.named) > 1 else thing[0], path, query) if thing else None
    return None


def paths(ask: Ask) -> Iterator[str]:
    """Of all pages."""
    yield from (whole.path for whole in WHOLE)
    for each in EACH:
        yield from (f"{each.kind}/{slug(' '.join(thing))}" for thing in _things(ask, each))


def _things(ask: Ask, each: Each) -> Iterator[tuple[str, ...]]:
    found = ask(each.question)
    ats = [found.at(name) for name in each.named]
    yield from dict.fromkeys(tuple(str(row[at]) for at in ats) for row in found.rows)
