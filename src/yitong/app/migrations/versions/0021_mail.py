"""Mail: the addresses that are read, the mails that came and those that go out, customers' addresses, and the rights to them."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_RIGHTS = {
    "mails.own": """{"zh-CN": "处理分配给自己的邮件", "en": "Work on the mails that one is given"}""",
    "mails.all": """{"zh-CN": "查看本站点全部邮件", "en": "See every mail of one's sites"}""",
}
_ROLES = {"mails.own": ("agent", "supervisor", "administrator"), "mails.all": ("supervisor", "administrator")}


def upgrade() -> None:
    """Agents work on what is given to them; supervisors and administrators see all of their sites."""
    _accounts()
    _messages()
    op.execute("""
        create table customer_addresses (
          tenant_id uuid not null,
          customer_id uuid not null,
          address text not null check (address = lower(address) and address like '%@%'),
          place integer not null,
          primary key (tenant_id, address),
          foreign key (tenant_id, customer_id) references customers (tenant_id, id) on delete cascade
        )
    """)
    op.execute("create index on customer_addresses (tenant_id, customer_id)")
    for right, name in _RIGHTS.items():
        roles = ", ".join(f"'{role}'" for role in _ROLES[right])
        op.execute(f"insert into rights (tenant_id, code, name) select id, '{right}', $${name}$$ from tenants on conflict do nothing")
        op.execute(
            f"insert into role_rights (tenant_id, role_id, right_code) select tenant_id, id, '{right}' from roles"
            f" where code in ({roles}) on conflict do nothing"
        )


def _accounts() -> None:
    op.execute("""
        create table mail_accounts (
          tenant_id uuid not null references tenants,
          id uuid not null,
          code text not null,
          name jsonb not null,
          site_id uuid not null,
          queue_id uuid not null,
          enabled boolean not null default true,
          address text not null,
          sender text not null default '',
          signature text not null default '',
          imap_host text not null,
          imap_port integer not null default 993 check (imap_port between 1 and 65535),
          imap_security text not null default 'tls' check (imap_security in ('tls', 'starttls', 'none')),
          imap_username text not null,
          imap_password text not null default '' check (imap_password = '' or imap_password like 'sealed:%'),
          folder text not null default 'INBOX',
          done_folder text not null default '',
          smtp_host text not null,
          smtp_port integer not null default 587 check (smtp_port between 1 and 65535),
          smtp_security text not null default 'starttls' check (smtp_security in ('tls', 'starttls', 'none')),
          smtp_username text not null default '',
          smtp_password text not null default '' check (smtp_password = '' or smtp_password like 'sealed:%'),
          tls_ca text not null default '',
          flood_per_hour integer not null default 30 check (flood_per_hour between 1 and 10000),
          keep_days integer not null default 730 check (keep_days between 1 and 36500),
          version integer not null default 1,
          created_at timestamptz not null default now(),
          changed_at timestamptz not null default now(),
          primary key (tenant_id, id),
          unique (tenant_id, code),
          unique (tenant_id, address),
          foreign key (tenant_id, site_id) references sites (tenant_id, id),
          foreign key (tenant_id, queue_id) references queues (tenant_id, id)
        )
    """)
    _places()


def _places() -> None:
    """How far each folder was read, who reads it, and how that goes."""
    op.execute("""
        create table mail_places (
          tenant_id uuid not null,
          account_id uuid not null,
          validity bigint not null default 0,
          uid bigint not null default 0,
          owner text not null default '',
          owned_until timestamptz not null default to_timestamp(0),
          state text not null default '',
          reason text not null default '',
          since timestamptz not null default now(),
          looked_at timestamptz,
          primary key (tenant_id, account_id),
          foreign key (tenant_id, account_id) references mail_accounts (tenant_id, id) on delete cascade
        )
    """)


def _messages() -> None:
    """``uid`` of those that came is done with on the server when ``server_done``."""
    op.execute("""
        create table mail_messages (
          tenant_id uuid not null references tenants,
          id uuid not null,
          site_id uuid not null,
          account_id uuid,
          direction text not null check (direction in ('in', 'out')),
          state text not null check (state in ('new', 'taken', 'kept', 'waiting', 'sending', 'sent', 'failed', 'uncertain', 'returned')),
          reason text not null default '',
          contact_id uuid,
          thread_id uuid not null,
          token text not null,
          message_id text not null,
          in_reply_to text not null default '',
          refs jsonb not null default '[]',
          subject text not null default '',
          from_address text not null default '',
          from_name text not null default '',
          reply_to jsonb not null default '{}',
          recipients jsonb not null default '[]',
          copies jsonb not null default '[]',
          attachments jsonb not null default '[]',
          at timestamptz not null,
          bytes bigint not null default 0,
          cut boolean not null default false,
          file text not null default '',
          file_gone_at timestamptz,
          validity bigint not null default 0,
          uid bigint not null default 0,
          server_done boolean not null default false,
          asked_at timestamptz,
          author_id uuid,
          tries integer not null default 0,
          next_at timestamptz not null default now(),
          primary key (tenant_id, id)
        )
    """)
    op.execute("create unique index mail_messages_once on mail_messages (tenant_id, account_id, message_id) where direction = 'in'")
    op.execute("create index on mail_messages (tenant_id, message_id)")
    op.execute("create index on mail_messages (tenant_id, token)")
    op.execute("create index on mail_messages (tenant_id, thread_id, at)")
    op.execute("create index on mail_messages (tenant_id, contact_id)")
    op.execute("create index on mail_messages (tenant_id, from_address, at)")
    op.execute("create index on mail_messages (tenant_id, site_id, at desc, id desc)")
    op.execute("create index on mail_messages (next_at) where state in ('new', 'waiting', 'sending')")
    op.execute("create index on mail_messages (tenant_id, account_id, validity, uid) where direction = 'in' and not server_done")


def downgrade() -> None:
    """Files stay below the home."""
    for right in _RIGHTS:
        op.execute(f"delete from role_rights where right_code = '{right}'")
        op.execute(f"delete from rights where code = '{right}'")
    for table in ("customer_addresses", "mail_messages", "mail_places", "mail_accounts"):
        op.execute(f"drop table {table}")
