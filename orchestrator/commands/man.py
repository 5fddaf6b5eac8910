"""orchestrate man: the man page, in roff."""

from __future__ import annotations

import argparse

from orchestrator.arguments.man import man_page
from orchestrator.reporters import stream


def run(args: argparse.Namespace) -> int:
    stream.out(man_page())
    return 0
