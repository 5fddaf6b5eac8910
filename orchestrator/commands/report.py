"""orchestrate report: show a run's report and write its files again, from what the run recorded."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from orchestrator.context import Places
from orchestrator.evidence.decode import decode, decode_suites
from orchestrator.host.process import Cancel, Runner
from orchestrator.host.real_path import real_path
from orchestrator.invocation.outputs import absolute_directory, outputs_of
from orchestrator.judge import mutation_run as matrix
from orchestrator.judge.run import RUN, judge_run
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.report import RunReport
from orchestrator.reporters import terminal, terminal_matrix
from orchestrator.reporters.table import REPORT, write_files
from orchestrator.runs.record import RunRecord, load_record


def run(args: argparse.Namespace) -> int:
    return judge_again(args.run_dir, args)


def judge_again(run_dir: Path, args: argparse.Namespace, known: Sequence[KnownIssue] | None = None) -> int:
    """Judge a run again; `known` replaces the known issues that it was made with."""
    run_dir = real_path(run_dir)
    record = load_record(RunRecord, run_dir / RUN)
    has_mutants = (run_dir / matrix.MUTATION_RUN).is_file()
    outputs = outputs_of(args, matrix.MATRIX if has_mutants else REPORT)
    outputs.check()
    if has_mutants:
        mutation = matrix.judge_mutation_run(
            run_dir,
            interrupted=record.is_interrupted,
            known=known,
            decode=partial(decode_suites, Places.of_user(args.settings.cache), Runner(Cancel()), run_dir),
        )
        mutation = replace(mutation, report=_presented(mutation.report, args))
        matrix.write_mutation_run(mutation, run_dir)
        how = {"is_quiet": args.quiet, "resume": record.command}
        summary = partial(terminal_matrix.show_matrix, mutation.matrix, mutation.report, **how)
        return outputs.deliver(run_dir, mutation.report.verdict.exit_status, summary)
    report = report_of(run_dir, record, args, known)
    summary = partial(terminal.show, report, color=args.color, is_quiet=args.quiet, resume=record.command)
    return outputs.deliver(run_dir, report.verdict.exit_status, summary)


def report_of(
    run_dir: Path, record: RunRecord, args: argparse.Namespace, known: Sequence[KnownIssue] | None = None
) -> RunReport:
    """A run judged again, whose files are written."""
    judged = judge_run(run_dir, interrupted=record.is_interrupted, known=known)
    judged = decode(Places.of_user(args.settings.cache), Runner(Cancel()), judged, run_dir)
    report = _presented(matrix.with_mutants(judged, run_dir), args)
    write_files(report, run_dir)
    return report


def _presented(report: RunReport, args: argparse.Namespace) -> RunReport:
    """The report with the names of this call; where it has none, those of the run."""
    name, root = getattr(args, "suite_name", None), getattr(args, "attachments_root", None)
    return replace(
        report,
        suite_name=report.suite_name if name is None else name,
        attachments_root=report.attachments_root if root is None else absolute_directory(root),
        ci_name=getattr(args, "ci_name", None) or report.ci_name,
        location=getattr(args, "location", None) or report.location,
    )
