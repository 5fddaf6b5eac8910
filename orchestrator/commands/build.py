"""orchestrate build: the kernels of a request, and nothing more."""

from __future__ import annotations

import argparse

from orchestrator.invocation.compose import invoke, listening, stoppable
from orchestrator.invocation.guests import kernels
from orchestrator.reporters import stream


def run(args: argparse.Namespace) -> int:
    with listening(args) as emit:
        invocation = invoke(args, emit)
        with stoppable(invocation.context.runner.cancel):
            for subject, built in kernels(invocation):
                stream.out(f"{subject.name}\t{built.kernel.release}\t{built.kernel.image}\n")
    return 0
