"""The tables. Their columns are the fields of rows.py; alembic's migrations make them (migrations/versions/)."""

from __future__ import annotations

from dataclasses import fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint

from orchestrator.history import rows
from orchestrator.history.standing import Standing
from orchestrator.history.trend import Trend

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_run",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_TYPES: dict[Any, Any] = {str: Text, int: Integer, float: Float, bool: Boolean}


def _columns(row: type) -> list[Column[Any]]:
    made = []
    for entry in fields(row):
        hint = get_type_hints(row)[entry.name]
        kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
        made.append(Column(entry.name, _TYPES[kinds[0]](), nullable=NoneType in get_args(hint)))
    return made


def _of_run(name: str, row: type, *indexed: str) -> Table:
    """A table whose rows belong to a run and go with it."""
    owner = Column("run", Integer, ForeignKey("run.number", ondelete="CASCADE"), nullable=False, index=True)
    return Table(name, METADATA, owner, *_columns(row), *(Index(None, column) for column in indexed))


RUN = Table(
    "run", METADATA, Column("number", Integer, primary_key=True), *_columns(rows.RunRow), UniqueConstraint("id"),
    Index(None, "started"), Index(None, "topic", "tree"),
)  # fmt: skip
KERNEL = _of_run("kernel", rows.KernelRow)
ATTEMPT = _of_run("attempt", rows.AttemptRow, "test")
FINDING = _of_run("finding", rows.FindingRow, "test")
REPORT = _of_run("report", rows.ReportRow, "title")
METRIC = _of_run("metric", rows.MetricRow, "test")
ARTIFACT = _of_run("artifact", rows.ArtifactRow)
MUTANT = _of_run("mutant", rows.MutantRow)
KNOWN_ISSUE = _of_run("known_issue", rows.KnownIssueRow)
COVERAGE = _of_run("coverage", rows.CoverageRow)
NIGHT_ITEM = _of_run("night_item", rows.NightItemRow, "item")

# What follows from the rows above, and is kept beside them because many look and few write (derived.py)
STANDING = Table(
    "standing", METADATA, *(Column(name, Text, primary_key=True) for name in ("topic", "tree", "label", "test")),
    Column("kind", Text, nullable=False), *_columns(Standing),
)  # fmt: skip
TREND = Table(
    "trend", METADATA,
    *(Column(name, Text, primary_key=True) for name in ("topic", "tree", "label", "host", "test", "name")),
    *_columns(Trend),
)  # fmt: skip
REVISION = Table("revision", METADATA, Column("number", Integer, primary_key=True, autoincrement=False))

# What is still known of runs that were pruned
PRUNED_TITLE = Table(
    "pruned_title", METADATA, Column("title", Text, primary_key=True), Column("kind", Text, nullable=False),
    Column("first_seen", Text, nullable=False), Column("last_seen", Text, nullable=False),
)  # fmt: skip
PRUNED_PASS = Table(
    "pruned_pass", METADATA, Column("label", Text, primary_key=True), Column("test", Text, primary_key=True),
    Column("last_pass", Text, nullable=False),
)  # fmt: skip

CHILDREN = {
    "kernels": KERNEL,
    "attempts": ATTEMPT,
    "findings": FINDING,
    "reports": REPORT,
    "metrics": METRIC,
    "artifacts": ARTIFACT,
    "mutants": MUTANT,
    "known_issues": KNOWN_ISSUE,
    "coverages": COVERAGE,
    "night_items": NIGHT_ITEM,
}
"""The fields of rows.Rows and their tables."""
