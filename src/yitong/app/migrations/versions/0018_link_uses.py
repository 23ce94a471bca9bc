"""Which links to sounds were used, and from where: one for taking away works once."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table link_uses (
          tenant_id uuid not null,
          id uuid not null,
          source text not null,
          at timestamptz not null,
          primary key (tenant_id, id, source)
        )
    """)
    op.execute("create index on link_uses (at)")


def downgrade() -> None:
    op.execute("drop table link_uses")
