"""Mailboxes, the messages in them as the ledger tells of them, the e-mails that carry them, and the rights to open them."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_RIGHTS = {
    "mailboxes.own": """{"zh-CN": "使用自己的语音信箱", "en": "Use one's own mailboxes"}""",
    "mailboxes.all": """{"zh-CN": "使用本站点全部语音信箱", "en": "Use every mailbox of one's sites"}""",
}
_ROLES = {"mailboxes.own": ("agent", "supervisor", "administrator"), "mailboxes.all": ("supervisor", "administrator")}


def upgrade() -> None:
    """Agents may open their own mailboxes, supervisors and administrators all of their sites."""
    _configured()
    _messages()
    _mails()
    for right, name in _RIGHTS.items():
        roles = ", ".join(f"'{role}'" for role in _ROLES[right])
        op.execute(f"insert into rights (tenant_id, code, name) select id, '{right}', $${name}$$ from tenants on conflict do nothing")
        op.execute(
            f"insert into role_rights (tenant_id, role_id, right_code) select tenant_id, id, '{right}' from roles"
            f" where code in ({roles}) on conflict do nothing"
        )


def _configured() -> None:
    op.execute("""
        create table mailboxes (
          tenant_id uuid not null references tenants,
          id uuid not null,
          code text not null,
          name jsonb not null,
          site_id uuid not null,
          number text not null default '' check (number ~ '^[0-9]{0,10}$'),
          queue_id uuid,
          numbers jsonb not null default '[]',
          greeting text not null default '',
          longest_seconds integer not null default 120 check (longest_seconds between 5 and 600),
          shortest_seconds integer not null default 1 check (shortest_seconds between 0 and 30),
          silence_seconds integer not null default 4 check (silence_seconds between 1 and 30),
          pin text not null default '',
          email text not null default '',
          keep_days integer not null default 90 check (keep_days between 1 and 3650),
          version integer not null default 1,
          created_at timestamptz not null default now(),
          changed_at timestamptz not null default now(),
          primary key (tenant_id, id),
          unique (tenant_id, code),
          foreign key (tenant_id, site_id) references sites (tenant_id, id),
          foreign key (tenant_id, queue_id) references queues (tenant_id, id)
        )
    """)
    op.execute("create unique index mailboxes_number_key on mailboxes (tenant_id, number) where number <> ''")
    op.execute("""
        create table mailbox_owners (
          tenant_id uuid not null,
          mailbox_id uuid not null,
          agent_id uuid not null,
          place integer not null,
          primary key (tenant_id, mailbox_id, agent_id),
          foreign key (tenant_id, mailbox_id) references mailboxes (tenant_id, id) on delete cascade,
          foreign key (tenant_id, agent_id) references agents (tenant_id, id) on delete cascade
        )
    """)


def _messages() -> None:
    """The projection, and which files of messages that are gone were deleted."""
    op.execute("""
        create table mailbox_messages (
          tenant_id uuid not null,
          id uuid not null,
          site_id uuid not null,
          contact_id uuid not null,
          mailbox_id uuid not null,
          agent_id uuid,
          began_at timestamptz not null,
          left_at timestamptz,
          heard_at timestamptz,
          ended_at timestamptz,
          status text not null default '',
          cause text not null default '',
          file text not null default '',
          milliseconds bigint not null default 0,
          bytes bigint not null default 0,
          sha256 text not null default '',
          primary key (tenant_id, id)
        )
    """)
    op.execute("create index on mailbox_messages (tenant_id, contact_id)")
    op.execute("create index on mailbox_messages (tenant_id, mailbox_id, (status = 'new') desc, left_at desc, id desc)")
    op.execute("create index on mailbox_messages (tenant_id, id) where status in ('unsure', 'dropped', 'removed')")
    op.execute("""
        create table mailbox_files_deleted (
          tenant_id uuid not null,
          message_id uuid not null,
          at timestamptz not null default now(),
          primary key (tenant_id, message_id)
        )
    """)


def _mails() -> None:
    op.execute("""
        create table mails (
          tenant_id uuid not null references tenants,
          id uuid not null,
          mailbox_id uuid not null,
          recipient text not null,
          state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed')),
          tries integer not null default 0,
          next_at timestamptz not null default now(),
          error text not null default '',
          created_at timestamptz not null default now(),
          sent_at timestamptz,
          primary key (tenant_id, id)
        )
    """)
    op.execute("create index on mails (next_at) where state = 'waiting'")


def downgrade() -> None:
    """Files stay below the home."""
    for right in _RIGHTS:
        op.execute(f"delete from role_rights where right_code = '{right}'")
        op.execute(f"delete from rights where code = '{right}'")
    for table in ("mails", "mailbox_files_deleted", "mailbox_messages", "mailbox_owners", "mailboxes"):
        op.execute(f"drop table {table}")
