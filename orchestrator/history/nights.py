"""What earlier nights say: the runs of an item, what its tests did before, and what a run found."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, exists, select

from orchestrator.history.schema import FINDING, KERNEL, NIGHT_ITEM, RUN
from orchestrator.model.night import Before, Parts, PastRun, Result
from orchestrator.model.report import Answer

OPEN = (Answer.INCONCLUSIVE.name, Answer.FLAKY_NO_WORSE.name)
MOST = 50  # runs of an item that are looked at
_KINDS = ("stage", "case")
_RAN = ("PASS", "FAIL", "TIMEOUT", "CRASH")


def past_runs(connection: Connection, items: Collection[str]) -> dict[str, list[PastRun]]:
    """The runs of each item, the latest first."""
    found: dict[str, list[PastRun]] = {}
    is_open = exists().where(FINDING.c.run == RUN.c.number, FINDING.c.answer.in_(OPEN))
    asked = (
        select(
            RUN.c.id, NIGHT_ITEM.c.item, RUN.c.started, RUN.c.verdict, RUN.c.time_s, NIGHT_ITEM.c.tested,
            RUN.c.location, is_open.label("is_open"),
        )
        .join(RUN, RUN.c.number == NIGHT_ITEM.c.run)
        .where(NIGHT_ITEM.c.item.in_(items))
        .order_by(RUN.c.started.desc(), RUN.c.number.desc())
    )  # fmt: skip
    for row in connection.execute(asked):
        if len(runs := found.setdefault(row.item, [])) < MOST:
            runs.append(
                PastRun(
                    row.id, row.item, row.started, row.verdict, row.time_s, _parts(row.tested), row.location,
                    bool(row.is_open),
                )
            )  # fmt: skip
    return found


def before(connection: Connection, item: str, night: str) -> dict[tuple[str, str], Before]:
    """What the nights before this one know of an item's tests, by kernel and test. What the base has too is no failure
    of the series, and no pass."""
    asked = (
        select(
            KERNEL.c.label, FINDING.c.test, FINDING.c.outcome, FINDING.c.is_at_fault, RUN.c.started, NIGHT_ITEM.c.tested
        )
        .join(RUN, RUN.c.number == NIGHT_ITEM.c.run)
        .join(FINDING, FINDING.c.run == RUN.c.number)
        .join(KERNEL, (KERNEL.c.run == RUN.c.number) & (KERNEL.c.name == FINDING.c.kernel))
        .where(
            NIGHT_ITEM.c.item == item,
            NIGHT_ITEM.c.night != night,
            FINDING.c.kind.in_(_KINDS),
            FINDING.c.outcome.in_(_RAN),
        )
        .order_by(RUN.c.started.desc(), RUN.c.number.desc())
    )
    found: dict[tuple[str, str], Before] = {}
    for label, test, outcome, is_at_fault, started, tested in connection.execute(asked):
        if outcome != "PASS" and not is_at_fault:
            continue
        known = found.setdefault((label, test), Before(outcome, started))
        if outcome == "PASS" and not known.passed:
            good = dict(_parts(tested)).get("base", "")
            found[label, test] = Before(known.outcome, known.started, started, good)
    return found


def results(connection: Connection, run: str) -> tuple[Result, ...]:
    """The stages and cases of a run, by its id."""
    asked = (
        select(
            KERNEL.c.label, FINDING.c.kind, FINDING.c.test, FINDING.c.outcome, FINDING.c.message,
            FINDING.c.is_at_fault, FINDING.c.answer,
        )
        .join(RUN, RUN.c.number == FINDING.c.run)
        .join(KERNEL, (KERNEL.c.run == RUN.c.number) & (KERNEL.c.name == FINDING.c.kernel))
        .where(RUN.c.id == run, FINDING.c.kind.in_(_KINDS))
    )  # fmt: skip
    return tuple(Result(*row) for row in connection.execute(asked))


def _parts(tested: str) -> Parts:
    return tuple((name, digest) for name, _, digest in (word.partition("=") for word in tested.split(" ")) if name)
