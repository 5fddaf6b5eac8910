"""What a test would do, as plain commands, without doing it: the same lines that reproduce.sh has after a run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.build.toolchain import Toolchain, make
from orchestrator.context import Places
from orchestrator.host.process import Command
from orchestrator.jobs.build import slowdown_of
from orchestrator.jobs.reproduce import case_line, qemu_line, source_line
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.request import Baseline, Plan
from orchestrator.model.subject import Subject
from orchestrator.questions.regression import per_patch, subjects
from orchestrator.source.bases import DEFAULT_BASE

SOURCE, BUILD = Path("linux"), Path("build")


def dry_run(
    plan: Plan, accel_of: Callable[[Machine], Accel], find: Callable[[str, str], Toolchain], places: Places
) -> Iterator[str]:
    """The commands for each kernel, as a script would have them; comments say what they are for. `find` is given the
    names of a toolchain and an architecture."""
    for subject, when in _kernels(plan):
        yield f"# {subject.name}{f': {when}' if when else ''}"
        accel = accel_of(plan.machine_of(subject.kernel))
        yield from _commands(plan, subject, accel, find(subject.kernel.toolchain, subject.kernel.arch), places)
        yield ""


def _kernels(plan: Plan) -> Iterator[tuple[Subject, str]]:
    """The kernels, and when each is made if that depends on what is found."""
    for variant in plan.variants:
        tested, *base = subjects(plan, variant)
        yield tested, ""
        if plan.request.baseline is not Baseline.NEVER:
            when = "" if plan.request.baseline is Baseline.ALWAYS else f"only if something fails on {tested.name}"
            yield from ((one, when) for one in base)
        if plan.request.each_patch:
            yield from ((one, "") for one in per_patch(plan, variant))


def _commands(plan: Plan, subject: Subject, accel: Accel, toolchain: Toolchain, places: Places) -> Iterator[str]:
    kernel, machine = subject.kernel, plan.machine_of(subject.kernel)
    image = Path(machine.image)

    def made(*targets: str) -> Command:
        return make(SOURCE, BUILD, *targets, toolchain=toolchain, places=places)

    yield f"mkdir -p {SOURCE / BUILD} && cd {SOURCE}"
    yield source_line(plan.source.tree, plan.source.revision or DEFAULT_BASE, plan.source.revision)
    patches = (*plan.source.below, *(kernel.series.patches if kernel.series else ()))
    for number, patch in enumerate(patches, 1):
        yield f"git apply {shlex.quote(patch.name or f'{number:04d}.patch')}"
    yield "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in made().env)
    if whole := kernel.kconfig.whole:
        yield shlex.join(("cp", os.fspath(whole.path), f"{BUILD}/.config"))
    else:
        yield shlex.join(made("tinyconfig").argv)
    over = kernel.kconfig.laid_over
    unfit = [rf"-e '/^# arch:.*\b{kernel.arch}\b/b' -e '/^# arch:/,/^$/d'"] if any(one.on_arch for one in over) else []
    unfit += ["-e '/^# over: tinyconfig/,/^$/d'"] if whole else []
    chosen = " ".join(("sed -s", *unfit)) if unfit else "cat"
    yield f"{chosen} {shlex.join(os.fspath(one.path) for one in over)} >>{BUILD}/.config"
    yield shlex.join(made("olddefconfig").argv)
    yield shlex.join(made(image.name, "vmlinux").argv)
    yield f"KERNEL={BUILD / image}"
    yield f"{qemu_line(machine, accel)} &"
    slowdown = slowdown_of(plan, accel, subject)
    yield from (case_line(case, plan.request, slowdown) for case in plan.cases)
