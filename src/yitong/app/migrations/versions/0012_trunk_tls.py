"""Trunks over TLS: who vouches for the other side, and whether speech is offered encrypted."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is there stays as it was."""
    op.execute("alter table trunks add column tls_ca text not null default '', add column srtp boolean not null default false")


def downgrade() -> None:
    """Trunks over UDP and TCP."""
    op.execute("alter table trunks drop column tls_ca, drop column srtp")
