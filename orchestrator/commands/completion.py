"""orchestrate completion: what a shell needs to complete our command line."""

from __future__ import annotations

import argparse

from orchestrator.arguments.completion import COMPLETIONS
from orchestrator.reporters import stream


def run(args: argparse.Namespace) -> int:
    stream.out(COMPLETIONS[args.shell]())
    return 0
