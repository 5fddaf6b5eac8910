"""A night's directory: its record, the series that it tests, the directories of its runs.

NIGHTS/
  DATE-DIGEST/
    night.json  summary.md  junit.xml  the record, and what is made of it when the night is over or stopped
    plan.yaml                          as it was
    runs/NAME/                         ordinary run directories
  series/DIGEST/NAME.mbox              what mail archives, maildirs and patchwork had
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator import __version__
from orchestrator.codec import dumps, loads
from orchestrator.errors import UsageError
from orchestrator.host import bounded
from orchestrator.model.night import NightPlan, NightRecord
from orchestrator.storage.store import write_atomically

NIGHT, PLAN, SERIES, RUNS, LOCK = "night.json", "plan.yaml", "series", "runs", ".lock"
GOES_ON_H = 20  # an unfinished night is continued for so long; after that the next one finds what it left undone
FORM = "%Y-%m-%dT%H:%M:%S"


def now() -> str:
    """UTC, as runs have it."""
    return datetime.now(UTC).strftime(FORM)


def age_s(started: str, at: str) -> float:
    """How long before `at` something began. 0.0 for what is no moment."""
    try:
        return max(0.0, (datetime.fromisoformat(at) - datetime.fromisoformat(started)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


@contextmanager
def claim_night(nights: Path, plan: NightPlan) -> Iterator[tuple[Path, NightRecord | None]]:
    """The directory of tonight's night, held against others, and its record if it goes on. Raises UsageError."""
    nights.mkdir(parents=True, exist_ok=True)
    with lock_of(nights / plan.digest).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{plan.path}: a night of this plan is going on") from None
        goes_on = unfinished(nights, plan)
        if goes_on:
            yield nights / goes_on.id, goes_on
            return
        night = _new(nights, plan)
        shutil.copyfile(plan.path, night / PLAN)
        yield night, None


def lock_of(night: Path) -> Path:
    """Which a night's plan holds while it is at work."""
    digest = night.name.rpartition("-")[2].partition(".")[0]
    return night.with_name(f".{digest}.lock")


def unfinished(nights: Path, plan: NightPlan) -> NightRecord | None:
    """The night of this plan that was interrupted, if it began not too long ago."""
    oldest = datetime.now(UTC) - timedelta(hours=GOES_ON_H)
    for path in sorted(nights.glob(f"*-{plan.digest}*/{NIGHT}"), reverse=True):
        record = load_night(path)
        if not record.finished and record.started >= oldest.strftime(FORM):
            return record
    return None


def new_record(night: Path, plan: NightPlan) -> NightRecord:
    entries = (*plan.trees, *plan.series)
    budgets = tuple((entry.name, entry.budget_s) for entry in entries if entry.budget_s is not None)
    return NightRecord(night.name, plan.path, now(), plan.budget_s, budgets, (), version=__version__)


def load_night(path: Path) -> NightRecord:
    """Raises UsageError."""
    try:
        return loads(NightRecord, bounded.read_bytes(path, bounded.RECORD))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="remove it, and a new night begins") from error


def save_night(record: NightRecord, night: Path) -> None:
    write_atomically(night / NIGHT, f"{dumps(record)}\n".encode())


def _new(nights: Path, plan: NightPlan) -> Path:
    name = f"{datetime.now(UTC):%Y-%m-%d}-{plan.digest}"
    number, path = 1, nights / name
    while (path / NIGHT).exists():
        number += 1
        path = nights / f"{name}.{number}"
    path.mkdir(exist_ok=True)
    return path
