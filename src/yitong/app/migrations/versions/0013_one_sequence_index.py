"""One index of the ledger's sequence is enough: each partition has a unique one, and every fact paid for both."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("drop index ledger_tenant_id_site_id_sequence_idx")


def downgrade() -> None:
    op.execute("create index on ledger (tenant_id, site_id, sequence)")
