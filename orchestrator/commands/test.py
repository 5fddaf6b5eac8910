"""orchestrate test: from a patch to a verdict."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from orchestrator.build.toolchain import find_toolchain
from orchestrator.events import RunStarted
from orchestrator.invocation.compose import Invocation, command_line, invoke, listening, stoppable
from orchestrator.invocation.outputs import Outputs, outputs_of
from orchestrator.invocation.rundir import check_output, claim, planned
from orchestrator.invocation.running import run_test
from orchestrator.jobs.dry_run import dry_run
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.night import NightItem
from orchestrator.model.report import RunReport
from orchestrator.model.request import Plan, Request
from orchestrator.questions.regression import subjects
from orchestrator.reporters import stream, terminal
from orchestrator.reporters.origin import origin_words
from orchestrator.reporters.text import printable
from orchestrator.settings.resolve import set_elsewhere
from orchestrator.source.bases import DEFAULT_BASE
from orchestrator.words import counted

ABOUT = "test"  # what a run directory is about


def run(args: argparse.Namespace) -> int:
    outputs = outputs_of(args)
    outputs.check()
    with listening(args) as emit:
        invocation = invoke(args, emit)
        if invocation.plan.series is None:
            outputs.check_without_series()
        if args.dry_run:
            if args.output:
                check_output(invocation.plan, ABOUT, args.output)
            return show_plan(invocation, told_settings(args, invocation.plan.request))
        with stoppable(invocation.context.runner.cancel):
            report, run_dir = test(invocation, args, outputs, None)
    summary = partial(terminal.show, report, color=args.color, is_quiet=args.quiet, resume=command_line(args))
    return outputs.deliver(run_dir, report.verdict.exit_status, summary)


def test(
    invocation: Invocation, args: argparse.Namespace, outputs: Outputs, night: NightItem | None
) -> tuple[RunReport, Path]:
    """The report of a run, whose files are written, and its directory. `night`: it is an item of one."""
    context, plan = invocation.context, invocation.plan
    with claim(context, plan, ABOUT, args.output, command_line(args), night) as (run_dir, resumed):
        cases = sum(len(kernel.cases) for kernel in planned(plan))
        words = (*describe(plan), *told_settings(args, plan.request))
        context.emit(RunStarted(str(run_dir), words, resumed, cases))
        with outputs.copied(run_dir):
            return run_test(invocation, run_dir), run_dir


def told_settings(args: argparse.Namespace, request: Request) -> list[str]:
    """The settings that are not on the command line, a line each: what is tested depends on them. A tree and a base of
    which the request has made others are none of those."""
    used = {"tree": request.tree, "base": request.base}
    return [
        f"setting: {name} from {one.origin}"
        for name, one in set_elsewhere(args.found).items()
        if used.get(name, one.value) == one.value
    ]


def show_plan(invocation: Invocation, settings: Sequence[str]) -> int:
    """Say what would be done. Builds, boots and writes nothing."""
    context, plan = invocation.context, invocation.plan

    def accel_of(machine: Machine) -> Accel:
        return invocation.find.accel(machine)[0]

    lines = [*describe(plan), *settings]
    at = f"{plan.source.tree} at {plan.source.revision}" if plan.source.tree else base_name(plan)
    lines.append(f"base: {at}")
    if plan.request.build_only:
        lines.append("no guest: what the series changes is compiled in each kernel, with it and without it")
        stream.out("".join(f"{printable(line)}\n" for line in lines))
        return 0
    lines += [
        *(
            f"guest: {machine.name}, {counted(machine.smp, 'CPU')}, {machine.memory_mib} MiB, "
            f"{accel_of(machine).name}, {counted(plan.slots, 'guest')} at a time"
            for machine in (plan.machine, *plan.others)
        ),
        "",
        *dry_run(plan, accel_of, lambda name, arch: find_toolchain(context, name, arch).value, context.places),
    ]
    stream.out("".join(f"{printable(line)}\n" for line in lines))
    return 0


def base_name(plan: Plan) -> str:
    return plan.source.revision or DEFAULT_BASE


def describe(plan: Plan) -> tuple[str, ...]:
    """What is about to be done, a line each."""
    series = plan.series
    lines = [f"{series.name}: {counted(len(series.patches), 'patch')}" if series else "no patch: the base itself"]
    if series and series.origin:
        lines.append(f"from {origin_words(series.origin)}")
    lines += [f"note: {note}" for note in (series.notes if series else ())]
    lines.append(f"kernels: {', '.join(subjects(plan, variant)[0].name for variant in plan.variants)}")
    if plan.cases:
        lines.append(f"cases: {', '.join(case.name for case in plan.cases)}")
    lines += [plan.order] if plan.order else []
    if most := plan.request.with_mutants:
        seconds = sum(plan.request.duration_s or case.duration_s for case in plan.cases)
        lines.append(
            f"mutants: up to {most} if nothing regressed; they cost one more kernel, a run of all cases on it, and for "
            f"each mutant a boot and up to {seconds:.0f} s of cases"
        )
    return tuple(lines)
