"""Text messages: connections and templates as configured, the outbox, what was asked for, notices of mailboxes, and the rights."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_RIGHTS = {
    "texts.read": """{"zh-CN": "查看短信发件箱", "en": "See the outbox of text messages"}""",
    "texts.manage": """{"zh-CN": "重发或取消短信", "en": "Send text messages again, or cancel them"}""",
    "texts.send": """{"zh-CN": "向通话中的客户发送短信", "en": "Send the customer of a talk a text message"}""",
}
_ROLES = {
    "texts.read": ("supervisor", "administrator"), "texts.manage": ("supervisor", "administrator"), "texts.send": ("agent", "supervisor"),
}  # fmt: skip
_RECORD = """
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code)
"""


def upgrade() -> None:
    """Agents may text the customers of their talks; supervisors and administrators look after the outbox."""
    _configured()
    _templates()
    _requests()
    _texts()
    _parts()
    _notices()
    for right, name in _RIGHTS.items():
        roles = ", ".join(f"'{role}'" for role in _ROLES[right])
        op.execute(f"insert into rights (tenant_id, code, name) select id, '{right}', $${name}$$ from tenants on conflict do nothing")
        op.execute(
            f"insert into role_rights (tenant_id, role_id, right_code) select tenant_id, id, '{right}' from roles"
            f" where code in ({roles}) on conflict do nothing"
        )


def _configured() -> None:
    op.execute(f"""
        create table text_lines (
          tenant_id uuid not null references tenants,
          id uuid not null,
          code text not null,
          name jsonb not null,
          enabled boolean not null default true,
          host text not null,
          port integer not null default 2775 check (port between 1 and 65535),
          tls boolean not null default false,
          tls_ca text not null default '',
          system_id text not null default '',
          password text not null default '' check (password = '' or password like 'sealed:%'),
          system_type text not null default '',
          source text not null default '',
          source_ton integer not null default 0 check (source_ton between 0 and 6),
          source_npi integer not null default 0 check (source_npi between 0 and 18),
          dest_ton integer not null default 0 check (dest_ton between 0 and 6),
          dest_npi integer not null default 1 check (dest_npi between 0 and 18),
          alphabet text not null default 'auto' check (alphabet in ('auto', 'ucs2')),
          classes jsonb not null default '["mobile"]',
          per_second integer not null default 10 check (per_second between 1 and 100),
          unanswered integer not null default 10 check (unanswered between 1 and 50),
          place integer not null default 1,
          {_RECORD}
        )
    """)


def _templates() -> None:
    op.execute(f"""
        create table text_templates (
          tenant_id uuid not null references tenants,
          id uuid not null,
          code text not null,
          name jsonb not null,
          texts jsonb not null,
          {_RECORD}
        )
    """)
    op.execute("""
        create table text_line_states (
          tenant_id uuid not null,
          line_id uuid not null,
          owner text not null,
          until timestamptz not null,
          state text not null check (state in ('bound', 'unbound')),
          reason text not null default '',
          since timestamptz not null,
          primary key (tenant_id, line_id),
          foreign key (tenant_id, line_id) references text_lines (tenant_id, id) on delete cascade
        )
    """)


def _requests() -> None:
    """A projection; the other tables belong to the worker that sends."""
    op.execute("""
        create table text_requests (
          tenant_id uuid not null,
          id uuid not null,
          site_id uuid not null,
          contact_id uuid,
          mailbox_id uuid,
          agent_id uuid,
          recipient_id uuid,
          body_id uuid,
          source text not null default '',
          asked_at timestamptz not null,
          expires_at timestamptz,
          cancelled_at timestamptz,
          primary key (tenant_id, id)
        )
    """)
    op.execute("create index on text_requests (asked_at)")
    op.execute("create index on text_requests (tenant_id, contact_id)")


def _texts() -> None:
    op.execute("""
        create table texts (
          tenant_id uuid not null references tenants,
          id uuid not null,
          site_id uuid not null,
          contact_id uuid,
          mailbox_id uuid,
          agent_id uuid,
          recipient_id uuid,
          body_id uuid,
          source text not null,
          state text not null default 'waiting' check (state in
            ('waiting', 'submitting', 'accepted', 'delivered', 'failed', 'expired', 'cancelled', 'uncertain')),
          reason text not null default '',
          tries integer not null default 0,
          parts integer not null default 0,
          reference integer not null default floor(random() * 256),
          line_id uuid,
          claimed_by text not null default '',
          resent_by uuid,
          created_at timestamptz not null,
          next_at timestamptz not null,
          expires_at timestamptz not null,
          submitted_at timestamptz,
          accepted_at timestamptz,
          ended_at timestamptz,
          primary key (tenant_id, id)
        )
    """)
    op.execute("create index on texts (tenant_id, next_at) where state = 'waiting'")
    op.execute("create index on texts (submitted_at) where state = 'submitting'")
    op.execute("create index on texts (tenant_id, created_at desc, id desc)")
    op.execute("create index on texts (created_at)")


def _parts() -> None:
    op.execute("""
        create table text_parts (
          tenant_id uuid not null,
          text_id uuid not null,
          place integer not null,
          line_id uuid not null,
          state text not null,
          centre_id text not null default '',
          reason text not null default '',
          at timestamptz not null,
          primary key (tenant_id, text_id, place),
          foreign key (tenant_id, text_id) references texts (tenant_id, id) on delete cascade
        )
    """)
    op.execute("create index on text_parts (tenant_id, line_id, centre_id) where centre_id <> ''")
    op.execute("""
        create table text_receipts (
          tenant_id uuid not null,
          line_id uuid not null,
          centre_id text not null,
          state text not null,
          error text not null default '',
          at timestamptz not null,
          primary key (tenant_id, line_id, centre_id)
        )
    """)


def _notices() -> None:
    """Whom a mailbox notifies, when and how often; whether it does now, as facts tell."""
    op.execute("""
        alter table mailboxes add column notify_number text not null default '' check (notify_number ~ '^[+]?[0-9]{0,20}$'),
          add column notify_hours jsonb not null default '[]',
          add column notify_minutes integer not null default 0 check (notify_minutes between 0 and 1440),
          add column notify_times integer not null default 3 check (notify_times between 1 and 20)
    """)
    op.execute("""
        create table mailbox_notices (
          tenant_id uuid not null,
          mailbox_id uuid not null,
          site_id uuid not null,
          off boolean not null default false,
          times integer not null default 0,
          sent_at timestamptz,
          cause text not null default '',
          primary key (tenant_id, mailbox_id)
        )
    """)


def downgrade() -> None:
    """What was sent is forgotten."""
    for right in _RIGHTS:
        op.execute(f"delete from role_rights where right_code = '{right}'")
        op.execute(f"delete from rights where code = '{right}'")
    op.execute("""
        alter table mailboxes drop column notify_number, drop column notify_hours, drop column notify_minutes, drop column notify_times
    """)
    for table in (
        "mailbox_notices", "text_receipts", "text_parts", "texts", "text_requests", "text_line_states", "text_templates", "text_lines",
    ):  # fmt: skip
        op.execute(f"drop table {table}")
