"""What runs tonight, in which order, and what is left out for lack of time? Pure: candidates and
the results of earlier nights come in, items with their reasons go out.

An item is run if what it tests is new, or if what earlier runs said of the same thing is no answer: interrupted,
without a verdict, inconclusive, flaky. Within a priority the longest comes first: what is short fills what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from orchestrator.model.night import WAITING, Candidate, Item, NightPlan, NightRecord, PastRun, State
from orchestrator.model.outcome import Verdict
from orchestrator.words import counted, lasting

RECENT = 5  # runs of which the expected time is made
SLACK_S = 2 * 3600.0  # a night that begins a little earlier than the last one is still the next one
PARTS = {
    "base": "new commits",
    "below": "what the series is based on has changed",
    "series": "the series has changed",
    "kconfig": "the kconfig has changed",
    "compiler": "the compiler has changed",
    "cases": "the test cases have changed",
    "guest": "the guest has changed",
    "options": "the suite has changed",
}
UNSETTLED = {Verdict.NO_VERDICT.name: "had no verdict", Verdict.BAD_REQUEST.name: "could not be carried out"}
_NO_TIME = frozenset({Verdict.INTERRUPTED.name, Verdict.BAD_REQUEST.name})  # they say nothing of how long it takes


@dataclass(frozen=True)
class Decision:
    """Whether something is run, and why, or why not."""

    is_run: bool
    why: str


def decide(candidate: Candidate, past: Sequence[PastRun], repeats: int, ages: Mapping[str, float]) -> Decision:
    """`past` are the runs of the candidate's item, the latest first; `ages` how many seconds ago each began, by its
    id; `repeats` how often what is inconclusive or flaky is run again."""
    if not past:
        return Decision(True, "never tested")
    last = past[0]
    if last.verdict != Verdict.INTERRUPTED.name and ages[last.run] + SLACK_S < candidate.every_s:
        return Decision(False, f"not more often than every {lasting(candidate.every_s)}; {_when(last)}")
    same = [run for run in past if run.tested == candidate.tested]
    if not same:
        return Decision(True, _changes(candidate, last))
    latest = same[0]
    if latest.verdict == Verdict.INTERRUPTED.name:
        return Decision(True, "was interrupted, goes on")
    settled = next((run for run in same if _is_settled(run)), None)
    if settled is None:
        unsure = sum(run.is_open for run in same)
        if not latest.is_open:
            return Decision(True, f"{UNSETTLED.get(latest.verdict, 'has no answer')}; {_when(latest)}")
        if unsure <= repeats:
            return Decision(True, f"inconclusive or flaky: repeated, {unsure} of {repeats}")
    if candidate.again_s is not None and ages[latest.run] + SLACK_S >= candidate.again_s:
        return Decision(True, f"nothing changed, and again after {lasting(candidate.again_s)}")
    if settled is None:
        what = f"inconclusive or flaky in {counted(len(same), 'run')}"
        return Decision(False, f"nothing changed, {what}; {_when(latest)}")
    return Decision(False, f"nothing changed; {_when(settled)}")


def _is_settled(run: PastRun) -> bool:
    return not run.is_open and run.verdict not in UNSETTLED and run.verdict != Verdict.INTERRUPTED.name


def _when(run: PastRun) -> str:
    verdict = Verdict[run.verdict].value if run.verdict in Verdict.__members__ else run.verdict
    return f"last tested {run.started.replace('T', ' ')}: {verdict}"


def _changes(candidate: Candidate, last: PastRun) -> str:
    now, then = dict(candidate.tested), dict(last.tested)
    changed = [name for name in (*now, *then) if now.get(name) != then.get(name)]
    words = []
    for name in dict.fromkeys(changed):
        said = PARTS.get(name, f"{name} has changed")
        if name == "base" and then.get(name) and now.get(name):
            said += f" {then[name][:12]}..{now[name][:12]}"
        words.append(said)
    return "; ".join(words)


def kind_of(item: str) -> str:
    """Suite, kconfig and machine of an item's name: such items take about the same time."""
    return item.partition(" ")[2]


def expected_s(item: str, past: Mapping[str, Sequence[PastRun]], default_s: float) -> tuple[float, bool]:
    """The median of the item's latest runs, else of its kind's, else the default; and whether it is that guess."""
    own = _times(past.get(item, ()))
    alike = [run for name, runs in past.items() if kind_of(name) == kind_of(item) for run in runs]
    for times in (own, _times(sorted(alike, key=lambda run: run.started, reverse=True))):
        if times:
            return float(median(times)), False
    return default_s, True


def _times(runs: Iterable[PastRun]) -> list[float]:
    return [run.time_s for run in runs if run.verdict not in _NO_TIME][:RECENT]


def items_of(
    plan: NightPlan,
    candidates: Iterable[Candidate],
    past: Mapping[str, Sequence[PastRun]],
    ages: Mapping[str, float],
) -> tuple[Item, ...]:
    """Every candidate as an item of tonight: to be run, skipped, or impossible."""
    made = []
    for one in candidates:
        runs = past.get(one.item, ())
        time_s, is_guess = expected_s(one.item, past, plan.expected_s)
        item = Item(
            one.item, one.entry, one.words, one.priority, "", tested=one.tested, expected_s=time_s, is_guess=is_guess
        )
        if one.trouble:
            made.append(replace(item, state=State.FAILED, why=one.trouble, reason=one.trouble, status=3))
            continue
        decision = decide(one, runs, plan.repeats, ages)
        if not decision.is_run:
            made.append(replace(item, state=State.SKIPPED, why=decision.why))
            continue
        goes_on = runs and runs[0].verdict == Verdict.INTERRUPTED.name and runs[0].tested == one.tested
        made.append(replace(item, why=decision.why, directory=runs[0].location if goes_on else ""))
    return tuple(made)


# --- the budget


def left_s(record: NightRecord, item: Item, busy: Collection[str] = ()) -> float:
    """The seconds that an item may take: of the night's budget, and of that of its tree or series, of which those that
    are at work take at least what is expected of them. `busy` are the names of these."""
    night = record.budget_s - record.spent_s
    whole = record.budgets.get(item.entry)
    if whole is None:
        return night
    taken = (
        max(one.spent_s, one.expected_s if one.name in busy else 0.0) for one in record.items if one.entry == item.entry
    )
    return min(night, whole - sum(taken))


def whole_s(record: NightRecord, item: Item) -> float:
    """What left_s was when the night began."""
    return min(record.budget_s, record.budgets.get(item.entry, record.budget_s))


def needed_s(record: NightRecord, item: Item) -> float:
    """What has to be left for an item to be begun. One that is under way goes on while anything is; one of which
    nobody knows how long it takes is begun even if it may not end."""
    if item.state is State.RUNNING:
        return 0.0
    return min(item.expected_s, whole_s(record, item)) if item.is_guess else item.expected_s


def next_item(record: NightRecord, busy: Collection[str] = ()) -> Item | None:
    """The item to begin now, beside those that are at work; None: nothing is left, or nothing for which there is
    time."""
    for item in in_order(record.items):
        left = left_s(record, item, busy)
        if item.name not in busy and left > 0 and left >= needed_s(record, item):
            return item
    return None


def passed(record: NightRecord, busy: Collection[str], seconds: float) -> NightRecord:
    """The record after so many seconds in which these items were at work."""
    if not busy:
        return record
    items = tuple(replace(one, spent_s=one.spent_s + seconds) if one.name in busy else one for one in record.items)
    return replace(record, items=items, spent_s=record.spent_s + seconds)


def in_order(items: Iterable[Item]) -> list[Item]:
    """Those that wait: what is under way first, then by priority, then the longest first."""
    waiting = [item for item in items if item.state in WAITING]
    return sorted(
        waiting, key=lambda item: (item.state is not State.RUNNING, item.priority, -item.expected_s, item.name)
    )


def no_time(record: NightRecord, item: Item) -> str:
    """Why an item is left out."""
    about = f"takes about {lasting(item.expected_s)}" + (" (a guess: it was never run)" if item.is_guess else "")
    whole = whole_s(record, item)
    if item.expected_s > whole and not item.is_guess:
        return f"{about}, more than the whole budget of {lasting(whole)}"
    return f"{about}, {lasting(max(0.0, left_s(record, item)))} of {lasting(whole)} were left"


def changed(record: NightRecord, item: Item) -> NightRecord:
    """The record with an item in the place of the one of its name."""
    return replace(record, items=tuple(item if one.name == item.name else one for one in record.items))


def closed(record: NightRecord) -> NightRecord:
    """The record of a night that is over: what still waits was left out."""
    items = tuple(
        replace(one, state=State.LEFT_OUT, why=no_time(record, one)) if one.state in WAITING else one
        for one in record.items
    )
    return replace(record, items=items, finished=True)


def rehearsed(record: NightRecord, at_once: int = 1) -> NightRecord:
    """The night as it goes if each item takes what is expected, so many at a time: those that run are DONE, in their
    order, then the others."""
    order: list[str] = []
    busy: dict[str, float] = {}  # and the night's time at which each ends
    while True:
        while len(busy) < at_once and (item := next_item(record, busy)):
            takes = min(max(item.expected_s - item.spent_s, 0.0), left_s(record, item, busy))
            order.append(item.name)
            busy[item.name] = record.spent_s + takes
        if not busy:
            break
        first = min(busy, key=lambda name: busy[name])
        record = passed(record, busy, busy[first] - record.spent_s)
        del busy[first]
        ended = next(one for one in record.items if one.name == first)
        record = changed(record, replace(ended, state=State.DONE))
    record = closed(record)
    ran = {item.name: item for item in record.items if item.name in order}
    others = [item for item in record.items if item.name not in ran]
    return replace(record, items=(*(ran[name] for name in order), *others))
