"""Faxes as the ledger tells of them, the documents that may be faxed, and the right to read the fax mailbox."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Supervisors and administrators may read; a new tenant gets the right with its pack."""
    op.execute("""
        create table faxes (
          tenant_id uuid not null,
          id uuid not null,
          site_id uuid not null,
          contact_id uuid not null,
          began_at timestamptz not null,
          ended_at timestamptz,
          sent boolean not null,
          document text not null default '',
          file text not null default '',
          outcome text not null default '',
          pages bigint not null default 0,
          rate bigint not null default 0,
          error_correction boolean not null default false,
          t38 boolean not null default false,
          station_id uuid,
          primary key (tenant_id, id)
        )
    """)
    op.execute("create index on faxes (tenant_id, contact_id)")
    op.execute("create index on faxes (tenant_id, site_id, began_at desc, id desc)")
    op.execute("""
        create table fax_documents (
          tenant_id uuid not null references tenants,
          id uuid not null,
          code text not null,
          name jsonb not null,
          file text not null check (file !~ '(^/|\\.\\.)'),
          pages integer not null default 0 check (pages >= 0),
          version integer not null default 1,
          created_at timestamptz not null default now(),
          changed_at timestamptz not null default now(),
          primary key (tenant_id, id),
          unique (tenant_id, code)
        )
    """)
    op.execute("""
        insert into rights (tenant_id, code, name)
        select id, 'faxes.read', '{"zh-CN": "查看传真", "en": "Read faxes"}' from tenants
        on conflict do nothing
    """)
    op.execute("""
        insert into role_rights (tenant_id, role_id, right_code)
        select tenant_id, id, 'faxes.read' from roles where code in ('supervisor', 'administrator')
        on conflict do nothing
    """)


def downgrade() -> None:
    """Files stay below the home."""
    op.execute("delete from role_rights where right_code = 'faxes.read'")
    op.execute("delete from rights where code = 'faxes.read'")
    op.execute("drop table fax_documents")
    op.execute("drop table faxes")
