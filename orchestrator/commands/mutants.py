"""orchestrate mutants: which mutants does the suite notice, how fast, and with what evidence?"""

from __future__ import annotations

import argparse
import sys

from orchestrator.commands.compose import invoke, stoppable
from orchestrator.commands.rundir import claim
from orchestrator.commands.running import run_mutation
from orchestrator.commands.test import check_outputs, copy_outputs, describe
from orchestrator.events import RunStarted
from orchestrator.judge.mutation_run import MATRIX
from orchestrator.reporters import terminal_matrix
from orchestrator.reporters.progress import Progress


def run(args: argparse.Namespace) -> int:
    emit = Progress(sys.stderr, verbose=args.verbose)
    check_outputs(args.junit, args.json)
    invocation = invoke(args, emit, with_mutants=True)
    context, plan = invocation.context, invocation.plan
    with stoppable(context.runner.cancel), claim(context, plan, args.output) as (run_dir, resumed):
        emit(RunStarted(str(run_dir), (*describe(plan), f"mutants: {len(plan.mutants)}"), resumed))
        judged = run_mutation(invocation, run_dir)
    terminal_matrix.show(judged.matrix, judged.report, sys.stderr if args.json == "-" else sys.stdout)
    copy_outputs(run_dir, args.junit, args.json, report=MATRIX)
    return judged.report.verdict.exit_status
