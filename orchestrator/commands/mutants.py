"""orchestrate mutants: which seeded bugs does the suite notice, how fast, and with what evidence?"""

from __future__ import annotations

import argparse
import sys

from orchestrator.commands.compose import open_session, stoppable
from orchestrator.commands.rundir import claim
from orchestrator.commands.test import check_outputs, copy_outputs, describe
from orchestrator.events import RunStarted
from orchestrator.hunt import Hunt
from orchestrator.reporters import terminal_matrix
from orchestrator.reporters.progress import Progress
from orchestrator.stages.matrix import MATRIX


def run(args: argparse.Namespace) -> int:
    emit = Progress(sys.stderr, verbose=args.verbose)
    check_outputs(args.junit, args.json)
    session = open_session(args, emit, hunts=True)
    context, plan = session.context, session.plan
    with stoppable(context.runner.cancel), claim(context, plan, args.output) as (run_dir, resumed):
        emit(RunStarted(str(run_dir), (*describe(plan), f"mutants: {len(plan.mutants)}"), resumed))
        hunted = Hunt(context, plan, run_dir, session.sources).run()
    terminal_matrix.show(hunted.matrix, hunted.report, sys.stderr if args.json == "-" else sys.stdout)
    copy_outputs(run_dir, args.junit, args.json, report=MATRIX)
    return hunted.report.verdict.exit_status
