"""orchestrate report: show a run's report and write its files again, from what the run recorded."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from orchestrator.commands.test import copy_outputs
from orchestrator.record import RunRecord, load
from orchestrator.reporters import terminal
from orchestrator.stages.report import RUN, judge, write


def run(args: argparse.Namespace) -> int:
    run_dir: Path = args.run_dir.resolve()
    record = load(RunRecord, run_dir / RUN)
    report = judge(run_dir, interrupted=not record.finished)
    write(report, run_dir, relative_to=run_dir if getattr(args, "attachments", "") == "relative" else None)
    terminal.show(report, sys.stderr if args.json == "-" else sys.stdout)
    copy_outputs(run_dir, getattr(args, "junit", None), args.json)
    return report.verdict.exit_status
