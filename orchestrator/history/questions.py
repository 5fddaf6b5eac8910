"""Questions to the history. Each is a function: connection, filter -> a table. A new one is a function and a line in
QUESTIONS."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from orchestrator.history.interval import interval
from orchestrator.history.schema import (
    ATTEMPT,
    FINDING,
    KERNEL,
    KNOWN_ISSUE,
    METRIC,
    MUTANT,
    PRUNED_PASS,
    PRUNED_TITLE,
    REPORT,
    RUN,
)

_BAD = ("FAIL", "TIMEOUT", "CRASH")
_RAN = ("PASS", *_BAD)


@dataclass(frozen=True)
class Filter:
    """What of the history a question is about. Names are patterns with `*` and `?`; empty: any. Moments are UTC,
    YYYY-MM-DDTHH:MM:SS, or a beginning of that."""

    test: str = ""
    kernel: str = ""
    series: str = ""
    metric: str = ""
    title: str = ""
    since: str = ""


@dataclass(frozen=True)
class Answer:
    """A table. Values are text, numbers, booleans or None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def runs(connection: Connection, wanted: Filter) -> Answer:
    """The runs, the latest first."""
    failed = (
        select(FINDING.c.run, func.count().label("failed"))
        .where(FINDING.c.kind.in_(("stage", "case")), FINDING.c.is_at_fault)
        .group_by(FINDING.c.run)
        .subquery()
    )
    columns = (
        RUN.c.started,
        RUN.c.id,
        RUN.c.series,
        RUN.c.verdict,
        func.coalesce(failed.c.failed, 0).label("at_fault"),
        RUN.c.reason,
        RUN.c.host,
        RUN.c.location,
    )
    asked = _filtered(select(*columns).outerjoin(failed, failed.c.run == RUN.c.number), wanted)
    return _answer(connection, asked.order_by(RUN.c.started.desc(), RUN.c.id))


def passes(connection: Connection, wanted: Filter) -> Answer:
    """When each test last passed on each kernel, and since when it fails; what fails comes first."""
    found = connection.execute(_standings(wanted)).all()
    rows = [(one.test, one.kernel, one.outcome, one.last_pass, one.fails_since, one.runs) for one in found]
    columns = ("test", "kernel", "outcome", "last_pass", "fails_since", "runs")
    return Answer(columns, tuple(sorted(rows, key=lambda row: (row[4] is None, row[0], row[1]))))


def news(connection: Connection, wanted: Filter) -> Answer:
    """What is new: tests that began to fail, that still fail, that pass again, that are missing or could not be judged,
    and titles that were never seen before. Without `since` it is about the day up to the latest run."""
    since = wanted.since or _day_before(connection)
    found = connection.execute(_standings(replace(wanted, since=""))).all()
    rows = [(state, one.test, one.kernel, one.outcome, one.fails_since or one.latest, one.last_pass)
            for one in found if (state := _state(one, since))]  # fmt: skip
    seen = titles(connection, replace(wanted, since=""))
    rows += [("new title", row[0], None, None, row[2], None) for row in seen.rows if row[2] >= since]
    columns = ("state", "what", "kernel", "outcome", "since", "last_pass")
    return Answer(columns, tuple(sorted(rows, key=lambda row: (_STATES.index(row[0]), row[1], row[2] or ""))))


_STATES = ("fails", "new title", "still fails", "error", "missing", "passes again")


def _state(one: Any, since: str) -> str:
    """Of a test on a kernel; empty where there is nothing to tell."""
    if one.outcome in _BAD:
        return "fails" if one.fails_since >= since else "still fails"
    if one.latest < since:
        return ""
    if one.outcome == "PASS":
        return "passes again" if one.before in _BAD else ""
    return {"ERROR": "error", "NOT_RUN": "missing"}.get(one.outcome, "")


def _day_before(connection: Connection) -> str:
    latest = connection.execute(select(func.max(RUN.c.started))).scalar() or ""
    try:
        return (datetime.fromisoformat(latest) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return ""


def _standings(wanted: Filter) -> Select[Any]:
    """Of each test on each kernel: test, kernel, outcome and the one before, latest run, last pass, since when it
    fails, number of runs."""
    same = and_(KERNEL.c.run == FINDING.c.run, KERNEL.c.name == FINDING.c.kernel)
    by_age = (RUN.c.started.desc(), RUN.c.number.desc())
    ran = _filtered(
        select(
            KERNEL.c.label, FINDING.c.test, FINDING.c.outcome, RUN.c.started,
            func.row_number().over(partition_by=(KERNEL.c.label, FINDING.c.test), order_by=by_age).label("age"),
        )
        .join(RUN, RUN.c.number == FINDING.c.run)
        .join(KERNEL, same),
        wanted,
        test=FINDING.c.test,
        kernel=KERNEL.c.label,
    ).subquery()  # fmt: skip
    summed = (
        select(
            ran.c.label, ran.c.test, func.count().label("runs"), func.max(ran.c.started).label("latest"),
            func.max(case((ran.c.outcome == "PASS", ran.c.started))).label("passed"),
            func.max(case((ran.c.age == 1, ran.c.outcome))).label("outcome"),
            func.max(case((ran.c.age == 2, ran.c.outcome))).label("before"),
        )
        .group_by(ran.c.label, ran.c.test)
        .subquery()
    )  # fmt: skip
    pruned = and_(PRUNED_PASS.c.label == summed.c.label, PRUNED_PASS.c.test == summed.c.test)
    last_pass = func.coalesce(summed.c.passed, PRUNED_PASS.c.last_pass)
    fails = and_(
        ran.c.label == summed.c.label, ran.c.test == summed.c.test, ran.c.outcome.in_(_BAD),
        or_(last_pass.is_(None), ran.c.started > last_pass),
    )  # fmt: skip
    known = (summed.c.test, summed.c.label.label("kernel"), summed.c.outcome, summed.c.before, summed.c.latest,
             last_pass.label("last_pass"), summed.c.runs)  # fmt: skip
    return (
        select(*known, func.min(ran.c.started).label("fails_since"))
        .select_from(summed)
        .outerjoin(PRUNED_PASS, pruned)
        .outerjoin(ran, fails)
        .group_by(*known)
    )


def titles(connection: Connection, wanted: Filter) -> Answer:
    """Since when each title of a kernel report exists; the newest first."""
    same = and_(KERNEL.c.run == REPORT.c.run, KERNEL.c.name == REPORT.c.kernel)
    found = _filtered(
        select(
            REPORT.c.title, func.max(REPORT.c.kind).label("kind"), func.min(RUN.c.started).label("first_seen"),
            func.max(RUN.c.started).label("last_seen"), func.count(RUN.c.number.distinct()).label("runs"),
            func.sum(REPORT.c.times).label("times"), func.count(KERNEL.c.label.distinct()).label("kernels"),
            func.min(REPORT.c.test).label("test"), func.max(REPORT.c.known).label("known"),
        )
        .join(RUN, RUN.c.number == REPORT.c.run)
        .join(KERNEL, same),
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
    return Answer(columns, tuple(rows))


def flakes(connection: Connection, wanted: Filter) -> Answer:
    """How often each case fails on each kernel, of all its attempts, with an interval of 95 %."""
    same = and_(KERNEL.c.run == ATTEMPT.c.run, KERNEL.c.name == ATTEMPT.c.kernel)
    asked = _filtered(
        select(
            ATTEMPT.c.test, KERNEL.c.label, func.count().label("attempts"),
            func.sum(case((ATTEMPT.c.outcome.in_(_BAD), 1), else_=0)).label("failed"),
            func.max(case((ATTEMPT.c.outcome.in_(_BAD), RUN.c.started))).label("last_failure"),
        )
        .join(RUN, RUN.c.number == ATTEMPT.c.run)
        .join(KERNEL, same)
        .where(ATTEMPT.c.outcome.in_(_RAN), ATTEMPT.c.is_host_fault.is_(False)),
        wanted,
        test=ATTEMPT.c.test,
        kernel=KERNEL.c.label,
    ).group_by(ATTEMPT.c.test, KERNEL.c.label)  # fmt: skip
    rows = []
    for test, kernel, attempts, failed, last in connection.execute(asked):
        low, high = interval(failed, attempts)
        rows.append((test, kernel, attempts, failed, failed / attempts, low, high, last))
    columns = ("test", "kernel", "attempts", "failed", "rate", "low", "high", "last_failure")
    return Answer(columns, tuple(sorted(rows, key=lambda row: (-row[4], row[0], row[1]))))


def metric(connection: Connection, wanted: Filter) -> Answer:
    """A metric over time."""
    same = and_(KERNEL.c.run == METRIC.c.run, KERNEL.c.name == METRIC.c.kernel)
    asked = _filtered(
        select(
            RUN.c.started, RUN.c.series, KERNEL.c.label.label("kernel"), METRIC.c.test, METRIC.c.name, METRIC.c.value,
            METRIC.c.unit, RUN.c.host, RUN.c.id.label("run"),
        )
        .join(RUN, RUN.c.number == METRIC.c.run)
        .join(KERNEL, same),
        wanted,
        test=METRIC.c.test,
        kernel=KERNEL.c.label,
        metric=METRIC.c.name,
    )  # fmt: skip
    return _answer(connection, asked.order_by(METRIC.c.test, METRIC.c.name, KERNEL.c.label, RUN.c.started, RUN.c.id))


def mutants(connection: Connection, wanted: Filter) -> Answer:
    """The share of mutants that the suite killed, over time, with an interval of 95 %."""
    asked = _filtered(
        select(RUN.c.started, RUN.c.series, RUN.c.id, MUTANT.c.status, func.count()).join(
            RUN, RUN.c.number == MUTANT.c.run
        ),
        wanted,
    ).group_by(RUN.c.started, RUN.c.series, RUN.c.id, MUTANT.c.status)
    counts: dict[tuple[str, str, str], dict[str, int]] = {}
    for started, series, run, status, count in connection.execute(asked):
        counts.setdefault((started, series, run), {})[status] = count
    rows = []
    for (started, series, run), by in sorted(counts.items()):
        killed, survived = by.get("KILLED", 0), by.get("SURVIVED", 0)
        tried = killed + survived
        low, high = interval(killed, tried) if tried else (None, None)
        score = killed / tried if tried else None
        left = (by.get("SKIPPED", 0), by.get("ERROR", 0))
        rows.append((started, series, killed, survived, *left, score, low, high, run))
    columns = ("started", "series", "killed", "survived", "skipped", "error", "score", "low", "high", "run")
    return Answer(columns, tuple(rows))


def known(connection: Connection, wanted: Filter) -> Answer:
    """Known issues: those that have expired, that were never seen, and the others. What was seen is a title that the
    expression matches, counted or not."""
    issues = connection.execute(
        _filtered(
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
    seen = titles(connection, Filter(series=wanted.series, since=wanted.since)).rows
    today = datetime.now(UTC).date().isoformat()
    rows = []
    for issue in issues:
        times = [row[3] for row in seen if _matches(issue.title, row[0])]
        state = "expired" if issue.expires < today else "seen" if times else "never seen"
        rows.append((issue.title, state, issue.expires, max(times, default=None), issue.runs, issue.link))
    order = {"expired": 0, "never seen": 1, "seen": 2}
    columns = ("title", "state", "expires", "last_seen", "runs", "link")
    return Answer(columns, tuple(sorted(rows, key=lambda row: (order[row[1]], row[0], row[5]))))


Question = Callable[[Connection, Filter], Answer]
QUESTIONS: Mapping[str, Question] = {
    "news": news,
    "runs": runs,
    "passes": passes,
    "titles": titles,
    "flakes": flakes,
    "metric": metric,
    "mutants": mutants,
    "known": known,
}


def _filtered(asked: Select[Any], wanted: Filter, **columns: Any) -> Select[Any]:
    """The rows that are wanted; a filter for which the question has no column does not restrict it."""
    columns = {"series": RUN.c.series, **columns}
    for name, column in columns.items():
        if pattern := getattr(wanted, name):
            asked = asked.where(column.like(_like(pattern), escape="\\"))
    return asked.where(RUN.c.started >= wanted.since) if wanted.since else asked


def _filtered_titles(wanted: Filter) -> Select[Any]:
    asked = select(PRUNED_TITLE.c.title, PRUNED_TITLE.c.kind, PRUNED_TITLE.c.first_seen, PRUNED_TITLE.c.last_seen)
    return asked.where(PRUNED_TITLE.c.title.like(_like(wanted.title), escape="\\")) if wanted.title else asked


def _like(pattern: str) -> str:
    """A pattern with * and ? as SQL has it."""
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return escaped.replace("*", "%").replace("?", "_")


def _matches(expression: str, title: str) -> bool:
    """What another version took for an expression matches nothing."""
    try:
        return re.fullmatch(expression, title) is not None
    except re.error:
        return False


def _answer(connection: Connection, asked: Select[Any]) -> Answer:
    result = connection.execute(asked)
    return Answer(tuple(result.keys()), tuple(tuple(row) for row in result))
