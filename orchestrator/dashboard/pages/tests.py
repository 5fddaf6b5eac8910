"""Tests: how each stands, and the flake matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.dashboard.columns import (
    OUTCOMES,
    cell,
    moment,
    page_of,
    percent,
    section,
)
from orchestrator.dashboard.page import Ask, BadParameter, Cell, Field, Page, Section, Table
from orchestrator.dashboard.pages.subjects import failing
from orchestrator.history.questions import Answer
from orchestrator.history.standing import BAD
from orchestrator.reporters.summary import Tone
from orchestrator.words import counted

_COLUMNS = 50
_MOST_COLUMNS = 100
_LETTERS = {
    "PASS": "·",
    "FAIL": "F",
    "TIMEOUT": "T",
    "CRASH": "C",
    "ERROR": "E",
    "SKIP": "s",
    "NOT_EXERCISED": "n",
    "NOT_RUN": "?",
}
LEGEND = (
    "· passed, F failed, T timed out, C crashed, E error of a host or tool, s skipped, n not exercised, ? missing; "
    "an empty cell: the run does not have the case. The latest run is on the left. A flip is a pass behind a failure "
    "or the other way round, of the same series on the same tree; the streak is how many runs the latest "
    "outcome has lasted."
)
_SORTS = {"flips": "flips", "streak": "streak", "name": "name", "rate": "rate"}


def tests(ask: Ask, query: Mapping[str, str]) -> Page:
    """A row for each test: on how many kernels of how many series it fails."""
    found = ask("tests")
    by_test: dict[str, list[dict[str, str]]] = {}
    for values in found.rows:
        row = dict(zip(found.columns, values, strict=True))
        if row["kind"] != "subtest" or row["outcome"] in BAD:
            by_test.setdefault(row["test"], []).append(row)
    rows = []
    for test, lines in by_test.items():
        bad = [one["fails_since"] for one in lines if one["outcome"] in BAD]
        rows.append(
            (test, lines[0]["kind"], len(bad), len(lines), min(bad, default=None), max(one["latest"] for one in lines))
        )
    rows.sort(key=lambda row: (-row[2], row[0]))
    data = Answer(("test", "kind", "failing", "of", "fails_since", "latest"), tuple(rows))
    made = section(
        "tests",
        "Tests",
        data,
        "test, kind, failing, of: of so many, fails_since, latest",
        most=2000,
        is_filtered=True,
        words="Counted for each series on each tree, on each kernel.",
    )
    return Page("tests", "Tests", (made,))


def test(ask: Ask, name: str, path: str) -> Page:
    stands, reports = ask("tests", test=name, exactly=True), ask("reports", test=name, exactly=True, last=200)
    return Page(
        path,
        name,
        (
            failing(stands),
            section(
                "rates",
                "How often it fails",
                ask("flakes", test=name, exactly=True),
                "kernel, rate, failed, attempts, last_failure",
                words="Of all attempts, with Wilson's interval of 95 %.",
            ),
            section("reports", "Kernel reports during it", reports, "title, started, kernel, times, file"),
            section(
                "metrics",
                "Metrics",
                ask("trends", test=name, exactly=True),
                "name: metric, middle, shift, changed, kernel, series, tree, host",
            ),
            section(
                "lines", "Where it stands", stands, "kernel, series, tree, outcome, last_pass, fails_since, latest"
            ),
        ),
    )


def matrices(ask: Ask, query: Mapping[str, str]) -> Page:
    found = section(
        "kernels",
        "Cases by runs, for each kernel",
        ask("labels"),
        "kernel, role, runs, first, latest",
        most=1000,
        is_filtered=True,
    )
    return Page("matrix", "Flake matrix", (found,))


def matrix(ask: Ask, name: str, path: str, query: Mapping[str, str]) -> Page:
    """Without `all` only cases that did not always pass. Raises BadParameter."""
    runs, sort, series = query.get("runs", str(_COLUMNS)), query.get("sort", "flips"), query.get("series", "")
    tree = query.get("tree", "")
    if not (runs.isascii() and runs.isdecimal() and 1 <= int(runs[:9]) <= _MOST_COLUMNS):
        raise BadParameter(f"runs: expected 1 to {_MOST_COLUMNS}")
    if sort not in _SORTS:
        raise BadParameter(f"sort: expected one of {', '.join(_SORTS)}")
    is_all = query.get("all", "") == "1"
    found = _exact(ask("matrix", kernel=name, series=series, tree=tree, last=int(runs), exactly=not series), name)
    return Page(
        path,
        f"Flake matrix: {name}",
        (_grid(found, sort, is_all),),
        fields=(
            Field("runs", "Runs", runs),
            Field("series", "Series (* and ? match)", series),
            Field("tree", "Tree", tree, (("", "any"), *((one, one) for one in ask("trees").column("tree")))),
            Field(
                "sort",
                "Sorted by",
                sort,
                (("flips", "flips"), ("streak", "streak"), ("rate", "failure rate"), ("name", "name")),
            ),
            Field("all", "Cases", "1" if is_all else "", (("", "that did not always pass"), ("1", "all"))),
        ),
    )


def _exact(found: Answer, kernel: str) -> Answer:
    at = found.at("kernel")
    return replace(found, rows=tuple(row for row in found.rows if row[at] == kernel))


def _grid(found: Answer, sort: str, is_all: bool) -> Section:
    first = found.at("high") + 1
    names = {name: found.at(name) for name in ("test", "flips", "streak", "failed", "ran", "rate", "low", "high")}
    keys: dict[str, Callable[[Any], Any]] = {
        "flips": lambda row: (-row[names["flips"]], -row[names["failed"]], row[names["test"]]),
        "streak": lambda row: (row[names["streak"]], -row[names["flips"]], row[names["test"]]),
        "rate": lambda row: (-(row[names["rate"]] or 0), row[names["test"]]),
        "name": lambda row: row[names["test"]],
    }
    kept = [row for row in found.rows if is_all or any(one not in ("PASS", "SKIP", None) for one in row[first:])]
    runs = [name.partition(" ") for name in found.columns[first:]]
    heads = (
        Cell("test"),
        Cell("flips"),
        Cell("streak"),
        Cell("failed"),
        *(Cell(moment(started)[5:10], page_of("runs", run)) for started, _, run in runs),
    )
    letters = {name: Cell(letter, tone=OUTCOMES.get(name, Tone.UNKNOWN)) for name, letter in _LETTERS.items()}
    letters["PASS"], blank = Cell("·"), Cell("")
    rows = []
    for row in sorted(kept, key=keys[sort]):
        about = {"test": row[names["test"]]}
        rate, low, high = (row[names[one]] for one in ("rate", "low", "high"))
        note = "" if rate is None else f"{percent(rate)}, {percent(low)} to {percent(high)}"
        rows.append(
            (
                cell("test", about),
                Cell(str(row[names["flips"]])),
                Cell(str(row[names["streak"]])),
                Cell(f"{row[names['failed']]} of {row[names['ran']]}", note=note),
                *(letters.get(one, Cell("?")) if one else blank for one in row[first:]),
            )
        )
    table = Table(heads, tuple(rows), is_matrix=True) if rows else None
    left = len(found.rows) - len(kept)
    words = LEGEND + (f" Not shown, since passed in all of these runs: {counted(left, 'case')}." if left else "")
    return Section(
        "matrix", "Cases by runs", found, table, words=words, empty="every case passed in every run", is_filtered=True
    )
