"""Tonight's results against those of the nights before: what is new, what is fixed, which failures to bisect. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.model.night import Before, Change, Item, News, Result, State
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Answer

BAD = tuple(outcome.name for outcome in Outcome if Outcome.FAIL <= outcome <= Outcome.CRASH)
OPEN_ANSWERS = (Answer.INCONCLUSIVE.name,)
ORDER = (*Change,)
CASE = "case"


def news_of(item: str, results: Iterable[Result], before: Mapping[tuple[str, str], Before]) -> tuple[News, ...]:
    """What a run of an item says that is worth a line. `before` is what earlier nights know, by kernel and test."""
    found = []
    for one in results:
        known = before.get((one.kernel, one.test))
        change = _change(one, known)
        if change:
            since = known.passed if known and change is not Change.FIXED else known.started if known else ""
            found.append(News(change, item, one.kernel, one.test, one.outcome, one.message, since))
    return tuple(found)


def _change(one: Result, before: Before | None) -> Change | None:
    if one.answer in OPEN_ANSWERS or one.outcome == Outcome.ERROR.name:
        return Change.OPEN
    was_bad = before is not None and before.outcome in BAD
    if one.outcome in BAD and one.is_at_fault:
        return Change.STILL if was_bad else Change.NEW
    return Change.FIXED if was_bad and one.outcome == Outcome.PASS.name else None


def in_order(news: Iterable[News]) -> list[News]:
    """New failures first."""
    return sorted(news, key=lambda one: (ORDER.index(one.change), one.item, one.kernel, one.test))


def to_bisect(
    item: Item, results: Sequence[Result], before: Mapping[tuple[str, str], Before]
) -> tuple[Result, Before] | None:
    """The failure of a tree's tip to bisect: a case that passed in an earlier night on another commit, the worst one.
    One commit is behind most failures of a night: the next night bisects what is left."""
    tip = dict(item.tested).get("base", "")
    found = [
        (one, known)
        for one in results
        if one.kind == CASE
        and _change(one, known := before.get((one.kernel, one.test))) is Change.NEW
        and known is not None
        and known.good not in ("", tip)
    ]
    return max(found, key=lambda pair: (Outcome[pair[0].outcome], pair[0].test), default=None)


def status_of(items: Sequence[Item], news: Sequence[News]) -> int:
    """The night's exit status: 1 something is newly broken, else 3 something could not be judged, else 0."""
    if any(one.change is Change.NEW for one in news):
        return 1
    unjudged = any(item.status in (2, 3) or item.state is State.STOPPED for item in items)
    if unjudged or any(one.change is Change.OPEN for one in news):
        return 3
    return 0
