"""orchestrate build: the kernels of a request, and nothing more."""

from __future__ import annotations

import argparse
import sys

from orchestrator.commands.compose import announced, open_session, stoppable
from orchestrator.jobs.build import make_kernel
from orchestrator.reporters import stream
from orchestrator.reporters.progress import Progress


def run(args: argparse.Namespace) -> int:
    session = open_session(args, Progress(sys.stderr, verbose=args.verbose))
    context, plan = session.context, session.plan
    with stoppable(context.runner.cancel):
        for suite in plan.suites:
            stage = announced(context, suite)
            built = make_kernel(context, stage, plan, suite, session.sources, context.places.logs / suite.name)
            stream.out(f"{suite.name}\t{built.kernel.release}\t{built.kernel.image}\n")
    return 0
