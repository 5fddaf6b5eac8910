"""What `boot` and `shell` share: the guest_specs of a session's suites, made without a run directory."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator

from orchestrator.commands.compose import Session, announced
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.build import check_accelerator, make_guest_spec, make_kernel
from orchestrator.model.request import Suite
from orchestrator.reporters import stream


def guest_specs(session: Session) -> Iterator[tuple[Suite, GuestSpec]]:
    """One after the other, each made when it is asked for."""
    context, plan, sources = session.context, session.plan, session.sources
    for suite in plan.suites:
        stage = announced(context, suite)
        check_accelerator(stage, sources)
        built = make_kernel(context, stage, plan, suite, sources, context.places.logs / suite.name)
        yield suite, make_guest_spec(context, stage, plan, suite, built, sources)


def gdb_line(spec: GuestSpec) -> Callable[[int], None]:
    """What to tell the user when a guest waits for a debugger on a port."""

    def tell(port: int) -> None:
        gdb = ("gdb", os.fspath(spec.kernel.vmlinux), "-ex", f"target remote 127.0.0.1:{port}")
        stream.tell(f"the guest waits at its first instruction; `continue` starts it:\n  {shlex.join(gdb)}\n")

    return tell
