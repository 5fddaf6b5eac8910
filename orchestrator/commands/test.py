"""orchestrate test: from a patch to a verdict."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from orchestrator.commands.compose import invoke, stoppable
from orchestrator.commands.rundir import claim
from orchestrator.commands.running import run_test
from orchestrator.errors import UsageError
from orchestrator.events import RunStarted
from orchestrator.model.outcome import Verdict
from orchestrator.model.request import Plan
from orchestrator.questions.regression import subjects
from orchestrator.reporters import terminal
from orchestrator.reporters.progress import Progress
from orchestrator.reporters.table import JUNIT, REPORT

CANNOT_TELL = 125


def run(args: argparse.Namespace) -> int:
    emit = Progress(sys.stderr, verbose=args.verbose)
    check_outputs(args.junit, args.json)
    invocation = invoke(args, emit)
    context, plan = invocation.context, invocation.plan
    with stoppable(context.runner.cancel), claim(context, plan, args.output) as (run_dir, resumed):
        emit(RunStarted(str(run_dir), describe(plan), resumed))
        report = run_test(invocation, run_dir)
    terminal.show(report, sys.stderr if args.json == "-" else sys.stdout)
    copy_outputs(run_dir, args.junit, args.json)
    return for_bisection(report.verdict) if args.bisect_exit else report.verdict.exit_status


def for_bisection(verdict: Verdict) -> int:
    """What `git bisect run` understands: 125 skips a commit, 130 would end the bisection as an error."""
    return verdict.exit_status if verdict.exit_status in (0, 1, 130) else CANNOT_TELL


def describe(plan: Plan) -> tuple[str, ...]:
    """What is about to be done, a line each."""
    series = plan.series
    lines = [f"{series.name}: {len(series.patches)} patches" if series else "no patch: the base itself"]
    lines += [f"note: {note}" for note in (series.notes if series else ())]
    lines.append(f"kernels: {', '.join(subjects(plan, kconfig)[0].name for kconfig in plan.kconfigs)}")
    lines.append(f"cases: {', '.join(case.name for case in plan.cases)}")
    return tuple(lines)


def check_outputs(junit: Path | None, json: str | None) -> None:
    """Find out now, not after the run, that a report cannot be written. Raises UsageError."""
    for target in (junit, Path(json) if json and json != "-" else None):
        if target is None:
            continue
        nearest = next(path for path in (target.resolve(), *target.resolve().parents) if path.exists())
        if target.is_dir() or not os.access(nearest, os.W_OK):
            raise UsageError(f"{target}: cannot be written")


def copy_outputs(run_dir: Path, junit: Path | None, json: str | None, report: str = REPORT) -> None:
    """The report files where the user wants them too; "-" is stdout. Raises UsageError."""
    if json == "-":
        sys.stdout.write((run_dir / report).read_text())
    for name, target in ((JUNIT, junit), (report, Path(json) if json and json != "-" else None)):
        if target is None:
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(shutil.SameFileError):
                shutil.copyfile(run_dir / name, target)
        except OSError as error:
            raise UsageError(f"{target}: {error.strerror}", hint=f"the report is {run_dir / name}") from error
