"""orchestrate mutants: which mutants does the suite notice, how fast, and with what evidence?"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from orchestrator.commands.test import describe, told_settings
from orchestrator.events import RunStarted
from orchestrator.invocation.compose import Invocation, command_line, invoke, listening, stoppable
from orchestrator.invocation.outputs import Outputs, outputs_of
from orchestrator.invocation.rundir import claim
from orchestrator.invocation.running import run_mutation
from orchestrator.judge.mutation_run import MATRIX, MutationReport
from orchestrator.model.night import NightItem
from orchestrator.reporters import terminal_matrix


def run(args: argparse.Namespace) -> int:
    outputs = outputs_of(args, MATRIX)
    outputs.check()
    with listening(args) as emit:
        invocation = invoke(args, emit, with_mutants=True)
        with stoppable(invocation.context.runner.cancel):
            judged, run_dir = mutate(invocation, args, outputs)
    summary = partial(
        terminal_matrix.show_matrix, judged.matrix, judged.report, is_quiet=args.quiet, resume=command_line(args)
    )
    return outputs.deliver(run_dir, judged.report.verdict.exit_status, summary)


def mutate(
    invocation: Invocation, args: argparse.Namespace, outputs: Outputs, night: NightItem | None = None
) -> tuple[MutationReport, Path]:
    """The report of a mutation run, whose files are written, and its directory."""
    context, plan = invocation.context, invocation.plan
    with claim(context, plan, "mutants", args.output, command_line(args), night) as (run_dir, resumed):
        words = (*describe(plan), *told_settings(args, plan.request), f"mutants: {len(plan.mutants)}")
        context.emit(RunStarted(str(run_dir), words, resumed))
        with outputs.copied(run_dir):
            return run_mutation(invocation, run_dir), run_dir
