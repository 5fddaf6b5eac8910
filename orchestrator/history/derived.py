"""Rows that follow from other rows: how each test stands, and where each metric has got to.

They are kept, in the transaction that changes what they follow from, since a page of a dashboard cannot fold a hundred
thousand results. One counter of changes is raised first: it is the lock under which writers do this one after the
other, and it tells readers whether what they have is still so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, delete, insert, select, update

from orchestrator.history.changes import WINDOW
from orchestrator.history.schema import FINDING, KERNEL, METRIC, REVISION, RUN, STANDING, TREND
from orchestrator.history.standing import Standing, after, before
from orchestrator.history.trend import trend

_AT_ONCE = 5_000  # rows of a statement
_SOME = 500  # names in one

Key = tuple[str, str]  # a kernel's label and a test
_FIELDS = tuple(entry.name for entry in fields(Standing))


@dataclass(frozen=True)
class Line:
    """What is compared with itself from run to run: a topic on a tree. Metrics are compared on one host, too."""

    topic: str
    tree: str
    host: str


def changed(connection: Connection) -> None:
    """Count a change. Until the transaction ends no other writer comes so far."""
    connection.execute(update(REVISION).values(number=REVISION.c.number + 1))


def tests_of(connection: Connection, run: int) -> tuple[Line, set[Key]]:
    """The line of a run, and its tests."""
    found = connection.execute(_outcomes().where(RUN.c.number == run))
    return _line(connection, run)[0], {(row.label, row.test) for row in found}


def follow_run(connection: Connection, run: int) -> None:
    """After a run came: a step for each of its tests. Those that a later run has shown already are worked out anew."""
    _step(connection, run)
    line, _ = _line(connection, run)
    same = and_(KERNEL.c.run == METRIC.c.run, KERNEL.c.name == METRIC.c.kernel)
    mine = select(KERNEL.c.label, METRIC.c.test, METRIC.c.name).join(KERNEL, same).where(METRIC.c.run == run)
    _trends(connection, line, {(label, test, name) for label, test, name in connection.execute(mine)})


def follow_tests(connection: Connection, line: Line, keys: Iterable[Key]) -> None:
    """Work out how tests stand from all results that there are."""
    wanted = set(keys)
    known = _standings(connection, line) if wanted else {}
    made: dict[Key, tuple[str, Standing]] = {}
    tests = sorted({test for _, test in wanted})
    for at in range(0, len(tests), _SOME):
        asked = _outcomes().where(RUN.c.topic == line.topic, RUN.c.tree == line.tree)
        asked = asked.where(FINDING.c.test.in_(tests[at : at + _SOME])).order_by(RUN.c.started, RUN.c.number)
        for found in connection.execute(asked):
            key = (found.label, found.test)
            if key in wanted:
                last = made[key][1] if key in made else before(known[key][1], found.started) if key in known else None
                made[key] = (found.kind, after(last, found.started, found.outcome))
    _put(connection, line, made, wanted)


def forget(connection: Connection, moment: str) -> None:
    """Of metrics without a value since a moment nothing is known any more. How tests stand stays known."""
    connection.execute(delete(TREND).where(TREND.c.latest < moment))


def rebuild(connection: Connection) -> None:
    """All of it anew: after the tables changed."""
    changed(connection)
    for table in (STANDING, TREND):
        connection.execute(delete(table))
    numbers = connection.execute(select(RUN.c.number).order_by(RUN.c.started, RUN.c.number)).scalars().all()
    for number in numbers:
        _step(connection, number)
    for row in connection.execute(select(RUN.c.topic, RUN.c.tree, RUN.c.host).distinct()).all():
        _trends(connection, Line(*row), None)


def _line(connection: Connection, run: int) -> tuple[Line, str]:
    """And when the run started."""
    row = connection.execute(
        select(RUN.c.topic, RUN.c.tree, RUN.c.host, RUN.c.started).where(RUN.c.number == run)
    ).one()
    return Line(row.topic, row.tree, row.host), row.started


def _outcomes() -> Select[Any]:
    same = and_(KERNEL.c.run == FINDING.c.run, KERNEL.c.name == FINDING.c.kernel)
    columns = (KERNEL.c.label, FINDING.c.test, FINDING.c.kind, FINDING.c.outcome, RUN.c.started)
    return select(*columns).join(RUN, RUN.c.number == FINDING.c.run).join(KERNEL, same)


def _standings(connection: Connection, line: Line) -> dict[Key, tuple[str, Standing]]:
    """The kind of each test, and how it stands."""
    asked = select(STANDING).where(STANDING.c.topic == line.topic, STANDING.c.tree == line.tree)
    return {
        (row.label, row.test): (row.kind, Standing(*(getattr(row, name) for name in _FIELDS)))
        for row in connection.execute(asked)
    }


def _step(connection: Connection, run: int) -> None:
    line, started = _line(connection, run)
    known = _standings(connection, line)
    made: dict[Key, tuple[str, Standing]] = {}
    late: set[Key] = set()
    for found in connection.execute(_outcomes().where(RUN.c.number == run)):
        key = (found.label, found.test)
        last = made.get(key) or known.get(key)
        if last and started < last[1].latest:
            late.add(key)
        else:
            made[key] = (found.kind, after(last[1] if last else None, started, found.outcome))
    _put(connection, line, made, made)
    follow_tests(connection, line, late)


def _put(
    connection: Connection, line: Line, made: Mapping[Key, tuple[str, Standing]], instead_of: Iterable[Key]
) -> None:
    of_line = {"topic": line.topic, "tree": line.tree}
    gone = [{**of_line, "label": label, "test": test} for label, test in instead_of]
    rows = [
        {**of_line, "label": label, "test": test, "kind": kind, **{name: getattr(one, name) for name in _FIELDS}}
        for (label, test), (kind, one) in made.items()
    ]
    _replace(connection, STANDING, gone, rows)


def _trends(connection: Connection, line: Line, wanted: set[tuple[str, str, str]] | None) -> None:
    """Of these metrics (kernel's label, test, name), or all that there are, from the latest runs of the line."""
    if wanted is not None and not wanted:
        return
    same = and_(KERNEL.c.run == METRIC.c.run, KERNEL.c.name == METRIC.c.kernel)
    mine = and_(RUN.c.topic == line.topic, RUN.c.tree == line.tree, RUN.c.host == line.host)
    latest = (RUN.c.started.desc(), RUN.c.number.desc())
    runs = connection.execute(select(RUN.c.number).where(mine).order_by(*latest).limit(WINDOW)).scalars().all()
    key = (KERNEL.c.label, METRIC.c.test, METRIC.c.name)
    found = connection.execute(
        select(*key, RUN.c.started, METRIC.c.value, METRIC.c.unit, KERNEL.c.accelerator)
        .join(RUN, RUN.c.number == METRIC.c.run)
        .join(KERNEL, same)
        .where(METRIC.c.run.in_(runs), METRIC.c.value.is_not(None))
        .order_by(*key, RUN.c.started, RUN.c.number)
    )
    rows = []
    for (label, test, name), group in groupby(found, key=lambda row: (row.label, row.test, row.name)):
        if wanted is None or (label, test, name) in wanted:
            points = list(group)
            made = trend([(one.started, one.value) for one in points], points[-1].unit, points[-1].accelerator)
            of_line = {"topic": line.topic, "tree": line.tree, "host": line.host}
            rows.append({**of_line, "label": label, "test": test, "name": name, **vars(made)})
    _replace(connection, TREND, rows, rows)


def _replace(connection: Connection, table: Table, gone: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Rows with these keys are deleted, and new ones put in."""
    keys = [column.name for column in table.primary_key]
    here = and_(*(table.c[name] == bindparam(f"old_{name}") for name in keys))
    for at in range(0, len(gone), _AT_ONCE):
        some = [{f"old_{name}": row[name] for name in keys} for row in gone[at : at + _AT_ONCE]]
        connection.execute(delete(table).where(here), some)
    for at in range(0, len(rows), _AT_ONCE):
        connection.execute(insert(table), rows[at : at + _AT_ONCE])
