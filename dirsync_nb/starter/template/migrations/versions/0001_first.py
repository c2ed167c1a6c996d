"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def heard() -> list[sa.Column[Any]]:
    """Return the columns that directories, users and groups share."""
    moments = [sa.Column(name, sa.String(), nullable=False) for name in ("alive", "seen", "dead", "content")]
    return [
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("directory_id", sa.String(), nullable=False, index=True),
        sa.Column("organization_id", sa.String()),
        sa.Column("name", sa.String()),
        sa.Column("present", sa.Boolean(), nullable=False),
        *moments,
    ]


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table("directories", *heard(), sa.Column("type", sa.String()), sa.Column("state", sa.String()))
    op.create_table("groups", *heard(), sa.Column("idp_id", sa.String()))
    op.create_table(
        "users",
        *heard(),
        sa.Column("status", sa.String(16), nullable=False, index=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("idp_id", sa.String()),
        sa.Column("email", sa.String(), index=True),
        sa.Column("first_name", sa.String()),
        sa.Column("last_name", sa.String()),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("custom_attributes", sa.JSON(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True)),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
    )
    op.create_index("users_by_idp_id", "users", ["directory_id", "idp_id"])
    op.create_table(
        "memberships",
        sa.Column("user_id", sa.String(), primary_key=True),
        sa.Column("group_id", sa.String(), primary_key=True, index=True),
        sa.Column("directory_id", sa.String(), nullable=False, index=True),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("told", sa.String(), nullable=False),
    )
    op.create_table(
        "place",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("cursor", sa.String()),
        sa.Column("told", sa.String(), nullable=False),
        sa.Column("loaded", sa.String(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True)),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "failed",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("kept", sa.String(), nullable=False),
    )


def downgrade() -> None:
    """Take it back."""
    for name in ("failed", "place", "memberships", "users", "groups", "directories"):
        op.drop_table(name)
