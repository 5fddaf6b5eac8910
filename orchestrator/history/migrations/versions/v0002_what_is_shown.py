"""What a run is about, coverage, and what is kept beside the rows since a dashboard reads it (derived.py fills it)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from orchestrator.history import subject

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    _subjects()
    _coverage()
    _standing()
    _trend()
    op.create_table("revision", sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
                    sa.PrimaryKeyConstraint("number", name="pk_revision"))  # fmt: skip
    op.execute("INSERT INTO revision (number) VALUES (0)")


def _subjects() -> None:
    """Of the runs that are there, too. Both databases add a column to a table of any size at once."""
    op.add_column("run", sa.Column("topic", sa.Text(), nullable=False, server_default=""))
    op.add_column("run", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("run", sa.Column("tree", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_run_topic_tree", "run", ["topic", "tree"])
    connection = op.get_bind()
    named = "UPDATE run SET topic = :topic, revision = :revision WHERE series = :series"
    for (series,) in connection.execute(sa.text("SELECT DISTINCT series FROM run")).all():
        topic, number = subject.topic(series)
        connection.execute(sa.text(named), {"topic": topic, "revision": number, "series": series})
    placed = "UPDATE run SET tree = :tree WHERE number IN (SELECT run FROM kernel WHERE base = :base)"
    for (base,) in connection.execute(sa.text("SELECT DISTINCT base FROM kernel WHERE base <> ''")).all():
        connection.execute(sa.text(placed), {"tree": subject.base_name(base), "base": base})


def _coverage() -> None:
    op.create_table(
        "coverage",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("kernel", sa.Text(), nullable=False),
        sa.Column("hit", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name="fk_coverage_run", ondelete="CASCADE"),
    )
    op.create_index("ix_coverage_run", "coverage", ["run"])


def _standing() -> None:
    keys = ("topic", "tree", "label", "test")
    op.create_table(
        "standing",
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*keys, "kind", "outcome", "first_seen", "latest")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("last_pass", "fails_since", "fixed")),
        sa.PrimaryKeyConstraint(*keys, name="pk_standing"),
    )


def _trend() -> None:
    keys = ("topic", "tree", "label", "host", "test", "name")
    op.create_table(
        "trend",
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*keys, "unit", "accelerator")),
        sa.Column("number", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("first", "latest")),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("value", "middle")),
        *(sa.Column(name, sa.Float(), nullable=True) for name in ("low", "high")),
        sa.Column("changed", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Float(), nullable=True) for name in ("shift", "shift_low", "shift_high")),
        sa.PrimaryKeyConstraint(*keys, name="pk_trend"),
    )
