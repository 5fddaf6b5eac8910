"""Figures over time: metrics with their changes, mutation scores, coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.dashboard.chart import Chart, Point, Span, chart
from orchestrator.dashboard.columns import moment, number, percent, section
from orchestrator.dashboard.page import Ask, Page, Section
from orchestrator.dashboard.pages.overview import emulated
from orchestrator.history.changes import WINDOW, changes, levels
from orchestrator.history.questions import Answer

_MOST_CHARTS = 12
RULE = (
    "A change is told where the ranks of the values in front and behind differ by 3.5 standard deviations or more, no "
    "one of 99 random orders of the same values shows as much, and the interval of the shift begins at 1 % of the "
    "level or more. Levels and shifts have intervals of 95 %."
)


def metrics(ask: Ask, query: Mapping[str, str]) -> Page:
    found = ask("trends")
    made = section(
        "metrics",
        "Metrics",
        found,
        "test, name, middle: level, shift: last change, changed, values, latest, kernel, series, tree, host",
        most=500,
        is_filtered=True,
        words=emulated(found),
    )
    return Page("metrics", "Metrics", (made,), RULE)


def metric(ask: Ask, name: tuple[str, str], path: str) -> Page:
    """A metric of a test: a chart for each series on each tree, kernel and host; what changed last comes first."""
    test, which = name
    trends = ask("trends", test=test, metric=which, exactly=True)
    values = _rows(ask("metric", test=test, metric=which, exactly=True))
    lines: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in values:
        if row["value"] is not None:
            lines.setdefault(tuple(row[one] for one in ("kernel", "topic", "tree", "host")), []).append(row)
    about = [tuple(row[one] for one in ("kernel", "series", "tree", "host")) for row in _rows(trends)]
    shown = [key for key in about if key in lines][:_MOST_CHARTS]
    return Page(
        path,
        f"{test}: {which}",
        (
            section(
                "trends",
                "Levels",
                trends,
                "kernel, series, tree, host, middle: level, shift: last change, changed, values, latest",
                words=emulated(trends),
            ),
            *(_line(f"line-{number}", key, lines[key][-WINDOW:]) for number, key in enumerate(shown, 1)),
        ),
        RULE,
    )


def _line(name: str, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> Section:
    kernel, topic, tree, host = key
    title = f"{topic or 'tip'} on {tree or 'an unknown tree'}, {kernel}, {host}"
    values, unit = [row["value"] for row in rows], rows[-1]["unit"]
    found = changes(values)
    drawn = chart(
        title,
        [
            Point(row["started"], row["value"], f"{moment(row['started'])}: {number(row['value'])} {unit}")
            for row in rows
        ],
        lambda value: f"{number(value)}",
        words=f"{unit}; the latest {len(rows)} values",
        spans=[Span(one.begin, one.end, one.middle, one.low, one.high) for one in levels(values, found)],
        breaks=[(one.at, _said(one.relative(one.shift), one.shift, unit)) for one in found],
    )
    columns = tuple(rows[0])
    data = Answer(columns, tuple(tuple(row.values()) for row in reversed(rows)))
    return section(name, title, data, "started, value, series", chart=drawn)


def _said(share: float | None, shift: float, unit: str) -> str:
    return f"{100 * share:+.1f} %" if share is not None else f"{number(shift)} {unit}"


def mutation(ask: Ask, query: Mapping[str, str]) -> Page:
    rows = _rows(ask("mutants"))
    return Page(
        "mutation",
        "Mutation scores",
        tuple(_by_topic(rows, "topic", _score)) or (_nothing("mutants"),),
        "The share of the tested mutants that the suite killed, with Wilson's interval of 95 %.",
    )


def _score(name: str, topic: str, rows: Sequence[Mapping[str, Any]]) -> Section:
    known = [row for row in rows if row["score"] is not None]
    drawn = chart(
        f"Mutation score of {topic or 'the base'}",
        [
            Point(
                row["started"],
                row["score"],
                f"{moment(row['started'])}: {percent(row['score'])}",
                row["low"],
                row["high"],
            )
            for row in known
        ],
        percent,
        bounds=(0.0, 1.0),
    )
    return _with(name, topic or "the base", rows, drawn, "started, series, score, killed, survived, skipped, error")


def coverage(ask: Ask, query: Mapping[str, str]) -> Page:
    rows = _rows(ask("coverage"))
    return Page(
        "coverage",
        "Coverage",
        tuple(_by_topic(rows, "topic", _covered)) or (_nothing("coverage"),),
        "The share of the statements that a series changes, and that have code in the kernel, which a case executed.",
    )


def _covered(name: str, topic: str, rows: Sequence[Mapping[str, Any]]) -> Section:
    known = [row for row in rows if row["covered"] is not None]
    drawn = chart(
        f"Coverage of {topic or 'the base'}",
        [
            Point(
                row["started"], row["covered"], f"{moment(row['started'])}, {row['kernel']}: {percent(row['covered'])}"
            )
            for row in known
        ],
        percent,
        bounds=(0.0, 1.0),
    )
    return _with(name, topic or "the base", rows, drawn, "started, series, covered, hit, counted, kernel, tree")


def _by_topic(rows: Iterable[Mapping[str, Any]], key: str, made: Any) -> Iterable[Section]:
    """A section for each series, the one with the latest figures first."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    ordered = sorted(groups.items(), key=lambda group: group[1][-1]["started"], reverse=True)
    for at, (topic, found) in enumerate(ordered[:_MOST_CHARTS], 1):
        yield made(f"series-{at}", topic, found)


def _with(name: str, title: str, rows: Sequence[Mapping[str, Any]], drawn: Chart | None, columns: str) -> Section:
    data = Answer(tuple(rows[0]), tuple(tuple(row.values()) for row in reversed(rows)))
    return section(name, title, data, columns, chart=drawn)


def _nothing(name: str) -> Section:
    return Section(name, "Over time", Answer((), ()), empty="no run of this history has such figures")


def _rows(found: Answer) -> list[dict[str, Any]]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]
