"""Desks that are locked: a session's lock, and the password that was given for it."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table sessions add column locked_at timestamptz, add column lock_hash text not null default ''")


def downgrade() -> None:
    op.execute("alter table sessions drop column locked_at, drop column lock_hash")
