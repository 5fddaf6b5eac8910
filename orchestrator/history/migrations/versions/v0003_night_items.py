"""Which item of which night a run is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    op.create_table(
        "night_item",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("night", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("tested", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name="fk_night_item_run", ondelete="CASCADE"),
    )
    op.create_index("ix_night_item_run", "night_item", ["run"])
    op.create_index("ix_night_item_item", "night_item", ["item"])
