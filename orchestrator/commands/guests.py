"""What `boot` and `shell` share: the benches of a session's suites, made without a run directory."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator

from orchestrator.chain import check_accelerator, make_bench, make_kernel
from orchestrator.commands.compose import Session, announced
from orchestrator.model.request import Suite
from orchestrator.stages.boot import Bench


def benches(session: Session) -> Iterator[tuple[Suite, Bench]]:
    """One after the other, each made when it is asked for."""
    context, plan, sources = session.context, session.plan, session.sources
    for suite in plan.suites:
        stage = announced(context, suite)
        check_accelerator(stage, sources)
        built = make_kernel(context, stage, plan, suite, sources, context.places.logs / suite.name)
        yield suite, make_bench(context, stage, plan, suite, built, sources)


def gdb_line(bench: Bench) -> Callable[[int], None]:
    """What to tell the user when a guest waits for a debugger on a port."""

    def tell(port: int) -> None:
        gdb = ("gdb", os.fspath(bench.kernel.vmlinux), "-ex", f"target remote 127.0.0.1:{port}")
        sys.stderr.write(f"the guest waits at its first instruction; `continue` starts it:\n  {shlex.join(gdb)}\n")
        sys.stderr.flush()

    return tell
