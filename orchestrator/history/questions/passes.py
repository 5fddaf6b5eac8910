"""When each test last passed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from orchestrator.history.questions.ask import Answer, Filter, filtered, kernel_of
from orchestrator.history.schema import FINDING, KERNEL, PRUNED_PASS, RUN
from orchestrator.history.standing import BAD


def passes(connection: Connection, wanted: Filter) -> Answer:
    """When each test last passed on each kernel, and since when it fails; what fails comes first."""
    found = connection.execute(_standings(wanted)).all()
    rows = [(one.test, one.kernel, one.outcome, one.last_pass, one.fails_since, one.runs) for one in found]
    columns = ("test", "kernel", "outcome", "last_pass", "fails_since", "runs")
    return Answer(columns, tuple(sorted(rows, key=lambda row: (row[4] is None, row[0], row[1]))))


def _standings(wanted: Filter) -> Select[Any]:
    """Of each test on each kernel: test, kernel, outcome, latest run, last pass, since when it fails, and in how many
    runs it is."""
    by_age = (RUN.c.started.desc(), RUN.c.number.desc())
    ran = filtered(
        select(
            KERNEL.c.label, FINDING.c.test, FINDING.c.outcome, RUN.c.started,
            func.row_number().over(partition_by=(KERNEL.c.label, FINDING.c.test), order_by=by_age).label("age"),
        )
        .join(RUN, RUN.c.number == FINDING.c.run)
        .join(KERNEL, kernel_of(FINDING)),
        wanted,
        test=FINDING.c.test,
        kernel=KERNEL.c.label,
    ).subquery()  # fmt: skip
    summed = (
        select(
            ran.c.label, ran.c.test, func.count().label("runs"), func.max(ran.c.started).label("latest"),
            func.max(case((ran.c.outcome == "PASS", ran.c.started))).label("passed"),
            func.max(case((ran.c.age == 1, ran.c.outcome))).label("outcome"),
        )
        .group_by(ran.c.label, ran.c.test)
        .subquery()
    )  # fmt: skip
    pruned = and_(PRUNED_PASS.c.label == summed.c.label, PRUNED_PASS.c.test == summed.c.test)
    last_pass = func.coalesce(summed.c.passed, PRUNED_PASS.c.last_pass)
    fails = and_(
        ran.c.label == summed.c.label, ran.c.test == summed.c.test, ran.c.outcome.in_(BAD),
        or_(last_pass.is_(None), ran.c.started > last_pass),
    )  # fmt: skip
    known = (summed.c.test, summed.c.label.label("kernel"), summed.c.outcome, summed.c.latest,
             last_pass.label("last_pass"), summed.c.runs)  # fmt: skip
    return (
        select(*known, func.min(ran.c.started).label("fails_since"))
        .select_from(summed)
        .outerjoin(PRUNED_PASS, pruned)
        .outerjoin(ran, fails)
        .group_by(*known)
    )
