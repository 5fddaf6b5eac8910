"""orchestrate mutants: which mutants does the suite notice, how fast, and with what evidence?"""

from __future__ import annotations

import argparse
from functools import partial

from orchestrator.commands.compose import command_line, invoke, listening, stoppable
from orchestrator.commands.outputs import outputs_of
from orchestrator.commands.rundir import claim
from orchestrator.commands.running import run_mutation
from orchestrator.commands.test import describe, told_settings
from orchestrator.events import RunStarted
from orchestrator.judge.mutation_run import MATRIX
from orchestrator.reporters import terminal_matrix


def run(args: argparse.Namespace) -> int:
    outputs = outputs_of(args, MATRIX)
    outputs.check()
    with listening(args) as emit:
        invocation = invoke(args, emit, with_mutants=True)
        context, plan = invocation.context, invocation.plan
        line = command_line(args)
        with stoppable(context.runner.cancel), claim(context, plan, "mutants", args.output, line) as (run_dir, resumed):
            told = (*describe(plan), *told_settings(args, plan.request), f"mutants: {len(plan.mutants)}")
            emit(RunStarted(str(run_dir), told, resumed))
            with outputs.copied(run_dir):
                judged = run_mutation(invocation, run_dir)
    summary = partial(terminal_matrix.show_matrix, judged.matrix, judged.report, is_quiet=args.quiet, resume=line)
    return outputs.deliver(run_dir, judged.report.verdict.exit_status, summary)
