"""orchestrate build: the kernels of a request, and nothing more."""

from __future__ import annotations

import argparse
import sys

from orchestrator.commands.compose import invoke, stoppable
from orchestrator.commands.guests import kernels
from orchestrator.reporters import stream
from orchestrator.reporters.progress import Progress


def run(args: argparse.Namespace) -> int:
    invocation = invoke(args, Progress(sys.stderr, verbose=args.verbose))
    with stoppable(invocation.context.runner.cancel):
        for subject, _, built in kernels(invocation):
            stream.out(f"{subject.name}\t{built.kernel.release}\t{built.kernel.image}\n")
    return 0
