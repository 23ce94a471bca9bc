"""Conference rooms, and the right to host what goes on in them. PINs are kept sealed (``kit/pins.py``)."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NAME = '{"zh-CN": "主持会议", "en": "Host conferences"}'


def upgrade() -> None:
    """Agents and supervisors may host; a new tenant gets the right with its pack."""
    op.execute("""
        create table conference_rooms (
          tenant_id uuid not null references tenants,
          id uuid not null,
          code text not null,
          name jsonb not null,
          site_id uuid not null,
          number text not null check (number ~ '^[0-9]{2,10}$'),
          host_pin text not null default '',
          member_pin text not null default '',
          size integer not null default 100 check (size between 2 and 1000),
          enters text not null default 'speaker' check (enters in ('speaker', 'listener')),
          may_ask boolean not null default true,
          wait_for_host boolean not null default true,
          entry_tone boolean not null default true,
          recorded boolean not null default false,
          music text not null default '',
          maximum_minutes integer not null default 240 check (maximum_minutes between 1 and 1440),
          version integer not null default 1,
          created_at timestamptz not null default now(),
          changed_at timestamptz not null default now(),
          primary key (tenant_id, id),
          unique (tenant_id, code),
          unique (tenant_id, number),
          foreign key (tenant_id, site_id) references sites (tenant_id, id)
        )
    """)
    op.execute(f"insert into rights (tenant_id, code, name) select id, 'conferences.host', $${_NAME}$$ from tenants on conflict do nothing")
    op.execute("""
        insert into role_rights (tenant_id, role_id, right_code)
        select tenant_id, id, 'conferences.host' from roles where code in ('agent', 'supervisor')
        on conflict do nothing
    """)


def downgrade() -> None:
    """Recordings of conferences stay."""
    op.execute("delete from role_rights where right_code = 'conferences.host'")
    op.execute("delete from rights where code = 'conferences.host'")
    op.execute("drop table conference_rooms")
