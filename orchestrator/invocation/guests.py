"""What `build`, `boot` and `shell` share: kernels and guest specs of an invocation, made without a run directory."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.invocation.compose import Invocation, announced
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.build import (
    Built,
    Stage,
    Tree,
    check_accelerator,
    make_config,
    make_guest_spec,
    make_kernel,
    make_programs,
    make_tree,
)
from orchestrator.model.kernel import KernelConfig
from orchestrator.model.subject import Subject
from orchestrator.questions.regression import subjects
from orchestrator.reporters import stream


@dataclass(frozen=True)
class _Configured:
    """A kernel under test before minutes of compiling."""

    subject: Subject
    stage: Stage
    tree: Tree
    config: KernelConfig

    def built(self, invocation: Invocation) -> Built:
        context, logs = invocation.context, _logs(invocation, self.subject)
        return make_kernel(context, self.stage, self.subject, self.tree, self.config, invocation.plan, logs)


def kernels(invocation: Invocation) -> Iterator[tuple[Subject, Built]]:
    """The kernels under test, one after the other, each made when it is asked for."""
    for one in _configured(invocation):
        yield one.subject, one.built(invocation)


def guest_specs(invocation: Invocation) -> Iterator[tuple[Subject, GuestSpec]]:
    """What guests of these kernels are made of."""
    context, plan, find = invocation.context, invocation.plan, invocation.find
    for one in _configured(invocation, with_accelerator=True):
        programs = make_programs(context, one.stage, one.subject, one.tree, plan)
        built = one.built(invocation)
        yield one.subject, make_guest_spec(context, one.stage, one.subject, built, programs, plan, find)


def _configured(invocation: Invocation, *, with_accelerator: bool = False) -> Iterator[_Configured]:
    context, plan, find = invocation.context, invocation.plan, invocation.find
    for variant in plan.variants:
        subject = subjects(plan, variant)[0]
        stage = announced(context, subject)
        if with_accelerator:
            check_accelerator(stage, find, plan.machine_of(subject.kernel))
        tree = make_tree(context, stage, subject, find)
        yield _Configured(subject, stage, tree, make_config(context, stage, subject, tree, _logs(invocation, subject)))


def _logs(invocation: Invocation, subject: Subject) -> Path:
    return invocation.context.places.logs / subject.name


def gdb_line(spec: GuestSpec) -> Callable[[int], None]:
    """What to tell the user when a guest waits for a debugger on a port."""

    def tell(port: int) -> None:
        gdb = ("gdb", os.fspath(spec.kernel.vmlinux), "-ex", f"target remote 127.0.0.1:{port}")
        stream.tell(f"the guest waits at its first instruction; `continue` starts it:\n  {shlex.join(gdb)}\n")

    return tell
