"""Templates of answers to mails, each in the languages that it has."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None at first."""
    op.execute("""
        create table mail_templates (
          tenant_id uuid not null references tenants,
          id uuid not null,
          code text not null,
          name jsonb not null,
          texts jsonb not null,
          version integer not null default 1,
          created_at timestamptz not null default now(),
          changed_at timestamptz not null default now(),
          primary key (tenant_id, id),
          unique (tenant_id, code)
        )
    """)


def downgrade() -> None:
    """They are gone."""
    op.execute("drop table mail_templates")
