"""How often cases fail."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, case, func, select

from orchestrator.history.interval import interval
from orchestrator.history.questions.ask import RAN, Answer, Filter, filtered, kernel_of
from orchestrator.history.schema import ATTEMPT, FINDING, KERNEL, RUN
from orchestrator.history.standing import BAD, PASS


def flakes(connection: Connection, wanted: Filter) -> Answer:
    """How often each case fails on each kernel, of all its attempts, with an interval of 95 %."""
    asked = filtered(
        select(
            ATTEMPT.c.test, KERNEL.c.label, func.count().label("attempts"),
            func.sum(case((ATTEMPT.c.outcome.in_(BAD), 1), else_=0)).label("failed"),
            func.max(case((ATTEMPT.c.outcome.in_(BAD), RUN.c.started))).label("last_failure"),
        )
        .join(RUN, RUN.c.number == ATTEMPT.c.run)
        .join(KERNEL, kernel_of(ATTEMPT))
        .where(ATTEMPT.c.outcome.in_(RAN), ATTEMPT.c.is_host_fault.is_(False)),
        wanted,
        test=ATTEMPT.c.test,
        kernel=KERNEL.c.label,
    ).group_by(ATTEMPT.c.test, KERNEL.c.label)  # fmt: skip
    if wanted.since:  # else SQLite reads the attempts of all times in the order of their tests
        asked = asked.where(ATTEMPT.c.run.in_(select(RUN.c.number).where(RUN.c.started >= wanted.since)))
    rows = []
    for test, kernel, attempts, failed, last in connection.execute(asked):
        low, high = interval(failed, attempts)
        rows.append((test, kernel, attempts, failed, failed / attempts, low, high, last))
    columns = ("test", "kernel", "attempts", "failed", "rate", "low", "high", "last_failure")
    return Answer(columns, tuple(sorted(rows, key=lambda row: (-row[4], row[0], row[1]))))


_RUNS = 50


def matrix(connection: Connection, wanted: Filter) -> Answer:
    """The outcomes of the cases in the latest runs (`last`, else 50) that have one of the kernels, the latest first;
    what changed most often comes first.

    Columns: test, kernel; `flips`, how often a pass follows a failure or the other way round, among runs of the same
    series on the same tree; `streak`, how many runs the latest outcome has lasted; failed and ran, with the rate's
    interval of 95 %; then one for each run, named by its start and id.
    """
    columns = (RUN.c.number, RUN.c.started, RUN.c.id, RUN.c.topic, RUN.c.tree)
    chosen = filtered(select(*columns).join(KERNEL, KERNEL.c.run == RUN.c.number), wanted, kernel=KERNEL.c.label)
    order = (RUN.c.started.desc(), RUN.c.number.desc())
    runs = connection.execute(chosen.distinct().order_by(*order).limit(wanted.last or _RUNS)).all()
    lines = [(run.topic, run.tree) for run in runs]
    place = {run.number: at for at, run in enumerate(runs)}
    asked = (
        select(FINDING.c.run, FINDING.c.test, KERNEL.c.label, FINDING.c.outcome)
        .join(KERNEL, kernel_of(FINDING))
        .join(RUN, RUN.c.number == FINDING.c.run)
        .where(FINDING.c.run.in_(list(place)), FINDING.c.kind == "case")
    )
    cells: dict[tuple[str, str], list[str | None]] = {}
    for run, test, kernel, outcome in connection.execute(
        filtered(asked, wanted, test=FINDING.c.test, kernel=KERNEL.c.label)
    ):
        cells.setdefault((test, kernel), [None] * len(runs))[place[run]] = outcome
    rows = [(test, kernel, *_unsteady(found, lines), *found) for (test, kernel), found in cells.items()]
    rows.sort(key=lambda row: (-row[2], -row[4], row[0], row[1]))
    heads = ("test", "kernel", "flips", "streak", "failed", "ran", "rate", "low", "high")
    return Answer((*heads, *(f"{run.started} {run.id}" for run in runs)), tuple(rows))


def _unsteady(outcomes: Sequence[str | None], lines: Sequence[tuple[str, str]]) -> tuple[Any, ...]:
    by_line: dict[tuple[str, str], list[bool]] = {}
    for outcome, line in zip(outcomes, lines, strict=True):
        if outcome == PASS or outcome in BAD:
            by_line.setdefault(line, []).append(outcome in BAD)
    ran = [is_bad for results in by_line.values() for is_bad in results]
    seen = [outcome for outcome in outcomes if outcome]
    flips = sum(now != then for results in by_line.values() for now, then in pairwise(results))
    streak = next((at for at, outcome in enumerate(seen) if outcome != seen[0]), len(seen))
    rate = (sum(ran) / len(ran), *interval(sum(ran), len(ran))) if ran else (None, None, None)
    return flips, streak, sum(ran), len(ran), *rate
