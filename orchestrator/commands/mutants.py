"""orchestrate mutants: which mutants does the suite notice, how fast, and with what evidence?"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from orchestrator.commands.compose import open_session, stoppable
from orchestrator.commands.outputs import outputs_of
from orchestrator.commands.rundir import claim
from orchestrator.commands.test import describe
from orchestrator.events import RunStarted
from orchestrator.judge.mutation_run import MATRIX
from orchestrator.questions.mutation import MutationRun
from orchestrator.reporters import terminal_matrix
from orchestrator.reporters.progress import Progress


def run(args: argparse.Namespace) -> int:
    emit = Progress(sys.stderr, verbose=args.verbose)
    outputs = outputs_of(args, MATRIX)
    outputs.check()
    session = open_session(args, emit, with_mutants=True)
    context, plan = session.context, session.plan
    with stoppable(context.runner.cancel), claim(context, plan, args.output) as (run_dir, resumed):
        emit(RunStarted(str(run_dir), (*describe(plan), f"mutants: {len(plan.mutants)}"), resumed))
        judged = MutationRun(context, plan, run_dir, session.sources).run()
    return outputs.deliver(run_dir, judged.report.verdict, partial(terminal_matrix.show, judged.matrix, judged.report))
