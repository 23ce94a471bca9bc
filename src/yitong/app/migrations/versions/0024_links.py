"""Trunks that lead to other sites of ours."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is there stays as it was: lines to the public network."""
    op.execute("alter table trunks add column link boolean not null default false, add column distant jsonb not null default '[]'")


def downgrade() -> None:
    """Lines to the public network alone."""
    op.execute("alter table trunks drop column link, drop column distant")
