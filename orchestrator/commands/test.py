"""orchestrate test: from a patch to a verdict."""

from __future__ import annotations

import argparse
from functools import partial

from orchestrator.commands.compose import invoke, listening, stoppable
from orchestrator.commands.outputs import outputs_of
from orchestrator.commands.rundir import claim, planned
from orchestrator.commands.running import run_test
from orchestrator.events import RunStarted
from orchestrator.model.request import Plan
from orchestrator.questions.regression import subjects
from orchestrator.reporters import terminal
from orchestrator.words import counted


def run(args: argparse.Namespace) -> int:
    outputs = outputs_of(args)
    outputs.check()
    with listening(args) as emit:
        invocation = invoke(args, emit)
        context, plan = invocation.context, invocation.plan
        with stoppable(context.runner.cancel), claim(context, plan, "test", args.output) as (run_dir, resumed):
            cases = sum(len(kernel.cases) for kernel in planned(plan))
            emit(RunStarted(str(run_dir), describe(plan), resumed, cases))
            with outputs.copied(run_dir):
                report = run_test(invocation, run_dir)
    summary = partial(terminal.show, report, color=args.color, is_quiet=args.quiet)
    return outputs.deliver(run_dir, report.verdict.exit_status, summary)


def describe(plan: Plan) -> tuple[str, ...]:
    """What is about to be done, a line each."""
    series = plan.series
    lines = [f"{series.name}: {counted(len(series.patches), 'patch')}" if series else "no patch: the base itself"]
    lines += [f"note: {note}" for note in (series.notes if series else ())]
    lines.append(f"kernels: {', '.join(subjects(plan, kconfig)[0].name for kconfig in plan.kconfigs)}")
    lines.append(f"cases: {', '.join(case.name for case in plan.cases)}")
    return tuple(lines)
