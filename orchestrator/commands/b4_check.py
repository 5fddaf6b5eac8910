"""orchestrate b4-check: a check command of `b4 review`. It gets a mail on stdin, and answers with a JSON array of what
finished runs of this user say of that patch, or of the series if it is the cover letter."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from orchestrator.context import Places
from orchestrator.errors import OrchestrateError, UsageError
from orchestrator.judge.run import RUN
from orchestrator.model.report import RunReport
from orchestrator.parse.patches import mail as mails
from orchestrator.reporters import stream
from orchestrator.reporters.checks import Check, State, checks
from orchestrator.reporters.json_report import read_report
from orchestrator.reporters.table import REPORT
from orchestrator.runs.record import RunRecord, load_record

MOST_BYTES = 64 << 20  # of the mail
STATUS = {State.SUCCESS: "pass", State.WARNING: "warn", State.PENDING: "warn", State.FAIL: "fail"}


def run(args: argparse.Namespace) -> int:
    """Only what was recorded is read: b4 waits."""
    for place in args.run_dirs:  # of a directory that holds no run yet, nothing is known
        if not place.is_dir():
            raise UsageError(f"{place}: no such directory")
    message_id = _message_id(sys.stdin.buffer.read(MOST_BYTES))
    places = args.run_dirs or [Places.of_user(args.settings.cache).runs]
    found: dict[str, dict[str, str]] = {}
    for run_dir in _newest_first(places, message_id):
        for check in _checks(run_dir, message_id, args):
            found.setdefault(check.context, _as_b4_has_it(check))
    stream.data(json.dumps([*found.values()], indent=1).encode("ascii") + b"\n")
    return 0


def _message_id(letter: bytes) -> str:
    """Raises UsageError for what is no mail."""
    try:
        message_id = mails.parse(letter).message_id
    except mails.Unreadable as error:
        raise UsageError(f"stdin: no mail: {error}") from None
    if not message_id:
        raise UsageError("stdin: a mail without a Message-ID, or none", hint="b4 review gives one patch on stdin")
    return message_id


def _newest_first(places: list[Path], message_id: str) -> Iterator[Path]:
    """The run directories of a mail's series, of those that are named or lie in a directory that is."""
    dated: set[tuple[str, Path]] = set()
    for place in places:
        for path in [place / RUN] if (place / RUN).is_file() else place.glob(f"*/{RUN}"):
            try:
                record = load_record(RunRecord, path)
            except OrchestrateError:
                continue  # of another version, or half written: b4 asks about the others
            if message_id in (*record.message_ids, *(mail.message_id for mail in record.mails)):
                dated.add((record.started, path.parent))
    return (run_dir for _, run_dir in sorted(dated, reverse=True))


def _checks(run_dir: Path, message_id: str, args: argparse.Namespace) -> Iterator[Check]:
    report = _report(run_dir)
    if report is None:
        return
    report = replace(report, ci_name=args.ci_name or report.ci_name, location=args.location or report.location)
    is_cover = any(mail.part == 0 and mail.message_id == message_id for mail in report.mails)
    for check in checks(report):
        own = "".join(report.message_ids[check.patch - 1 : check.patch])
        if own == message_id or (is_cover and check.patch == len(report.subjects)):
            yield check


def _report(run_dir: Path) -> RunReport | None:
    """As it was written; None of a run that has none, or one of another version."""
    try:
        return read_report(run_dir / REPORT)
    except (OSError, ValueError):
        return None


def _as_b4_has_it(check: Check) -> dict[str, str]:
    return {
        "tool": check.context,
        "status": STATUS[check.state],
        "summary": check.description,
        "url": check.target_url,
        "details": "\n".join(check.details),
    }
