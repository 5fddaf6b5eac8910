"""The first screen: what is new since yesterday."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.dashboard.columns import cell, moment, section, where
from orchestrator.dashboard.page import Ask, BadParameter, Cell, Field, Page, Section, Table
from orchestrator.history.moments import earlier
from orchestrator.history.questions import Answer
from orchestrator.reporters.summary import Tone
from orchestrator.words import counted

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?")
_FLAKY, _CHANGED_DAYS, _RUNS = 10, 14, 10


def overview(ask: Ask, query: Mapping[str, str]) -> Page:
    """Without `since` it is about the day up to the latest run. Raises BadParameter."""
    since = query.get("since", "")
    if since and not _MOMENT.fullmatch(since):
        raise BadParameter("since: expected YYYY-MM-DD or YYYY-MM-DDTHH:MM")
    latest = ask("runs", last=_RUNS)
    if not latest.rows:
        return Page("index", "What is new", (), "This history has no runs yet. `orchestrate history import` adds them.")
    newest = latest.column("started")[0]
    begin = since or earlier(newest, 1)
    news = _renamed(ask("news", since=begin))
    sections = (
        _tests("fails", "Began to fail", news, Tone.BAD, "since, last_pass"),
        section("titles", "New kernel reports", _of(news, "new title"), "title, since: first seen", tone=Tone.DEAD),
        _tests("fixed", "Pass again", news, Tone.GOOD, "since", state="passes again"),
        _missing(where(news, "state", "missing")),
        _tests("still", "Still fail", news, Tone.OPEN, "since, last_pass", state="still fails"),
        _tests("errors", "Nobody can tell: errors of a host or a tool", news, Tone.UNKNOWN, "since", state="error"),
        _flaky(ask("flakes", since=earlier(newest, 7))),
        _changes(ask("trends"), earlier(newest, _CHANGED_DAYS)),
        section("runs", "Latest runs", latest, "started, series, tree, verdict, reason, host", empty="no runs"),
    )
    number = len(ask("runs", since=begin).rows)
    words = f"Since {moment(begin)}: {counted(number, 'run')}, the latest of {moment(newest)}. All times are UTC."
    return Page("index", "What is new", sections, words, fields=(Field("since", "Since (YYYY-MM-DD)", since),))


def _renamed(news: Answer) -> Answer:
    """`what` is a test, or a title."""
    return Answer(tuple("test" if name == "what" else name for name in news.columns), news.rows)


def _of(news: Answer, state: str) -> Answer:
    found = where(news, "state", state)
    return Answer(tuple("title" if name == "test" else name for name in found.columns), found.rows)


def _tests(name: str, title: str, news: Answer, tone: Tone, columns: str, state: str = "") -> Section:
    """Cases first: a subtest is said where its case is not, since it fails because of it."""
    found = where(news, "state", state or name)
    kind, test, line = found.at("kind"), found.at("test"), [found.at(one) for one in ("kernel", "series", "tree")]
    cases = {(row[test], *(row[at] for at in line)) for row in found.rows if row[kind] != "subtest"}
    kept = tuple(
        row
        for row in found.rows
        if row[kind] != "subtest" or (row[test].partition(".")[0], *(row[at] for at in line)) not in cases
    )
    made = section(
        name, title, Answer(found.columns, kept), f"test, outcome, kernel, series, tree, {columns}", tone=tone
    )
    left = len(found.rows) - len(kept)
    return replace(made, data=found, words=f"Not shown: {counted(left, 'subtest')} of these." if left else "")


def _missing(found: Answer) -> Section:
    """A guest that did not boot leaves a hundred results out: they are one row."""
    groups: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for values in found.rows:
        row = dict(zip(found.columns, values, strict=True))
        groups.setdefault((row["kernel"], row["series"], row["tree"]), []).append(row)
    rows = tuple(
        (
            _names(rows),
            *(cell(name, rows[0]) for name in ("kernel", "series", "tree")),
            Cell(moment(min(row["since"] for row in rows))),
        )
        for rows in groups.values()
    )
    heads = tuple(map(Cell, ("tests", "kernel", "series", "tree", "last result")))
    return Section(
        "missing",
        "Results that are missing",
        found,
        Table(heads, rows) if rows else None,
        tone=Tone.OPEN if rows else None,
    )


def _names(rows: list[dict[str, str]]) -> Cell:
    if len(rows) == 1:
        return cell("test", rows[0])
    names = [row["test"] for row in rows]
    return Cell(counted(len(names), "test"), note=", ".join(names[:5]) + (", ..." if len(names) > 5 else ""))


def _flaky(found: Answer) -> Section:
    """Those that failed and passed in the week."""
    failed, attempts = found.at("failed"), found.at("attempts")
    rows = tuple(row for row in found.rows if 0 < row[failed] < row[attempts])[:_FLAKY]
    return section(
        "flaky",
        "Flakiest cases of the week",
        Answer(found.columns, rows),
        "test, kernel, rate, failed, attempts, last_failure",
    )


def _changes(found: Answer, since: str) -> Section:
    at = found.at("changed")
    rows = tuple(row for row in found.rows if row[at] and row[at] >= since)
    return section(
        "metrics",
        f"Metrics that changed in the last {_CHANGED_DAYS} days",
        Answer(found.columns, rows),
        "test, name: metric, shift, middle: level, changed, kernel, series, tree, host",
        tone=Tone.OPEN,
        words=emulated(Answer(found.columns, rows)),
    )


def emulated(found: Answer) -> str:
    """What is to be said of figures that a TCG guest measured."""
    if "tcg" not in found.column("accelerator"):
        return ""
    return "Emulated guests (TCG) measured some of these: their times say nothing about a real machine."
