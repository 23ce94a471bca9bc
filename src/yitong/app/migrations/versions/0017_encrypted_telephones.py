"""Desk phones whose speech is offered encrypted."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is there stays as it was: plain RTP is offered."""
    op.execute("alter table sip_accounts add column srtp text not null default 'off' check (srtp in ('off', 'optional', 'required'))")


def downgrade() -> None:
    """Plain RTP for all."""
    op.execute("alter table sip_accounts drop column srtp")
