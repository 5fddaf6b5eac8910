"""What `build`, `boot` and `shell` share: kernels and guest specs of an invocation, made without a run directory."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator

from orchestrator.commands.compose import Invocation, announced
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.build import (
    Built,
    Stage,
    check_accelerator,
    make_config,
    make_guest_spec,
    make_kernel,
    make_tree,
)
from orchestrator.model.subject import Subject
from orchestrator.questions.regression import subjects
from orchestrator.reporters import stream


def kernels(invocation: Invocation, *, with_accelerator: bool = False) -> Iterator[tuple[Subject, Stage, Built]]:
    """The kernels under test, one after the other, each made when it is asked for."""
    context, plan, find = invocation.context, invocation.plan, invocation.find
    for variant in plan.variants:
        subject = subjects(plan, variant)[0]
        stage = announced(context, subject)
        if with_accelerator:
            check_accelerator(stage, find, plan.machine_of(subject.kernel))
        tree = make_tree(context, stage, subject, find)
        logs = context.places.logs / subject.name
        config = make_config(context, stage, subject, tree, logs)
        yield subject, stage, make_kernel(context, stage, subject, tree, config, plan, logs)


def guest_specs(invocation: Invocation) -> Iterator[tuple[Subject, GuestSpec]]:
    """The same, and what guests of them are made of."""
    for subject, stage, built in kernels(invocation, with_accelerator=True):
        yield subject, make_guest_spec(invocation.context, stage, subject, built, invocation.plan, invocation.find)


def gdb_line(spec: GuestSpec) -> Callable[[int], None]:
    """What to tell the user when a guest waits for a debugger on a port."""

    def tell(port: int) -> None:
        gdb = ("gdb", os.fspath(spec.kernel.vmlinux), "-ex", f"target remote 127.0.0.1:{port}")
        stream.tell(f"the guest waits at its first instruction; `continue` starts it:\n  {shlex.join(gdb)}\n")

    return tell
