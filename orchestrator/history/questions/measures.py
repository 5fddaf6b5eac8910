"""Figures over time: metrics, mutation scores, coverage."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from orchestrator.history.changes import WINDOW, changes, levels
from orchestrator.history.interval import interval
from orchestrator.history.questions.ask import Answer, Filter, answer, cut, filtered, kernel_of, like, named
from orchestrator.history.schema import COVERAGE, KERNEL, METRIC, MUTANT, RUN, TREND


def metric(connection: Connection, wanted: Filter) -> Answer:
    """A metric over time."""
    asked = filtered(
        select(
            RUN.c.started, RUN.c.series, KERNEL.c.label.label("kernel"), METRIC.c.test, METRIC.c.name, METRIC.c.value,
            METRIC.c.unit, RUN.c.host, RUN.c.id.label("run"), RUN.c.topic, RUN.c.tree,
        )
        .join(RUN, RUN.c.number == METRIC.c.run)
        .join(KERNEL, kernel_of(METRIC)),
        wanted,
        test=METRIC.c.test,
        kernel=KERNEL.c.label,
        metric=METRIC.c.name,
    )  # fmt: skip
    return answer(connection, asked.order_by(METRIC.c.test, METRIC.c.name, KERNEL.c.label, RUN.c.started, RUN.c.id))


def mutants(connection: Connection, wanted: Filter) -> Answer:
    """The share of mutants that the suite killed, over time, with an interval of 95 %."""
    asked = filtered(
        select(RUN.c.started, RUN.c.series, RUN.c.id, RUN.c.topic, RUN.c.tree, MUTANT.c.status, func.count()).join(
            RUN, RUN.c.number == MUTANT.c.run
        ),
        wanted,
    ).group_by(RUN.c.started, RUN.c.series, RUN.c.id, RUN.c.topic, RUN.c.tree, MUTANT.c.status)
    counts: dict[tuple[str, str, str, str, str], dict[str, int]] = {}
    for started, series, run, topic, tree, status, count in connection.execute(asked):
        counts.setdefault((started, series, run, topic, tree), {})[status] = count
    rows = []
    for (started, series, run, topic, tree), by in sorted(counts.items()):
        killed, survived = by.get("KILLED", 0), by.get("SURVIVED", 0)
        tried = killed + survived
        low, high = interval(killed, tried) if tried else (None, None)
        score = killed / tried if tried else None
        left = (by.get("SKIPPED", 0), by.get("ERROR", 0))
        rows.append((started, series, killed, survived, *left, score, low, high, run, topic, tree))
    columns = (
        "started",
        "series",
        "killed",
        "survived",
        "skipped",
        "error",
        "score",
        "low",
        "high",
        "run",
        "topic",
        "tree",
    )
    return Answer(columns, tuple(rows))


def trends(connection: Connection, wanted: Filter) -> Answer:
    """Of each metric, of a series on a tree, on a kernel and host: its level with an interval of 95 % and its last
    change (changes.py), from its latest 100 values. What changed last comes first."""
    asked = named(
        select(
            TREND.c.test, TREND.c.name, TREND.c.label.label("kernel"), TREND.c.topic.label("series"), TREND.c.tree,
            TREND.c.host, TREND.c.number.label("values"), TREND.c.unit, TREND.c.value, TREND.c.middle, TREND.c.low,
            TREND.c.high, TREND.c.changed, TREND.c.shift, TREND.c.shift_low, TREND.c.shift_high, TREND.c.latest,
            TREND.c.accelerator,
        ),
        wanted, test=TREND.c.test, metric=TREND.c.name, kernel=TREND.c.label, tree=TREND.c.tree, host=TREND.c.host,
    )  # fmt: skip
    if wanted.series:
        asked = asked.where(like(TREND.c.topic, wanted.series, wanted))
    if wanted.since:
        asked = asked.where(TREND.c.latest >= wanted.since)
    key = (TREND.c.test, TREND.c.name, TREND.c.label, TREND.c.topic, TREND.c.tree, TREND.c.host)
    return answer(connection, cut(asked.order_by(func.coalesce(TREND.c.changed, "").desc(), *key), wanted))


def change_points(connection: Connection, wanted: Filter) -> Answer:
    """Every change among the latest 100 values of each metric: from which run on, from which level, by how much, with
    an interval of 95 %; in the order of time."""
    values = metric(connection, wanted)
    found: dict[tuple[str, ...], list[tuple[str, float, str, str]]] = {}
    for started, _, kernel, test, name, value, unit, host, run, topic, tree in values.rows:
        if value is not None:
            found.setdefault((test, name, kernel, topic, tree, host), []).append((started, value, unit, run))
    rows = []
    for key, points in found.items():
        latest = points[-WINDOW:]
        numbers = [value for _, value, _, _ in latest]
        ends = changes(numbers)
        for one, level in zip(ends, levels(numbers, ends)[1:], strict=True):
            shares = (one.relative(one.shift), one.relative(one.low), one.relative(one.high))
            rows.append(
                (*key, latest[one.at][0], one.before, level.middle, latest[one.at][2], *shares, latest[one.at][3])
            )
    columns = ("test", "name", "kernel", "series", "tree", "host", "changed", "before", "behind", "unit", "shift",
               "shift_low", "shift_high", "run")  # fmt: skip
    return Answer(columns, tuple(sorted(rows, key=lambda row: (row[6], row[:6]))))


def coverage(connection: Connection, wanted: Filter) -> Answer:
    """The share of the changed statements that the cases executed, over time, for each kernel."""
    asked = filtered(
        select(
            RUN.c.started, RUN.c.series, RUN.c.topic, RUN.c.revision, RUN.c.tree, KERNEL.c.label.label("kernel"),
            COVERAGE.c.hit, COVERAGE.c.counted, RUN.c.id.label("run"),
        )
        .join(RUN, RUN.c.number == COVERAGE.c.run)
        .join(KERNEL, kernel_of(COVERAGE)),
        wanted,
        kernel=KERNEL.c.label,
    )  # fmt: skip
    found = connection.execute(asked.order_by(RUN.c.started, RUN.c.id, KERNEL.c.label))
    rows = [(*row[:8], row.hit / row.counted if row.counted else None, row.run) for row in found]
    columns = ("started", "series", "topic", "revision", "tree", "kernel", "hit", "counted", "covered", "run")
    return Answer(columns, tuple(rows))
