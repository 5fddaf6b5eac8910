"""What is new, and how each test stands: read from the standings that imports keep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, func, select

from orchestrator.history.moments import earlier
from orchestrator.history.questions.ask import Answer, Filter, cut, like, named
from orchestrator.history.questions.titles import titles
from orchestrator.history.schema import RUN, STANDING
from orchestrator.history.standing import BAD, PASS

STATES = ("fails", "new title", "still fails", "error", "missing", "passes again")
_AWAITED_DAYS = 7  # what was seen in them, and is not seen now, is missing
_LATELY_DAYS = 30  # what was not seen in them is news no more


def news(connection: Connection, wanted: Filter) -> Answer:
    """What is new since a moment: tests that began to fail, that still fail, that pass again, that are missing or could
    not be judged, and titles that were never seen before. Without `since` it is about the day up to the latest run."""
    since = wanted.since or day_before(connection)
    found = connection.execute(_standings(replace(wanted, since=earlier(since, _LATELY_DAYS)))).all()
    latest: dict[tuple[str, str, str], str] = {}
    for one in found:
        latest[_line(one)] = max(one.latest, latest.get(_line(one), ""))
    rows = [
        (state, one.test, one.label, one.topic, one.tree, one.outcome, _since(state, one), one.last_pass, one.kind)
        for one in found
        if (state := _state(one, since, latest[_line(one)]))
    ]
    seen = titles(connection, replace(wanted, since="", last=0))
    new = seen.at("first_seen")
    rows += [("new title", row[0], None, None, None, None, row[new], None, None)
             for row in seen.rows if row[new] >= since]  # fmt: skip
    columns = ("state", "what", "kernel", "series", "tree", "outcome", "since", "last_pass", "kind")
    return Answer(columns, tuple(sorted(rows, key=_order)))


def tests(connection: Connection, wanted: Filter) -> Answer:
    """How each test stands: of each series on each tree, on each kernel. What fails comes first."""
    columns = (STANDING.c.test, STANDING.c.label.label("kernel"), STANDING.c.topic.label("series"), STANDING.c.tree,
               STANDING.c.outcome, STANDING.c.fails_since, STANDING.c.last_pass, STANDING.c.latest,
               STANDING.c.first_seen, STANDING.c.kind)  # fmt: skip
    asked = _standings(wanted).with_only_columns(*columns)
    rows = [tuple(row) for row in connection.execute(cut(asked, wanted))]
    rows.sort(key=lambda row: (row[5] is None, row[0], row[1], row[2], row[3]))
    return Answer(tuple(column.name for column in columns), tuple(rows))


def day_before(connection: Connection) -> str:
    """A day before the latest run; empty where there is none."""
    return earlier(connection.execute(select(func.max(RUN.c.started))).scalar() or "", 1)


def _standings(wanted: Filter) -> Select[Any]:
    asked = named(select(STANDING), wanted, test=STANDING.c.test, kernel=STANDING.c.label, tree=STANDING.c.tree)
    if wanted.series:
        asked = asked.where(like(STANDING.c.topic, wanted.series, wanted))
    return asked.where(STANDING.c.latest >= wanted.since) if wanted.since else asked


def _line(one: Any) -> tuple[str, str, str]:
    return one.topic, one.tree, one.label


def _state(one: Any, since: str, latest: str) -> str:
    """Of a test on a kernel; empty where there is nothing to tell. `latest`: the latest result of any test there."""
    if one.outcome in BAD:
        return "fails" if one.fails_since >= since else "still fails"
    if one.latest < since:
        return "missing" if _is_awaited(one, since, latest) else ""
    if one.outcome == PASS:
        return "passes again" if one.fixed and one.fixed >= since else ""
    return {"ERROR": "error", "NOT_RUN": "missing"}.get(one.outcome, "")


def _is_awaited(one: Any, since: str, latest: str) -> bool:
    """A case that was there in the week before, and is not now though others of its kernel are, or though it is about a
    tree: that is tested every night, a series only when it is new."""
    return one.kind == "case" and one.latest >= earlier(since, _AWAITED_DAYS) and (latest >= since or not one.topic)


def _since(state: str, one: Any) -> str:
    moments = {"missing": one.latest, "passes again": one.fixed}
    return str(moments.get(state) or one.fails_since or one.latest)


def _order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (STATES.index(row[0]), row[1], *(text or "" for text in row[2:5]))
