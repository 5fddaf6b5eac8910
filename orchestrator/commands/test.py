"""orchestrate test: from a patch to a verdict."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from orchestrator.commands.compose import open_session, stoppable
from orchestrator.commands.outputs import outputs_of
from orchestrator.commands.rundir import claim
from orchestrator.events import RunStarted
from orchestrator.model.request import Plan
from orchestrator.questions.regression import Pipeline
from orchestrator.reporters import terminal
from orchestrator.reporters.progress import Progress
from orchestrator.words import counted


def run(args: argparse.Namespace) -> int:
    emit = Progress(sys.stderr, verbose=args.verbose)
    outputs = outputs_of(args)
    outputs.check()
    session = open_session(args, emit)
    context, plan = session.context, session.plan
    with stoppable(context.runner.cancel), claim(context, plan, args.output) as (run_dir, resumed):
        emit(RunStarted(str(run_dir), describe(plan), resumed))
        report = Pipeline(context, plan, run_dir, session.sources).run()
    return outputs.deliver(run_dir, report.verdict, partial(terminal.show, report))


def describe(plan: Plan) -> tuple[str, ...]:
    """What is about to be done, a line each."""
    series = plan.series
    lines = [f"{series.name}: {counted(len(series.patches), 'patch')}" if series else "no patch: the base itself"]
    lines += [f"note: {note}" for note in (series.notes if series else ())]
    lines.append(f"kernels: {', '.join(suite.name for suite in plan.suites)}")
    lines.append(f"cases: {', '.join(case.name for case in plan.cases)}")
    return tuple(lines)
