"""orchestrate test: from a patch to a verdict."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

from orchestrator.build.toolchain import find_toolchain
from orchestrator.commands.compose import Invocation, command_line, invoke, listening, stoppable
from orchestrator.commands.outputs import outputs_of
from orchestrator.commands.rundir import claim, planned
from orchestrator.commands.running import run_test
from orchestrator.events import RunStarted
from orchestrator.jobs.dry_run import dry_run
from orchestrator.model.request import Plan
from orchestrator.questions.regression import subjects
from orchestrator.reporters import stream, terminal
from orchestrator.reporters.text import printable
from orchestrator.settings.resolve import set_elsewhere
from orchestrator.source.bases import DEFAULT_BASE
from orchestrator.words import counted


def run(args: argparse.Namespace) -> int:
    outputs = outputs_of(args)
    outputs.check()
    with listening(args) as emit:
        invocation = invoke(args, emit)
        context, plan = invocation.context, invocation.plan
        if args.dry_run:
            return show_plan(invocation, told_settings(args))
        line = command_line(args)
        with stoppable(context.runner.cancel), claim(context, plan, "test", args.output, line) as (run_dir, resumed):
            cases = sum(len(kernel.cases) for kernel in planned(plan))
            emit(RunStarted(str(run_dir), (*describe(plan), *told_settings(args)), resumed, cases))
            with outputs.copied(run_dir):
                report = run_test(invocation, run_dir)
    summary = partial(terminal.show, report, color=args.color, is_quiet=args.quiet, resume=line)
    return outputs.deliver(run_dir, report.verdict.exit_status, summary)


def told_settings(args: argparse.Namespace) -> list[str]:
    """The settings that are not on the command line, a line each: what is tested depends on them."""
    return [f"setting: {name} from {one.origin}" for name, one in set_elsewhere(args.found).items()]


def show_plan(invocation: Invocation, settings: Sequence[str]) -> int:
    """Say what would be done. Builds, boots and writes nothing."""
    context, plan = invocation.context, invocation.plan
    accel, _ = invocation.find.accel()
    machine = plan.machine
    lines = [*describe(plan), *settings]
    lines += [
        f"base: {plan.source.tree} at {plan.source.revision}" if plan.source.tree else f"base: {base_name(plan)}",
        f"guest: {machine.name}, {counted(machine.smp, 'CPU')}, {machine.memory_mib} MiB, {accel.name}, "
        f"{counted(plan.slots, 'guest')} at a time",
        "",
        *dry_run(plan, accel, find_toolchain(context).value, context.places),
    ]
    stream.out("".join(f"{printable(line)}\n" for line in lines))
    return 0


def base_name(plan: Plan) -> str:
    return plan.source.revision or DEFAULT_BASE


def describe(plan: Plan) -> tuple[str, ...]:
    """What is about to be done, a line each."""
    series = plan.series
    lines = [f"{series.name}: {counted(len(series.patches), 'patch')}" if series else "no patch: the base itself"]
    lines += [f"note: {note}" for note in (series.notes if series else ())]
    lines.append(f"kernels: {', '.join(subjects(plan, kconfig)[0].name for kconfig in plan.kconfigs)}")
    lines.append(f"cases: {', '.join(case.name for case in plan.cases)}")
    return tuple(lines)
