"""Runs by what they are about and where they ran: trees, series and their versions, kernels, machines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, case, func, select

from orchestrator.history.questions.ask import Answer, Filter, answer, cut, filtered
from orchestrator.history.schema import ATTEMPT, KERNEL, RUN

_LATEST = func.max(RUN.c.started)


def trees(connection: Connection, wanted: Filter) -> Answer:
    """The trees: how many runs and series each has, of how many bases, and its latest run. `runs` counts all of them,
    `tips` those without a series."""
    columns = (
        RUN.c.tree, func.count().label("runs"), func.sum(case((RUN.c.topic == "", 1), else_=0)).label("tips"),
        func.count(case((RUN.c.topic != "", RUN.c.topic)).distinct()).label("series_count"),
        func.min(RUN.c.started).label("first"), _LATEST.label("latest"),
    )  # fmt: skip
    asked = filtered(select(*columns).where(RUN.c.tree != ""), wanted).group_by(RUN.c.tree)
    return _with_verdicts(connection, cut(asked.order_by(_LATEST.desc(), RUN.c.tree), wanted), wanted, "tree")


def series(connection: Connection, wanted: Filter) -> Answer:
    """The series, whatever their version; the latest first."""
    columns = (
        RUN.c.topic.label("series"), func.count().label("runs"),
        func.count(RUN.c.series_digest.distinct()).label("versions"),
        func.max(RUN.c.revision).label("newest"), func.count(RUN.c.tree.distinct()).label("trees"),
        func.min(RUN.c.started).label("first"), _LATEST.label("latest"),
    )  # fmt: skip
    asked = filtered(select(*columns).where(RUN.c.topic != ""), wanted).group_by(RUN.c.topic)
    return _with_verdicts(connection, cut(asked.order_by(_LATEST.desc(), RUN.c.topic), wanted), wanted, "topic")


def versions(connection: Connection, wanted: Filter) -> Answer:
    """The versions of each series, told apart by the digest of their patches; the latest first."""
    columns = (
        RUN.c.topic.label("series"), func.max(RUN.c.series).label("full_name"),
        func.max(RUN.c.revision).label("revision"),
        RUN.c.series_digest.label("digest"), RUN.c.tree, func.count().label("runs"),
        func.min(RUN.c.started).label("first"), _LATEST.label("latest"),
    )  # fmt: skip
    asked = filtered(select(*columns).where(RUN.c.topic != ""), wanted)
    asked = asked.group_by(RUN.c.topic, RUN.c.series_digest, RUN.c.tree)
    asked = cut(asked.order_by(_LATEST.desc(), RUN.c.topic, RUN.c.series_digest, RUN.c.tree), wanted)
    found = answer(connection, asked)
    latest = {(topic, digest, tree): rest for topic, digest, tree, *rest in _last(
        connection, wanted, RUN.c.topic, RUN.c.series_digest, RUN.c.tree)}  # fmt: skip
    rows = [(*row, *latest[row[0], row[3], row[4]]) for row in found.rows]
    return Answer((*found.columns, "verdict", "reason", "run"), tuple(rows))


def labels(connection: Connection, wanted: Filter) -> Answer:
    """The kernels by the name that they have in every run; the latest first."""
    columns = (
        KERNEL.c.label.label("kernel"), func.max(KERNEL.c.role).label("role"),
        func.count(RUN.c.number.distinct()).label("runs"),
        func.min(RUN.c.started).label("first"), _LATEST.label("latest"),
    )  # fmt: skip
    asked = filtered(select(*columns).join(RUN, RUN.c.number == KERNEL.c.run), wanted, kernel=KERNEL.c.label)
    asked = asked.group_by(KERNEL.c.label)
    return answer(connection, cut(asked.order_by(_LATEST.desc(), func.count().desc(), KERNEL.c.label), wanted))


def machines(connection: Connection, wanted: Filter) -> Answer:
    """The hosts: their runs, how many ended without a verdict, attempts that the host spoiled, how guests ran there."""
    asked = filtered(
        select(
            RUN.c.host, func.count().label("runs"),
            func.sum(case((RUN.c.verdict == "NO_VERDICT", 1), else_=0)).label("without_verdict"),
            func.sum(RUN.c.time_s).label("time_s"), func.min(RUN.c.started).label("first"), _LATEST.label("latest"),
            func.max(RUN.c.version).label("version"),
        ),
        wanted,
    ).group_by(RUN.c.host)  # fmt: skip
    found = answer(connection, asked.order_by(_LATEST.desc(), RUN.c.host))
    spoiled = dict(_pairs(connection, filtered(
        select(RUN.c.host, func.count()).join(ATTEMPT, ATTEMPT.c.run == RUN.c.number).where(ATTEMPT.c.is_host_fault),
        wanted).group_by(RUN.c.host)))  # fmt: skip
    kinds = (RUN.c.host, KERNEL.c.accelerator, KERNEL.c.machine, RUN.c.arch)
    asked = filtered(select(*kinds).join(KERNEL, KERNEL.c.run == RUN.c.number), wanted).distinct()
    how: dict[str, set[str]] = {}
    for host, *words in connection.execute(asked):
        how.setdefault(host, set()).add(" ".join(word for word in words if word))
    rows = [(*row, spoiled.get(row[0], 0), ", ".join(sorted(how.get(row[0], ())))) for row in found.rows]
    return Answer((*found.columns, "spoiled", "guests"), tuple(rows))


def _pairs(connection: Connection, asked: Select[Any]) -> list[tuple[Any, Any]]:
    return [(first, second) for first, second in connection.execute(asked)]


def _with_verdicts(connection: Connection, asked: Select[Any], wanted: Filter, column: str) -> Answer:
    """The answer, with the verdict, reason and id of the latest run of each row."""
    found = answer(connection, asked)
    latest = {name: rest for name, *rest in _last(connection, wanted, RUN.c[column])}
    return Answer((*found.columns, "verdict", "reason", "run"), tuple((*row, *latest[row[0]]) for row in found.rows))


def _last(connection: Connection, wanted: Filter, *key: Any) -> Any:
    """Of each group: its key, and verdict, reason and id of its latest run."""
    order = (RUN.c.started.desc(), RUN.c.number.desc())
    age = func.row_number().over(partition_by=key, order_by=order).label("age")
    ranked = filtered(select(*key, RUN.c.verdict, RUN.c.reason, RUN.c.id, age), wanted).subquery()
    columns = [column for column in ranked.c if column.name != "age"]
    return connection.execute(select(*columns).where(ranked.c.age == 1))
