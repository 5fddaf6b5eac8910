"""What `boot` and `shell` share: the benches of a session's suites, made without a run directory."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.chain import make_bench, make_kernel
from orchestrator.commands.compose import Session, announced
from orchestrator.model import Suite
from orchestrator.stages.boot import Bench


def benches(session: Session) -> Iterator[tuple[Suite, Bench]]:
    """One after the other, each made when it is asked for."""
    context, plan, sources = session.context, session.plan, session.sources
    for suite in plan.suites:
        stage = announced(context, suite)
        built = make_kernel(context, stage, plan, suite, sources, context.places.logs / suite.name)
        yield suite, make_bench(context, stage, plan, suite, built, sources)
