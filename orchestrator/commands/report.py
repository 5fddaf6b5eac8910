"""orchestrate report: show a run's report and write its files again, from what the run recorded."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from orchestrator.commands.outputs import outputs_of
from orchestrator.context import Places
from orchestrator.evidence.decode import decode, decode_suites
from orchestrator.judge import mutation_run as matrix
from orchestrator.judge.run import REPORT, RUN, judge, write
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.process import Cancel, Runner
from orchestrator.record import RunRecord, load
from orchestrator.reporters import terminal, terminal_matrix


def run(args: argparse.Namespace) -> int:
    return show(args.run_dir, args)


def show(run_dir: Path, args: argparse.Namespace, known: Sequence[KnownIssue] | None = None) -> int:
    """Judge a run again; `known` replaces the known issues that it was made with."""
    run_dir = run_dir.resolve()
    record = load(RunRecord, run_dir / RUN)
    has_mutants = (run_dir / matrix.MUTATION_RUN).is_file()
    outputs = outputs_of(args, matrix.MATRIX if has_mutants else REPORT)
    outputs.check()
    relative_to = run_dir if getattr(args, "attachments", "") == "relative" else None
    if has_mutants:
        mutation = matrix.judge(
            run_dir,
            interrupted=not record.finished,
            known=known,
            decode=partial(decode_suites, Places.of_user(), Runner(Cancel()), run_dir),
        )
        matrix.write(mutation, run_dir, relative_to=relative_to)
        return outputs.deliver(
            run_dir, mutation.report.verdict, partial(terminal_matrix.show, mutation.matrix, mutation.report)
        )
    judged = judge(run_dir, interrupted=not record.finished, known=known)
    report = decode(Places.of_user(), Runner(Cancel()), judged, run_dir)
    write(report, run_dir, relative_to=relative_to)
    return outputs.deliver(run_dir, report.verdict, partial(terminal.show, report))
