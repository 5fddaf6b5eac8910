"""A run directory -> the rows of its run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from orchestrator import codec
from orchestrator.errors import UsageError
from orchestrator.history.rows import Rows, rows_of
from orchestrator.host.real_path import real_path
from orchestrator.judge.mutants import Matrix
from orchestrator.judge.mutation_run import MATRIX, MUTATION_RUN, judge_mutation_run
from orchestrator.judge.run import RUN, judge_run
from orchestrator.model.report import RunReport
from orchestrator.reporters.json_report import read_report
from orchestrator.reporters.table import REPORT
from orchestrator.runs.record import RunRecord, load_record

_WANTED = f"a run directory has a {RUN}"


def read_run(run_dir: Path, location: str = "") -> Rows:
    """The rows of a run, finished or not. The report that it has is taken, as it names lines of source code; where
    there is none, or one of another version, the run is judged anew. Reads only. Raises UsageError.

    `location` is the URL of the directory, if others find it under one.
    """
    record = load_record(RunRecord, run_dir / RUN)
    matrix = None
    if (run_dir / MUTATION_RUN).is_file():
        report, matrix = _mutation_run(run_dir, record)
    else:
        report = _report(run_dir) or judge_run(run_dir, interrupted=not record.finished)
    where = location or str(real_path(run_dir))
    return rows_of(_identity(record), report, location=where, matrix=matrix, known=record.known, night=record.night)


def _report(run_dir: Path) -> RunReport | None:
    try:
        return read_report(run_dir / REPORT)
    except (OSError, ValueError):
        return None


def _mutation_run(run_dir: Path, record: RunRecord) -> tuple[RunReport, Matrix]:
    report, matrix = _report(run_dir), _matrix(run_dir)
    if report and matrix:
        return report, matrix
    judged = judge_mutation_run(run_dir, interrupted=not record.finished)
    return judged.report, judged.matrix


def _matrix(run_dir: Path) -> Matrix | None:
    try:
        return codec.decode(Matrix, json.loads((run_dir / MATRIX).read_bytes()))
    except (OSError, ValueError):
        return None


def _identity(record: RunRecord) -> str:
    """Of a run that was made before runs had one: it is the same for every copy of its directory."""
    return record.id or hashlib.sha256(f"{record.key} {record.started}".encode()).hexdigest()[:32]


def find_runs(path: Path) -> list[Path]:
    """The run directories that a path means: itself, or those in it. Raises UsageError if there is none."""
    if (path / RUN).is_file():
        return [path]
    found = sorted(entry.parent for entry in path.glob(f"*/{RUN}"))
    if not found:
        what, hint = _no_run(path)
        raise UsageError(what, hint=hint)
    return found


def _no_run(path: Path) -> tuple[str, str]:
    """What a path is instead, and a hint."""
    if not path.exists():
        return f"{path}: no such file or directory", _WANTED
    if path.is_dir():
        return f"{path}: neither a run directory nor a directory with some", _WANTED
    if (path.parent / RUN).is_file():
        return f"{path}: a file of a run; runs are imported whole", f"orchestrate history import {path.parent}"
    return (
        f"{path}: a file, and no run directory",
        f"runs of orchestrate are imported, directories with a {RUN}; JUnit and other results of others are not read",
    )
