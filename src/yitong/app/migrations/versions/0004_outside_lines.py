"""Trunks that call out, classes of numbers and who may call them, black and white lists of callers."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_RECORD = """
          tenant_id uuid not null references tenants,
          id uuid not null,
          code text not null,
          name jsonb not null,
          version integer not null default 1,
          created_at timestamptz not null default now(),
          changed_at timestamptz not null default now(),
          primary key (tenant_id, id),
          unique (tenant_id, code),
"""
_TRUNK = {
    "enabled": "boolean not null default true", "host": "text not null default ''", "port": "integer not null default 5060",
    "transport": "text not null default 'udp'", "domain": "text not null default ''", "username": "text not null default ''",
    "auth_user": "text not null default ''", "password": "text not null default ''", "realm": "text not null default ''",
    "registers": "boolean not null default false", "register_seconds": "integer not null default 300",
    "place": "integer not null default 1", "weight": "integer not null default 1", "prefixes": "jsonb not null default '[]'",
    "rewrite_called": "jsonb not null default '[]'", "rewrite_calling": "jsonb not null default '[]'",
    "caller_id": "text not null default 'own'", "caller_number": "text not null default ''", "channels": "integer not null default 0",
    "codecs": "jsonb not null default '[]'",
}  # fmt: skip


def upgrade() -> None:
    """What is there stays as it was: trunks are not called, agents call nobody outside."""
    op.execute("alter table trunks " + ", ".join(f"add column {name} {kind}" for name, kind in _TRUNK.items()))
    op.execute("alter table agents add column may_call jsonb not null default '[]'")
    op.execute(f"create table number_classes ({_RECORD} patterns jsonb not null default '[]')")
    op.execute(f"""
        create table caller_rules ({_RECORD}
          place integer not null default 1,
          enabled boolean not null default true,
          patterns jsonb not null default '[]',
          withheld boolean not null default false,
          numbers jsonb not null default '[]',
          hours jsonb not null default '[]',
          action text not null default 'reject',
          flow_id uuid,
          priority integer not null default 50,
          foreign key (tenant_id, flow_id) references flows
        )
    """)


def downgrade() -> None:
    """Back to trunks that only call us."""
    op.execute("drop table caller_rules")
    op.execute("drop table number_classes")
    op.execute("alter table agents drop column may_call")
    op.execute("alter table trunks " + ", ".join(f"drop column {name}" for name in _TRUNK))
