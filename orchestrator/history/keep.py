"""Rows into the history, and out of it again."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import Connection, delete, func, insert, select, update

from orchestrator.history.database import Database, alone_with
from orchestrator.history.derived import changed, follow_run, follow_tests, forget, tests_of
from orchestrator.history.rows import Rows
from orchestrator.history.schema import CHILDREN, FINDING, KERNEL, PRUNED_PASS, PRUNED_TITLE, REPORT, RUN

_AT_ONCE = 5_000  # rows of a statement


class Kept(Enum):
    """What became of a run."""

    NEW = "imported"
    CHANGED = "imported again: it has changed"
    SAME = "is in the history"


def keep(database: Database, rows: Rows) -> Kept:
    """Put a run into the history, or what has changed of it; all of it or nothing. Raises HistoryUnavailable."""
    with database.writing() as connection:
        alone_with(connection, rows.run.id)  # another may import the same run at the same time
        return _keep(connection, rows)


def _keep(connection: Connection, rows: Rows) -> Kept:
    known = connection.execute(select(RUN.c.number, RUN.c.content).where(RUN.c.id == rows.run.id)).first()
    if known and known.content == rows.run.content:
        return Kept.SAME
    changed(connection)
    if known:
        number = known.number
        line, tests = tests_of(connection, number)
        connection.execute(update(RUN).where(RUN.c.number == number).values(**vars(rows.run)))
        for table in CHILDREN.values():
            connection.execute(delete(table).where(table.c.run == number))
    else:
        number = connection.execute(insert(RUN).values(**vars(rows.run)).returning(RUN.c.number)).scalar_one()
    for name, table in CHILDREN.items():
        found = [{"run": number, **vars(row)} for row in getattr(rows, name)]
        for at in range(0, len(found), _AT_ONCE):
            connection.execute(insert(table), found[at : at + _AT_ONCE])
    if known:  # what it said before is no more so
        follow_tests(connection, line, tests)
    follow_run(connection, number)
    return Kept.CHANGED if known else Kept.NEW


def prune(database: Database, before: str, *, is_rehearsal: bool) -> list[tuple[str, str, str]]:
    """Remove the runs that started before a moment; id, start and series of each. Since when a title exists and when a
    test last passed stays known. A rehearsal removes nothing. Raises HistoryUnavailable."""
    with database.reading() if is_rehearsal else database.writing() as connection:
        old = select(RUN.c.number).where(RUN.c.started < before)
        gone = connection.execute(select(RUN.c.id, RUN.c.started, RUN.c.series).where(RUN.c.started < before))
        told = [(row.id, row.started, row.series) for row in gone.all()]
        if not is_rehearsal and told:
            changed(connection)
            forget(connection, before)
            _remember(connection, before)
            for table in CHILDREN.values():
                connection.execute(delete(table).where(table.c.run.in_(old)))
            connection.execute(delete(RUN).where(RUN.c.started < before))
    return sorted(told, key=lambda row: row[1])


def _remember(connection: Connection, before: str) -> None:
    titles = connection.execute(
        select(REPORT.c.title, func.max(REPORT.c.kind), func.min(RUN.c.started), func.max(RUN.c.started))
        .join(RUN, RUN.c.number == REPORT.c.run)
        .where(RUN.c.started < before)
        .group_by(REPORT.c.title)
    ).all()
    for title, kind, first, last in titles:
        here = PRUNED_TITLE.c.title == title
        known = connection.execute(select(PRUNED_TITLE).where(here)).first()
        if known:
            values = {"first_seen": min(first, known.first_seen), "last_seen": max(last, known.last_seen)}
            connection.execute(update(PRUNED_TITLE).where(here).values(**values))
        else:
            row = {"title": title, "kind": kind, "first_seen": first, "last_seen": last}
            connection.execute(insert(PRUNED_TITLE).values(**row))
    passes = connection.execute(
        select(KERNEL.c.label, FINDING.c.test, func.max(RUN.c.started))
        .join(RUN, RUN.c.number == FINDING.c.run)
        .join(KERNEL, (KERNEL.c.run == FINDING.c.run) & (KERNEL.c.name == FINDING.c.kernel))
        .where(RUN.c.started < before, FINDING.c.outcome == "PASS")
        .group_by(KERNEL.c.label, FINDING.c.test)
    ).all()
    for label, test, last in passes:
        here = (PRUNED_PASS.c.label == label) & (PRUNED_PASS.c.test == test)
        known = connection.execute(select(PRUNED_PASS).where(here)).first()
        if known:
            connection.execute(update(PRUNED_PASS).where(here).values(last_pass=max(last, known.last_pass)))
        else:
            connection.execute(insert(PRUNED_PASS).values(label=label, test=test, last_pass=last))
