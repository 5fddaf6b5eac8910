"""What a night reads from the history and adds to it. SQLAlchemy is imported only when a night needs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.judge.run import RUN, judge_run
from orchestrator.model.night import Before, PastRun, Result
from orchestrator.nights.night_dir import age_s, now
from orchestrator.reporters.table import REPORT, write_files
from orchestrator.runs.record import RunRecord, load_record

if TYPE_CHECKING:
    from orchestrator.history.database import Database


@dataclass(frozen=True)
class NightHistory:
    """The history of a night; without a database it is empty."""

    database: Database | None

    @classmethod
    def at(cls, target: str, *, create: bool) -> NightHistory:
        """Raises UsageError, HistoryUnavailable."""
        from orchestrator.history.database import open_database

        if not create and "://" not in target and not Path(target).exists():
            return cls(None)
        return cls(open_database(target, create=create))

    def past(self, items: Collection[str]) -> dict[str, list[PastRun]]:
        from orchestrator.history.nights import past_runs

        if self.database is None:
            return {}
        with self.database.reading() as connection:
            return past_runs(connection, items)

    def take(self, run_dir: Path) -> tuple[str, str, str]:
        """A run into the history, whole or not; its id, verdict and reason. Raises UsageError, HistoryUnavailable."""
        from orchestrator.history.keep import keep
        from orchestrator.history.read import read_run

        rows = read_run(run_dir)
        if self.database:
            keep(self.database, rows)
        return rows.run.id, rows.run.verdict, rows.run.reason

    def compared(self, run: str, item: str, night: str) -> tuple[Sequence[Result], dict[tuple[str, str], Before]]:
        """What a run of tonight found, and what the nights before know of it."""
        from orchestrator.history.nights import before, results

        if self.database is None:
            return (), {}
        with self.database.reading() as connection:
            return results(connection, run), before(connection, item, night)


def ages_of(past: dict[str, list[PastRun]]) -> dict[str, float]:
    """How many seconds ago each run began."""
    at = now()
    return {run.run: age_s(run.started, at) for runs in past.values() for run in runs}


def is_over(run_dir: Path) -> bool:
    """Whether a run has ended, though the night was killed before it could note that. Its reports are then there."""
    if not (run_dir / RUN).is_file() or not load_record(RunRecord, run_dir / RUN).finished:
        return False
    if not (run_dir / REPORT).is_file():
        write_files(judge_run(run_dir, interrupted=False), run_dir)
    return True
