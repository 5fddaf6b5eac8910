"""What log files say, as JSON and for a reader."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from orchestrator import codec
from orchestrator.model.outcome import Outcome
from orchestrator.model.splat import LogReport, Splat
from orchestrator.reporters import decoded
from orchestrator.reporters.text import printable

SEVERITIES = {Outcome.CRASH: "crash", Outcome.FAIL: "fail", Outcome.PASS: "info"}


def dumps(logs: Sequence[LogReport]) -> str:
    """A JSON list with an object for each file; docs/splats.md lists the keys."""
    return json.dumps([_log(log) for log in logs], indent=2, allow_nan=False) + "\n"


def lines(logs: Sequence[LogReport]) -> Iterator[str]:
    """A line for each file and one for each report, in the order of the log."""
    for log in logs:
        count = len(log.reports)
        found = log.error or ("no kernel report" if not count else f"{count} kernel report{'s' * (count > 1)}")
        yield f"{printable(log.file)}: {printable(found)}"
        for splat in log.reports:
            remarks = [SEVERITIES[splat.outcome], *(["corrupted"] if splat.corrupted else [])]
            remarks += [f"known: {splat.known}"] if splat.known else []
            yield f"  {splat.line_start}-{splat.line_end}  {printable(splat.title)}  ({printable(', '.join(remarks))})"
            yield from (f"      {printable(spot.line)}" for spot in decoded.spots(splat))


def _log(log: LogReport) -> dict[str, codec.Json]:
    data: dict[str, codec.Json] = {"file": log.file, "format": log.form, "reports": [_report(s) for s in log.reports]}
    return {**data, "error": log.error} if log.error else data


def _report(splat: Splat) -> dict[str, codec.Json]:
    data = codec.encode(splat)
    assert isinstance(data, dict)
    del data["outcome"]
    first = {"kind": splat.kind, "title": splat.title, "severity": SEVERITIES[splat.outcome]}
    return {**first, **data}
