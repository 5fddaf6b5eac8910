"""What every question is made of: a filter, and a table as the answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, select

from orchestrator.history.schema import KERNEL, REVISION, RUN
from orchestrator.history.standing import BAD, PASS

RAN = (PASS, *BAD)


@dataclass(frozen=True)
class Filter:
    """What of the history a question is about. Names are patterns with `*` and `?`; empty: any. Moments are UTC,
    YYYY-MM-DDTHH:MM:SS, or a beginning of that. `exactly` says that names mean themselves. `last` is the number of runs
    or rows that are looked at, 0: all; of those that a question puts first `skip` are left out."""

    test: str = ""
    kernel: str = ""
    series: str = ""
    tree: str = ""
    metric: str = ""
    title: str = ""
    host: str = ""
    verdict: str = ""
    run: str = ""
    since: str = ""
    last: int = 0
    skip: int = 0
    exactly: bool = False


@dataclass(frozen=True)
class Answer:
    """A table. Values are text, numbers, booleans or None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def at(self, column: str) -> int:
        return self.columns.index(column)

    def column(self, name: str) -> tuple[Any, ...]:
        return tuple(row[self.at(name)] for row in self.rows)


Question = Callable[[Connection, Filter], Answer]


def kernel_of(table: Any) -> ColumnElement[bool]:
    """Joins the rows of a run's table with their kernels."""
    return and_(KERNEL.c.run == table.c.run, KERNEL.c.name == table.c.kernel)


def filtered(asked: Select[Any], wanted: Filter, **columns: Any) -> Select[Any]:
    """The rows that are wanted; a filter for which the question has no column does not restrict it."""
    columns = {"tree": RUN.c.tree, "host": RUN.c.host, "verdict": RUN.c.verdict, "run": RUN.c.id, **columns}
    asked = named(asked, wanted, **columns)
    if wanted.series:
        asked = asked.where(like(RUN.c.series, wanted.series, wanted) | like(RUN.c.topic, wanted.series, wanted))
    return asked.where(RUN.c.started >= wanted.since) if wanted.since else asked


def named(asked: Select[Any], wanted: Filter, **columns: Any) -> Select[Any]:
    """The rows whose columns have the names that are wanted."""
    for name, column in columns.items():
        if pattern := getattr(wanted, name):
            asked = asked.where(like(column, pattern, wanted))
    return asked


def like(column: Any, pattern: str, wanted: Filter) -> ColumnElement[bool]:
    """Matches a pattern with * and ?, or the name itself."""
    if wanted.exactly:
        return column == pattern  # type: ignore[no-any-return]
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")  # type: ignore[no-any-return]


def cut(asked: Select[Any], wanted: Filter) -> Select[Any]:
    """The page of an answer that is wanted: `skip` rows are left out, then come `last`; 0 is no limit."""
    asked = asked.offset(wanted.skip) if wanted.skip else asked
    return asked.limit(wanted.last) if wanted.last else asked


def answer(connection: Connection, asked: Select[Any]) -> Answer:
    """The columns by name, and the rows in the order that was asked for."""
    result = connection.execute(asked)
    return Answer(tuple(result.keys()), tuple(tuple(row) for row in result))


def revision(connection: Connection) -> int:
    """A number that every change of the history raises."""
    return int(connection.execute(select(REVISION.c.number)).scalar_one())
