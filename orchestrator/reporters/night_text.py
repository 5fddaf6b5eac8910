"""A night on the terminal and in Markdown: what is new first, then the rest. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from orchestrator.judge.night import in_order
from orchestrator.model.night import RAN, Change, Culprit, Item, News, NightRecord, Priority, State
from orchestrator.model.outcome import Verdict
from orchestrator.reporters.markdown import code
from orchestrator.words import counted, lasting

MOST = 200  # lines of one section; the record has them all
_SIGNS = {Change.NEW: "❌", Change.FIXED: "✅", Change.STILL: "❗", Change.OPEN: "❔"}


def rehearsal(record: NightRecord, at_once: int = 1) -> Iterator[str]:
    """The plan of a night, in the order in which its items would begin."""
    run = [item for item in record.items if item.state is State.DONE]
    many = f", {at_once} at once" if at_once > 1 else ""
    yield f"{counted(len(run), 'item')} would run{many}, about {lasting(record.spent_s)} of {lasting(record.budget_s)}"
    for item in run:
        guess = "a guess: never run" if item.is_guess else item.priority.name.lower()
        yield f"  {lasting(item.expected_s):>12}  {item.name}  ({guess}; {item.why})"
        yield f"{'':14}  orchestrate {shlex.join(item.words)}"
    for state, heading in _OTHERS.items():
        found = [item for item in record.items if item.state is state]
        if found:
            yield f"{heading}:"
            yield from (f"  {item.name}: {item.why}" for item in found)
    yield from (f"note: {note}" for note in record.notes)


_OTHERS = {
    State.LEFT_OUT: "left out, there is no time",
    State.FAILED: "cannot be run",
    State.SKIPPED: "skipped, there is no reason to run them",
}


def summary(record: NightRecord, *, is_quiet: bool = False) -> Iterator[str]:
    """For a terminal."""
    news = in_order(record.news)
    for change in Change:
        found = [one for one in news if one.change is change]
        if found:
            yield f"{change.value}:"
            yield from _first((f"  {_line(one)}" for one in found), len(found))
    for culprit in record.culprits:
        yield from _culprit(culprit)
    if not is_quiet:
        for item in _unjudged(record):
            yield f"no verdict: {item.name}: {item.reason or item.why}"
        for state, heading in _OTHERS.items():
            items = [item for item in record.items if item.state is state]
            if items:
                yield f"{heading}:"
                yield from _first((f"  {item.name}: {item.why}" for item in items), len(items))
        yield from (f"note: {note}" for note in record.notes)
    yield headline(record)


def headline(record: NightRecord) -> str:
    """`2026-11-28-...: 1 new failure, 2 fixed; 5 of 8 items ran in 2 h 05 min`."""
    counts = {change: sum(one.change is change for one in record.news) for change in Change}
    said = [f"{counts[Change.NEW]} new failure{'' if counts[Change.NEW] == 1 else 's'}"]
    said += [f"{counts[change]} {change.value}" for change in Change if change is not Change.NEW and counts[change]]
    ran = [item for item in record.items if item.state in RAN]
    left = [item for item in record.items if item.state in (State.LEFT_OUT, State.FAILED)]
    words = f"{len(ran)} of {counted(len(ran) + len(left), 'item')} ran in {lasting(record.spent_s)}"
    skipped = sum(item.state is State.SKIPPED for item in record.items)
    more = f", {skipped} skipped" if skipped else ""
    return f"{record.id}: {', '.join(said)}; {words}{more}" + ("" if record.finished else "; interrupted")


def markdown(record: NightRecord) -> str:
    """The whole night as Markdown; foreign text stands in code alone."""
    return "\n".join(_markdown(record)) + "\n"


def _markdown(record: NightRecord) -> Iterator[str]:
    news = in_order(record.news)
    yield from (f"# Night {record.id}", "", f"**{headline(record).partition(': ')[2]}**", "")
    for change in Change:
        found = [one for one in news if one.change is change]
        if found:
            yield from (f"## {_SIGNS[change]} {change.value.capitalize()}", "")
            yield "| Item | Kernel | Test | Outcome | Message | Since |"
            yield "| --- | --- | --- | --- | --- | --- |"
            yield from _first(map(_row, found), len(found))
            yield ""
    if record.culprits:
        yield from ("## Bisected", "")
        for culprit in record.culprits:
            yield from _culprit_markdown(culprit)
    if unjudged := _unjudged(record):
        yield from ("## ❔ No verdict", "")
        yield from _first((f"- {code(item.name)}: {code(item.reason or item.why)}" for item in unjudged), len(unjudged))
        yield ""
    for state, heading in _OTHERS.items():
        items = [item for item in record.items if item.state is state]
        if items:
            yield from (f"## {heading.capitalize()}", "")
            yield from _first((f"- {code(item.name)}: {code(item.why)}" for item in items), len(items))
            yield ""
    ran = [item for item in record.items if item.state in RAN]
    if ran:
        yield from ("## What ran", "", "| Item | Verdict | Time | Why | Run |", "| --- | --- | --- | --- | --- |")
        yield from _first(map(_ran, ran), len(ran))
        yield ""
    if record.notes:
        yield from ("## Notes", "", *(f"- {code(note)}" for note in record.notes), "")


def _unjudged(record: NightRecord) -> list[Item]:
    """Items that ran and say nothing: the host, a tool or the base, or their time was over."""
    known = {one.item for one in record.news}
    return [
        item
        for item in record.items
        if item.priority is not Priority.BISECTION
        and (item.state is State.STOPPED or (item.state is State.DONE and item.status in (2, 3)))
        and item.name not in known
    ]


def _first(lines: Iterable[str], count: int) -> Iterator[str]:
    """No summary is better for a thousand lines."""
    for number, line in enumerate(lines):
        if number == MOST:
            yield f"and {count - MOST} more"
            return
        yield line


def _line(one: News) -> str:
    since = ""
    if one.since:
        since = f" ({'failed' if one.change is Change.FIXED else 'last passed'} {one.since.replace('T', ' ')})"
    why = f": {one.message}" if one.message else ""
    return f"{one.outcome} {one.test} on {one.kernel}, {one.item}{why}{since}"


def _row(one: News) -> str:
    cells = (one.item, one.kernel, one.test, one.outcome, one.message, one.since.replace("T", " "))
    return f"| {' | '.join(code(cell, in_table=True) for cell in cells)} |"


def _ran(item: Item) -> str:
    verdict = Verdict[item.verdict].value if item.verdict in Verdict.__members__ else item.verdict
    if item.state is State.STOPPED:
        verdict = "stopped: its time was over"
    cells = (item.name, verdict, lasting(item.spent_s), item.why, item.directory)
    return f"| {' | '.join(code(cell, in_table=True) for cell in cells)} |"


def _culprit(one: Culprit) -> Iterator[str]:
    if not one.commit:
        yield f"not bisected: {one.test}, {one.item}: {one.answer}"
        return
    yield f"{one.test} is broken by {one.commit} (at least {one.sure:.0%} sure)"
    yield f"  {one.subject}"
    yield f"  {one.fixes}"
    yield f"  {one.reproduce}"


def _culprit_markdown(one: Culprit) -> Iterator[str]:
    if not one.commit:
        yield from (f"- {code(one.test)} of {code(one.item)}: {code(one.answer)}", "")
        return
    yield f"- {code(one.test)} of {code(one.item)} is broken by {code(one.commit)} (at least {one.sure:.0%} sure):"
    yield from (f"  {code(one.subject)}", "", f"  {code(one.fixes)}", "")
    yield from (f"  Reproduce: {code(one.reproduce, 2000)}", "")
