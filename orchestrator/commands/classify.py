"""orchestrate classify: kernel reports in log files; or a run judged again, with today's tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.commands import report
from orchestrator.commands.outputs import STDOUT
from orchestrator.declarations.known_issues import read_known_issues
from orchestrator.errors import HostRefused, UsageError
from orchestrator.evidence.decode import decode_kernel_reports
from orchestrator.judge.known import is_expired, mark_known
from orchestrator.judge.logs import classify_log
from orchestrator.model.kernel_report import LogReport
from orchestrator.reporters import logs, stream
from orchestrator.store import write_atomically


def run(args: argparse.Namespace) -> int:
    known = read_known_issues(args.known_issues) if args.known_issues else None
    paths: list[Path] = args.paths
    if len(paths) == 1 and paths[0].is_dir():
        return report.judge_again(paths[0], args, known)
    today = datetime.now(UTC).date().isoformat()
    # of a log nothing but the titles is known: kconfig and base do not restrict here
    issues = [issue for issue in known or () if not is_expired(issue, today)]
    found = [classify_log(path) for path in paths]
    found = [replace(log, reports=mark_known(log.reports, issues)) for log in found]
    if args.vmlinux:
        found = [replace(log, reports=decode_kernel_reports(log.reports, args.vmlinux)) for log in found]
    _give(found, args.json)
    unreadable = [log for log in found if log.error]
    for log in unreadable:
        stream.tell(f"orchestrate: {log.file}: {log.error}\n")
    return UsageError.fault.value if unreadable else 0


def _give(found: Sequence[LogReport], json: str | None) -> None:
    """The JSON where it is wanted, and what it says on a stdout that is left for it. Raises UsageError, OSError."""
    listing = "".join(f"{line}\n" for line in logs.log_lines(found))
    if json == STDOUT:
        stream.data(logs.dumps(found).encode())
    elif json:
        _write(Path(json), logs.dumps(found))
        stream.tell(listing, sys.stdout)
    else:
        stream.out(listing)


def _write(path: Path, text: str) -> None:
    try:
        write_atomically(path, text.encode())
    except HostRefused as error:
        raise UsageError(error.message) from error
