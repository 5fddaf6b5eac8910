"""Titles of kernel reports, and the known issues among them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from orchestrator.history.questions.ask import Answer, Filter, answer, cut, filtered, kernel_of, named
from orchestrator.history.schema import KERNEL, KNOWN_ISSUE, PRUNED_TITLE, REPORT, RUN


def titles(connection: Connection, wanted: Filter) -> Answer:
    """Since when each title of a kernel report exists; the newest first."""
    found = filtered(
        select(
            REPORT.c.title, func.max(REPORT.c.kind).label("kind"), func.min(RUN.c.started).label("first_seen"),
            func.max(RUN.c.started).label("last_seen"), func.count(RUN.c.number.distinct()).label("runs"),
            func.sum(REPORT.c.times).label("times"), func.count(KERNEL.c.label.distinct()).label("kernels"),
            func.min(REPORT.c.test).label("test"), func.max(REPORT.c.known).label("known"),
        )
        .join(RUN, RUN.c.number == REPORT.c.run)
        .join(KERNEL, kernel_of(REPORT)),
        wanted,
        test=REPORT.c.test,
        kernel=KERNEL.c.label,
        title=REPORT.c.title,
    ).group_by(REPORT.c.title)  # fmt: skip
    seen = {row.title: tuple(row) for row in connection.execute(found)}
    for title, kind, first, last in connection.execute(_filtered_titles(wanted)):
        if title in seen:
            row = seen[title]
            seen[title] = (title, row[1], min(first, row[2]), *row[3:])
        elif not (wanted.test or wanted.kernel or wanted.series) and last >= wanted.since:
            seen[title] = (title, kind, first, last, 0, 0, 0, None, None)
    columns = ("title", "kind", "first_seen", "last_seen", "runs", "times", "kernels", "test", "known")
    rows = sorted(seen.values(), key=lambda row: (row[2], row[0]), reverse=True)
    return Answer(columns, tuple(rows[wanted.skip :][: wanted.last or None]))


def known(connection: Connection, wanted: Filter) -> Answer:
    """Known issues: those that have expired, that were never seen, and the others. What was seen is a title that the
    expression matches, counted or not."""
    issues = connection.execute(
        filtered(
            select(
                KNOWN_ISSUE.c.title,
                KNOWN_ISSUE.c.link,
                func.max(KNOWN_ISSUE.c.expires).label("expires"),
                func.count(RUN.c.number.distinct()).label("runs"),
            ).join(RUN, RUN.c.number == KNOWN_ISSUE.c.run),
            wanted,
            title=KNOWN_ISSUE.c.title,
        ).group_by(KNOWN_ISSUE.c.title, KNOWN_ISSUE.c.link)
    ).all()
    seen = titles(connection, Filter(series=wanted.series, tree=wanted.tree, since=wanted.since)).rows
    today = datetime.now(UTC).date().isoformat()
    rows = []
    for issue in issues:
        times = [row[3] for row in seen if _matches(issue.title, row[0])]
        state = "expired" if issue.expires < today else "seen" if times else "never seen"
        rows.append((issue.title, state, issue.expires, max(times, default=None), issue.runs, issue.link))
    order = {"expired": 0, "never seen": 1, "seen": 2}
    columns = ("title", "state", "expires", "last_seen", "runs", "link")
    return Answer(columns, tuple(sorted(rows, key=lambda row: (order[row[1]], row[0], row[5]))))


def _filtered_titles(wanted: Filter) -> Select[Any]:
    asked = select(PRUNED_TITLE.c.title, PRUNED_TITLE.c.kind, PRUNED_TITLE.c.first_seen, PRUNED_TITLE.c.last_seen)
    return named(asked, wanted, title=PRUNED_TITLE.c.title)


def _matches(expression: str, title: str) -> bool:
    """What another version took for an expression matches nothing."""
    try:
        return re.fullmatch(expression, title) is not None
    except re.error:
        return False


def reports(connection: Connection, wanted: Filter) -> Answer:
    """Each kernel report: when, where in the source, during which test on which kernel; the latest first."""
    columns: tuple[Any, ...] = (
        RUN.c.started, RUN.c.id.label("run"), RUN.c.series, RUN.c.topic, RUN.c.tree,
        KERNEL.c.label.label("kernel"), REPORT.c.test,
        REPORT.c.title, REPORT.c.times, REPORT.c.function, REPORT.c.file, REPORT.c.line, REPORT.c.patch, REPORT.c.known,
        KERNEL.c.release,
    )  # fmt: skip
    asked = select(*columns).join(RUN, RUN.c.number == REPORT.c.run).join(KERNEL, kernel_of(REPORT))
    asked = filtered(asked, wanted, test=REPORT.c.test, kernel=KERNEL.c.label, title=REPORT.c.title)
    order = (RUN.c.started.desc(), RUN.c.id, KERNEL.c.label, REPORT.c.title, REPORT.c.test)
    return answer(connection, cut(asked.order_by(*order), wanted))
