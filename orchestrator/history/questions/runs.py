"""Runs, and what each of them found."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from orchestrator.history.questions.ask import Answer, Filter, answer, cut, filtered, kernel_of
from orchestrator.history.schema import ARTIFACT, FINDING, KERNEL, RUN


def runs(connection: Connection, wanted: Filter) -> Answer:
    """The runs, the latest first."""
    failed = (
        select(func.count())
        .where(FINDING.c.run == RUN.c.number, FINDING.c.kind.in_(("stage", "case")), FINDING.c.is_at_fault)
        .scalar_subquery()
    )
    columns = (
        RUN.c.started,
        RUN.c.id,
        RUN.c.series,
        RUN.c.verdict,
        failed.label("at_fault"),
        RUN.c.reason,
        RUN.c.host,
        RUN.c.location,
        RUN.c.topic,
        RUN.c.revision,
        RUN.c.tree,
        RUN.c.time_s,
    )
    asked = filtered(select(*columns), wanted)
    return answer(connection, cut(asked.order_by(RUN.c.started.desc(), RUN.c.id), wanted))


def results(connection: Connection, wanted: Filter) -> Answer:
    """Each result of the runs: of stages, cases, subtests and mutants, with what a comparison with the base says."""
    asked = filtered(
        select(
            RUN.c.started, RUN.c.id.label("run"), KERNEL.c.label.label("kernel"), FINDING.c.kind, FINDING.c.test,
            FINDING.c.outcome, FINDING.c.time_s, FINDING.c.is_at_fault, FINDING.c.is_excused, FINDING.c.answer,
            FINDING.c.p, FINDING.c.patched_failed, FINDING.c.base_failed, FINDING.c.pairs, FINDING.c.message,
        )
        .join(RUN, RUN.c.number == FINDING.c.run)
        .join(KERNEL, kernel_of(FINDING)),
        wanted, test=FINDING.c.test, kernel=KERNEL.c.label,
    )  # fmt: skip
    order = (RUN.c.started.desc(), RUN.c.id, KERNEL.c.label, FINDING.c.kind, FINDING.c.test)
    return answer(connection, cut(asked.order_by(*order), wanted))


def kernels(connection: Connection, wanted: Filter) -> Answer:
    """The kernels of the runs: what they were built from, and where they ran."""
    asked = filtered(
        select(
            RUN.c.started, RUN.c.id.label("run"), KERNEL.c.label.label("kernel"), KERNEL.c.role, KERNEL.c.outcome,
            KERNEL.c.base, KERNEL.c.commit, KERNEL.c.release, KERNEL.c.build_id, KERNEL.c.patches, KERNEL.c.accelerator,
            KERNEL.c.machine, KERNEL.c.cpus, KERNEL.c.memory_mib,
        ).join(RUN, RUN.c.number == KERNEL.c.run),
        wanted, kernel=KERNEL.c.label,
    )  # fmt: skip
    return answer(connection, cut(asked.order_by(RUN.c.started.desc(), RUN.c.id, KERNEL.c.label), wanted))


def files(connection: Connection, wanted: Filter) -> Answer:
    """The files of the runs, relative to the run's location."""
    columns = (
        RUN.c.started,
        RUN.c.id.label("run"),
        ARTIFACT.c.kernel.label("directory"),
        ARTIFACT.c.test,
        ARTIFACT.c.path,
        RUN.c.location,
    )
    asked = filtered(select(*columns).join(RUN, RUN.c.number == ARTIFACT.c.run), wanted, test=ARTIFACT.c.test)
    return answer(connection, cut(asked.order_by(RUN.c.started.desc(), RUN.c.id, ARTIFACT.c.path), wanted))
