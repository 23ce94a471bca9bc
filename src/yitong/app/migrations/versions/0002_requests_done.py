"""Which requests with an Idempotency-Key changed something: written in the transaction of the change itself (reliability K7)."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """``name`` is a digest of who asked, the path and the key; old rows are removed by the worker."""
    op.execute("""
        create table requests_done (
          tenant_id uuid not null references tenants,
          name text not null,
          at timestamptz not null,
          primary key (tenant_id, name)
        )
    """)
    op.execute("create index on requests_done (at)")


def downgrade() -> None:
    """Nothing else refers to it."""
    op.execute("drop table requests_done")
