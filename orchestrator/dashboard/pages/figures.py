"""Figures over time: metrics with their changes, mutation scores, coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.dashboard.chart import Point, Span, chart
from orchestrator.dashboard.columns import moment, number, percent, section
from orchestrator.dashboard.page import Ask, Page, Section
from orchestrator.dashboard.pages.overview import emulated
from orchestrator.history.changes import WINDOW, changes, levels
from orchestrator.history.questions import Answer

_MOST_CHARTS = 12
RULE = (
    "A change is told where the ranks of the values in front and behind differ by 4 standard deviations or more, no "
    "one of 99 random orders of the same values shows as much, and the interval of the shift begins at 1 % of the "
    "level or more. Levels and shifts have intervals of 95 %."
)


def metrics(ask: Ask, query: Mapping[str, str]) -> Page:
    found = ask("trends")
    made = section(
        "metrics",
        "Metrics",
        found,
        "test, name: metric, middle: level, shift: last change, changed, values, latest, kernel, series, tree, host",
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
    title = about(topic, tree, kernel, host)
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
    columns = "started, series, score, killed, survived, skipped, error"
    shown = _shares(_rows(ask("mutants")), ("topic", "tree"), "score", columns)
    words = "The share of the tested mutants that the suite killed, with Wilson's interval of 95 %."
    return Page("mutation", "Mutation scores", shown, words)


def coverage(ask: Ask, query: Mapping[str, str]) -> Page:
    columns = "started, series, covered, hit, counted"
    shown = _shares(_rows(ask("coverage")), ("topic", "tree", "kernel"), "covered", columns)
    words = (
        "The share of the statements that a series changes, and that have code in the kernel, which a case executed."
    )
    return Page("coverage", "Coverage", shown, words)


def _shares(rows: Iterable[Mapping[str, Any]], key: Sequence[str], share: str, columns: str) -> tuple[Section, ...]:
    """A section for each line of runs with such figures, the one with the latest first."""
    lines: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        lines.setdefault(tuple(row[name] for name in key), []).append(row)
    ordered = sorted(lines.items(), key=lambda line: str(line[1][-1]["started"]), reverse=True)
    return tuple(
        _share(f"line-{at}", about(*line), found, share, columns)
        for at, (line, found) in enumerate(ordered[:_MOST_CHARTS], 1)
    ) or (Section("figures", "Over time", Answer((), ()), empty="no run of this history has such figures"),)


def _share(name: str, title: str, rows: Sequence[Mapping[str, Any]], share: str, columns: str) -> Section:
    points = [
        Point(
            row["started"],
            row[share],
            f"{moment(row['started'])}: {percent(row[share])}",
            row.get("low"),
            row.get("high"),
        )
        for row in rows
        if row[share] is not None
    ]
    drawn = chart(title, points, percent, bounds=(0.0, 1.0))
    data = Answer(tuple(rows[0]), tuple(tuple(row.values()) for row in reversed(rows)))
    return section(name, title, data, columns, chart=drawn)


def about(topic: str, tree: str, *more: str) -> str:
    """What a line of runs is about: `fix on mm-unstable, base.x86_64.gcc-12`."""
    return ", ".join((f"{topic or 'tip'} on {tree or 'an unknown tree'}", *more))


def _rows(found: Answer) -> list[dict[str, Any]]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]
