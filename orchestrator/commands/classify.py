"""orchestrate classify: kernel reports in log files; or a run judged again, with today's tables.

Logs are read at once: what a run or a vmlinux needs besides is imported when there is one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.arguments.options.reports import STDOUT
from orchestrator.declarations.known_issues import read_known_issues
from orchestrator.errors import Fault, HostRefused, UsageError
from orchestrator.invocation.targets import check_target, write_target
from orchestrator.judge.known import is_expired, mark_known
from orchestrator.judge.logs import classify_log
from orchestrator.model.kernel_report import LogReport
from orchestrator.parse.logs.report_kinds import load_kinds
from orchestrator.reporters import github, logs, stream

GITHUB = "github"


def run(args: argparse.Namespace) -> int:
    """Raises UsageError for outputs that exclude each other."""
    if args.format == GITHUB and args.json == STDOUT:
        raise UsageError("--format github and --json -: stdout holds one of them", hint="give --json a file")
    if args.json:
        check_target(args.json)
    known = read_known_issues(args.known_issues) if args.known_issues else None
    paths: list[Path] = args.paths
    if len(paths) == 1 and paths[0].is_dir():
        of_logs = {"--format github": args.format == GITHUB, "--vmlinux": args.vmlinux}
        if option := next((name for name, value in of_logs.items() if value), ""):
            raise UsageError(
                f"{option} is for log files, and {paths[0]} is a directory",
                hint=f"name the logs: {paths[0]}/*/guest-*/console.log",
            )
        from orchestrator.commands import report

        return report.judge_again(paths[0], args, known)
    today = datetime.now(UTC).date().isoformat()
    # of a log nothing but the titles is known: kconfig and base do not restrict here
    issues = [issue for issue in known or () if not is_expired(issue, today)]
    found = _decoded(paths, args.vmlinux) if args.vmlinux else [classify_log(path) for path in paths]
    found = [replace(log, reports=mark_known(log.reports, issues)) for log in found]
    _give(found, args.json, args.format)
    for log in found:
        if said := log.error or logs.doubt(log):
            stream.tell(f"orchestrate: {log.file}: {said if log.error else f'warning: {said}'}\n")
    return _status(found, is_gate=args.exit_code)


def _decoded(paths: Sequence[Path], vmlinux: Path) -> list[LogReport]:
    """What is in the logs, with the source lines of a vmlinux. Raises VmlinuxUnreadable."""
    from orchestrator.evidence.decode import decode_kernel_reports
    from orchestrator.evidence.symbols import Symbols

    symbols = Symbols(vmlinux)
    table = replace(load_kinds(), locate=symbols.file_of)
    found = [classify_log(path, table) for path in paths]
    return [replace(log, reports=decode_kernel_reports(log.reports, symbols)) for log in found]


def _status(found: Sequence[LogReport], *, is_gate: bool) -> int:
    """The exit status. `is_gate`: what is in the logs counts too, and a log that may hide something is not good."""
    if any(log.error for log in found):
        return UsageError.fault.value
    if is_gate and any(report.outcome.is_bad for log in found for report in log.reports):
        return Fault.PATCH.value
    return Fault.INFRASTRUCTURE.value if is_gate and any(log.is_doubtful for log in found) else 0


def _give(found: Sequence[LogReport], json: str | None, form: str) -> None:
    """The JSON where it is wanted, and what it says on a stdout that is left for it. Raises UsageError, OSError."""
    lines = github.commands(found) if form == GITHUB else logs.log_lines(found)
    listing = "".join(f"{line}\n" for line in lines)
    if json == STDOUT:
        stream.data(logs.dumps(found).encode())
    elif json:
        _write(Path(json), logs.dumps(found))
        stream.tell(listing, sys.stdout)
    else:
        stream.out(listing)


def _write(path: Path, text: str) -> None:
    try:
        write_target(path, text.encode())
    except HostRefused as error:
        raise UsageError(error.message) from error
