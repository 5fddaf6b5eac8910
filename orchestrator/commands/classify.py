"""orchestrate classify: judge a run again, with today's tables, from its consoles and outputs."""

from __future__ import annotations

import argparse

from orchestrator.commands import report


def run(args: argparse.Namespace) -> int:
    return report.run(args)
