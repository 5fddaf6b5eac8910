"""How long stages and cases took in the latest runs of this user: what a progress display can promise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from orchestrator.context import Places
from orchestrator.reporters.status import Earlier, EarlierTimes
from orchestrator.runs.record import KERNEL

RUNS = 12  # the latest; older ones had other kernels
MOST_BYTES = 4 << 20  # of a record: a display is not worth the time that a larger one takes


def earlier_times(places: Places) -> EarlierTimes:
    """By kconfig and name, what was measured last; products from the store took no time. Records that cannot be read
    are left out: they are another version's, or half of one."""
    found: dict[tuple[str, str], Earlier] = {}
    for run_dir in sorted(places.runs.glob("2*"), reverse=True)[:RUNS]:
        for path in sorted(run_dir.glob(f"*/{KERNEL}")):
            try:
                if path.stat().st_size <= MOST_BYTES:
                    for key, one in _measured(path):
                        found.setdefault(key, one)
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue
    return found


def _measured(path: Path) -> Iterator[tuple[tuple[str, str], Earlier]]:
    """Of plain JSON: decoding records as values takes ten times as long."""
    record = json.loads(path.read_bytes())
    kconfig = record["kconfig"]
    for stage in record["stages"]:
        if stage["outcome"] == "PASS" and not stage["cached"]:
            note = stage["message"] if stage["stage"] == "build" else ""
            yield (kconfig, stage["stage"]), Earlier(float(stage["time_s"]), note.partition(",")[0])
    for attempt in reversed(record["attempts"]):
        if attempt["ending"] == "EXITED":
            yield (kconfig, attempt["case"]), Earlier(float(attempt["duration_s"]), is_case=True)
