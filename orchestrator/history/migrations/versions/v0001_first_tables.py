"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    _runs()
    _kernels()
    _mutants()
    _pruned()


def _runs() -> None:
    """A row for each run, and what came with it."""
    op.create_table(
        "run",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("series_digest", sa.Text(), nullable=False),
        sa.Column("suite_name", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("started", sa.Text(), nullable=False),
        sa.Column("time_s", sa.Float(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("arch", sa.Text(), nullable=False),
        sa.Column("compiler", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_run"),
        sa.UniqueConstraint("id", name="uq_run_id"),
    )
    op.create_index("ix_run_started", "run", ["started"])
    _of_run(
        "artifact",
        sa.Column("kernel", sa.Text(), nullable=False),
        sa.Column("test", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
    )
    _of_run(
        "known_issue",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("expires", sa.Text(), nullable=False),
    )


def _kernels() -> None:
    """What a run tested, each attempt, and what that showed."""
    _of_run(
        "kernel",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kconfig", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("build_id", sa.Text(), nullable=False),
        sa.Column("accelerator", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("cpus", sa.Integer(), nullable=False),
        sa.Column("memory_mib", sa.Integer(), nullable=False),
        sa.Column("patches", sa.Integer(), nullable=False),
    )
    _of_run(
        "attempt",
        sa.Column("kernel", sa.Text(), nullable=False),
        sa.Column("test", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pair", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("time_s", sa.Float(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("diagnosis", sa.Text(), nullable=False),
        sa.Column("is_host_fault", sa.Boolean(), nullable=False),
        index="test",
    )
    _of_run(
        "finding",
        sa.Column("kernel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("test", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("time_s", sa.Float(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("is_at_fault", sa.Boolean(), nullable=False),
        sa.Column("is_excused", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("p", sa.Float(), nullable=True),
        sa.Column("patched_failed", sa.Integer(), nullable=True),
        sa.Column("base_failed", sa.Integer(), nullable=True),
        sa.Column("pairs", sa.Integer(), nullable=True),
        index="test",
    )
    _of_run(
        "report",
        sa.Column("kernel", sa.Text(), nullable=False),
        sa.Column("test", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("known", sa.Text(), nullable=False),
        sa.Column("function", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("patch", sa.Integer(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        index="title",
    )
    _of_run(
        "metric",
        sa.Column("kernel", sa.Text(), nullable=False),
        sa.Column("test", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        index="test",
    )


def _mutants() -> None:
    """What became of the mutants of a mutation run."""
    _of_run(
        "mutant",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mutant_class", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("kconfig", sa.Text(), nullable=False),
        sa.Column("test", sa.Text(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("guest_s", sa.Float(), nullable=True),
    )


def _pruned() -> None:
    """What is still known of runs that were pruned."""
    op.create_table(
        "pruned_pass",
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("test", sa.Text(), nullable=False),
        sa.Column("last_pass", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("label", "test", name="pk_pruned_pass"),
    )
    op.create_table(
        "pruned_title",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.Text(), nullable=False),
        sa.Column("last_seen", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("title", name="pk_pruned_title"),
    )


def _of_run(name: str, *columns: sa.Column[Any], index: str = "") -> None:
    """A table whose rows belong to a run and go with it; they are looked for by that, and by `index`."""
    op.create_table(
        name,
        sa.Column("run", sa.Integer(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["run"], ["run.number"], name=f"fk_{name}_run", ondelete="CASCADE"),
    )
    for column in filter(None, ("run", index)):
        op.create_index(f"ix_{name}_{column}", name, [column])
