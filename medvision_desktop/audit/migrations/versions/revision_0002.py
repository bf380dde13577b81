"""Label maps that a reader has drawn or changed: a private table for their voxels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table; nothing that is there changes."""
    op.create_table(
        "mask",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("details", sa.Text),  # canonical JSON: its grid, its labels, what it lies over
        sa.Column("voxels", sa.LargeBinary),  # zlib: bytes of the box that holds all labels
        sa.Column("salt", sa.LargeBinary),  # null once erased
    )
    op.create_index("ix_mask_subject", "mask", ["subject"])
