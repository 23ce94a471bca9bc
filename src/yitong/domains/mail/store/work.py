"""What the worker reads and writes of mails: by tenant, nobody is signed in."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import text

from yitong.domains.mail.model import Account, Head, Place
from yitong.kit.clock import SECOND, moment
from yitong.kit.database import Connection

OWNED_SECONDS = 45
"""An account whose reader does not say for so long that he lives is read by another worker."""
SOON, SELDOM = 15, 600
"""Seconds between two attempts at a server that takes nothing: at first, and at most."""
_ACCOUNT = """
select a.tenant_id as tenant, a.id, a.version, a.site_id as site, a.queue_id as queue, a.address, a.sender, a.enabled, a.imap_host,
  a.imap_port, a.imap_security, a.imap_username, a.imap_password, a.folder, a.done_folder, a.smtp_host, a.smtp_port, a.smtp_security,
  a.smtp_username, a.smtp_password, a.tls_ca, a.flood_per_hour
from mail_accounts a
"""


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is to become a contact, or to join one."""

    tenant: str
    id: str
    site: str
    account: str
    queue: str
    address: str
    sender: str
    received_at: int
    asked: bool
    thread: tuple[str, ...]


class Going(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is to be sent."""

    tenant: str
    id: str
    account: str
    file: str
    recipients: tuple[str, ...]
    tries: int


# --- accounts ----------------------------------------------------------------------------------------------------------------------


async def accounts(connection: Connection) -> list[Account]:
    """All that are read."""
    rows = await connection.execute(text(f"{_ACCOUNT} where a.enabled"))
    return [msgspec.convert(dict(row), Account) for row in rows.mappings()]


async def account(connection: Connection, tenant: str, id: str) -> Account | None:
    """One, read or not."""
    rows = await connection.execute(text(f"{_ACCOUNT} where a.tenant_id = :tenant and a.id = :id"), {"tenant": tenant, "id": id})
    found = rows.mappings().one_or_none()
    return msgspec.convert(dict(found), Account) if found is not None else None


async def addresses(connection: Connection, tenant: str) -> frozenset[str]:
    """Our own, in lower case."""
    rows = await connection.execute(text("select lower(address) from mail_accounts where tenant_id = :tenant"), {"tenant": tenant})
    return frozenset(rows.scalars())


async def own(connection: Connection, account: Account, owner: str, now: int) -> Place | None:
    """Read this account from now on, or go on doing so; None while another does. Answers how far it was read."""
    row = await connection.execute(
        text("""
            insert into mail_places as p (tenant_id, account_id, owner, owned_until) values (:tenant, :account, :owner, :until)
            on conflict (tenant_id, account_id) do update set owner = :owner, owned_until = :until
              where p.owner = :owner or p.owned_until < :now
            returning p.validity, p.uid"""),
        {
            "tenant": account.tenant,
            "account": account.id,
            "owner": owner,
            "now": moment(now),
            "until": moment(now + OWNED_SECONDS * SECOND),
        },
    )
    found = row.one_or_none()
    return Place(validity=found.validity, uid=found.uid) if found is not None else None


async def stands(connection: Connection, account: Account, state: str, reason: str, now: int) -> None:
    """How reading goes: ok, or failed with a reason (a code)."""
    await connection.execute(
        text("""
            update mail_places set state = :state, reason = :reason, looked_at = :now,
              since = case when (state, reason) = (:state, :reason) then since else :now end
            where tenant_id = :tenant and account_id = :account"""),
        {"state": state, "reason": reason, "now": moment(now), "tenant": account.tenant, "account": account.id},
    )


async def read_to(connection: Connection, account: Account, place: Place) -> None:
    """All mails up to there are kept."""
    await connection.execute(
        text("""
            update mail_places set validity = :validity, uid = case when validity = :validity then greatest(uid, :uid) else :uid end
            where tenant_id = :tenant and account_id = :account"""),
        {"validity": place.validity, "uid": place.uid, "tenant": account.tenant, "account": account.id},
    )


async def troubles(connection: Connection) -> dict[str, int]:
    """How many accounts cannot be read, by reason, and (``sending_`` before it) how many cannot send."""
    rows = await connection.execute(
        text("""
        select told.reason, count(*) as n from mail_places p
        join mail_accounts a on (a.tenant_id, a.id) = (p.tenant_id, p.account_id)
        cross join lateral (values (a.enabled and p.state = 'failed', p.reason),
          (p.sending_state = 'failed', 'sending_' || p.sending_reason)) told (wrong, reason)
        where told.wrong group by told.reason""")
    )
    return {row.reason: row.n for row in rows}


async def sends(connection: Connection, account: Account, reason: str, now: int) -> None:
    """How sending goes: ``reason`` is empty when the server takes us. What waited for that is due then."""
    given = {
        "tenant": account.tenant, "account": account.id, "state": "failed" if reason else "ok", "reason": reason, "now": moment(now),
        "version": account.version,
    }  # fmt: skip
    changed = await connection.scalar(
        text("""
            with before as (select sending_state from mail_places where (tenant_id, account_id) = (:tenant, :account))
            insert into mail_places as p
              (tenant_id, account_id, sending_state, sending_reason, sending_since, sending_tried_at, sending_version)
              values (:tenant, :account, :state, :reason, :now, :now, :version)
            on conflict (tenant_id, account_id) do update set sending_state = :state, sending_reason = :reason, sending_tried_at = :now,
              sending_version = :version,
              sending_since = case when (p.sending_state, p.sending_reason) = (:state, :reason) then p.sending_since else :now end
              where p.sending_state <> 'ok' or :state <> 'ok'
            returning (select sending_state from before)"""),
        given,
    )
    if not reason and changed == "failed":
        due = "update mail_messages set next_at = :now where (tenant_id, account_id, state) = (:tenant, :account, 'waiting')"
        await connection.execute(text(due), given)


async def stuck(connection: Connection, now: int) -> list[Account]:
    """Accounts whose server took nothing, and that are to be tried again now: soon at first, after a change of theirs at once."""
    rows = await connection.execute(
        text(f"""
            with tried as (
              update mail_places p set sending_tried_at = :now, sending_version = a.version from mail_accounts a
              where (a.tenant_id, a.id) = (p.tenant_id, p.account_id) and p.sending_state = 'failed' and (a.version <> p.sending_version
                or p.sending_tried_at < :now - least(greatest(make_interval(secs => {SOON}), (:now - p.sending_since) / 4),
                  make_interval(secs => {SELDOM})))
              returning p.tenant_id, p.account_id)
            {_ACCOUNT} join tried t on (t.tenant_id, t.account_id) = (a.tenant_id, a.id)"""),
        {"now": moment(now)},
    )
    return [msgspec.convert(dict(row), Account) for row in rows.mappings()]


# --- what comes --------------------------------------------------------------------------------------------------------------------


async def known(connection: Connection, account: Account, message_id: str) -> str:
    """The id of a mail that is here already; empty for a new one."""
    found = await connection.scalar(
        text("select id from mail_messages where (tenant_id, account_id, message_id) = (:tenant, :account, :message) and direction = 'in'"),
        {"tenant": account.tenant, "account": account.id, "message": message_id},
    )
    return str(found or "")


async def thread_of(connection: Connection, tenant: str, head: Head) -> tuple[str, str]:
    """The conversation that a mail belongs to, and its token; ("", "") for a new one."""
    said = [one for one in (head.in_reply_to, *reversed(head.references)) if one]
    row = (await connection.execute(
        text("""
            select thread_id, token from mail_messages
            where tenant_id = :tenant and (message_id = any(:said) or (token = :token and :token <> ''))
            order by (message_id = any(:said)) desc, at desc limit 1"""),
        {"tenant": tenant, "said": said, "token": head.token},
    )).one_or_none()  # fmt: skip
    return (str(row.thread_id), str(row.token)) if row is not None else ("", "")


async def written_lately(connection: Connection, account: Account, sender: str, since: int) -> int:
    """How many mails this one wrote to the account since then."""
    count = await connection.scalar(
        text("""
            select count(*) from mail_messages
            where tenant_id = :tenant and from_address = :sender and at >= :since and account_id = :account and direction = 'in'"""),
        {"tenant": account.tenant, "account": account.id, "sender": sender, "since": moment(since)},
    )
    return int(count or 0)


async def add(connection: Connection, row: dict[str, Any]) -> bool:
    """A mail, once: false when it is here already."""
    columns = ", ".join(row)
    values = ", ".join(f"cast(:{name} as jsonb)" if name in _JSON else f":{name}" for name in row)
    given = {name: msgspec.json.encode(value).decode() if name in _JSON else value for name, value in row.items()}
    done = await connection.execute(text(f"insert into mail_messages ({columns}) values ({values}) on conflict do nothing"), given)
    return bool(done.rowcount)


_JSON = frozenset({"refs", "reply_to", "recipients", "copies", "attachments"})


async def undone(connection: Connection, account: Account, validity: int) -> list[int]:
    """The uids of mails that are kept and on the server not yet marked as such."""
    rows = await connection.execute(
        text("""
            select uid from mail_messages
            where tenant_id = :tenant and account_id = :account and direction = 'in' and not server_done and validity = :validity
            order by uid limit 500"""),
        {"tenant": account.tenant, "account": account.id, "validity": validity},
    )
    return [int(uid) for uid in rows.scalars()]


async def done(connection: Connection, account: Account, validity: int, uids: list[int]) -> None:
    """They are marked on the server."""
    await connection.execute(
        text("""
            update mail_messages set server_done = true
            where tenant_id = :tenant and account_id = :account and direction = 'in' and validity = :validity and uid = any(:uids)"""),
        {"tenant": account.tenant, "account": account.id, "validity": validity, "uids": uids},
    )


async def returned(connection: Connection, tenant: str, message_id: str, reason: str) -> bool:
    """A mail of ours could not be delivered after all."""
    done = await connection.execute(
        text("""
            update mail_messages set state = 'returned', reason = :reason
            where tenant_id = :tenant and message_id = :message and direction = 'out' and state in ('sent', 'uncertain')"""),
        {"tenant": tenant, "message": message_id, "reason": reason},
    )
    return bool(done.rowcount)


# --- contacts ----------------------------------------------------------------------------------------------------------------------


async def coming(connection: Connection, limit: int, now: int) -> list[Coming]:
    """Mails that no contact has yet, the oldest first."""
    rows = await connection.execute(
        text("""
            select m.tenant_id as tenant, m.id, m.site_id as site, m.account_id as account, a.queue_id as queue, a.address,
              coalesce(nullif(m.reply_to->>'address', ''), m.from_address) as sender,
              (extract(epoch from m.at) * 1000000)::bigint as received_at, m.asked_at is not null as asked,
              array(select t.contact_id::text from mail_messages t where (t.tenant_id, t.thread_id) = (m.tenant_id, m.thread_id)
                and t.contact_id is not null group by t.contact_id order by max(t.at) desc limit 5) as thread
            from mail_messages m join mail_accounts a on (a.tenant_id, a.id) = (m.tenant_id, m.account_id)
            where m.state = 'new' and m.next_at <= :now order by m.at, m.id limit :limit"""),
        {"limit": limit, "now": moment(now)},
    )
    return [msgspec.convert(dict(row), Coming) for row in rows.mappings()]


async def ask(connection: Connection, mail: Coming, now: int) -> None:
    """Core is about to be asked."""
    await connection.execute(
        text("update mail_messages set asked_at = :now where (tenant_id, id) = (:tenant, :id) and asked_at is null"),
        {"tenant": mail.tenant, "id": mail.id, "now": moment(now)},
    )


async def contact_of(connection: Connection, mail: Coming) -> str:
    """The contact of a mail's own, where the ledger's projection has it."""
    found = await connection.scalar(
        text("select id from contacts where (tenant_id, id) = (:tenant, :id)"), {"tenant": mail.tenant, "id": mail.id}
    )
    return str(found or "")


async def taken(connection: Connection, mail: Coming, contact: str) -> None:
    """A contact has it; also when somebody discarded it while core was asked."""
    await connection.execute(
        text("""
            update mail_messages set state = 'taken', contact_id = :contact, reason = ''
            where (tenant_id, id) = (:tenant, :id) and state in ('new', 'discarded')"""),
        {"tenant": mail.tenant, "id": mail.id, "contact": contact},
    )


async def later(connection: Connection, mail: Coming, reason: str, at: int) -> None:
    """Core did not take it: ask again then."""
    await connection.execute(
        text("update mail_messages set next_at = :at, reason = :reason where (tenant_id, id) = (:tenant, :id) and state = 'new'"),
        {"tenant": mail.tenant, "id": mail.id, "at": moment(at), "reason": reason},
    )


# --- what goes ---------------------------------------------------------------------------------------------------------------------


async def claim(connection: Connection, now: int) -> Going | None:
    """The next mail to be sent, if its server takes any: from the commit on it may have been, and is never sent by itself again."""
    row = (await connection.execute(
        text("""
            update mail_messages m set state = 'sending', tries = tries + 1, next_at = :now
            where (tenant_id, id) = (select tenant_id, id from mail_messages w where state = 'waiting' and next_at <= :now
              and not exists (select 1 from mail_places p
                where (p.tenant_id, p.account_id) = (w.tenant_id, w.account_id) and p.sending_state = 'failed')
              order by next_at for update skip locked limit 1)
            returning m.tenant_id as tenant, m.id, m.account_id as account, m.file, m.tries,
              array(select one->>'address' from jsonb_array_elements(m.recipients || m.copies) one) as recipients"""),
        {"now": moment(now)},
    )).mappings().one_or_none()  # fmt: skip
    return msgspec.convert(dict(row), Going) if row is not None else None


async def settle(connection: Connection, mail: Going, *, state: str, reason: str, at: int) -> None:
    """What became of sending it; ``at``: when it went, or when it is tried again."""
    await connection.execute(
        text("""
            update mail_messages set state = :state, reason = :reason, next_at = :at, at = case when :state = 'sent' then :at else at end
            where (tenant_id, id) = (:tenant, :id) and state = 'sending'"""),
        {"tenant": mail.tenant, "id": mail.id, "state": state, "reason": reason, "at": moment(at)},
    )


async def doubtful(connection: Connection, before: int) -> list[tuple[str, str]]:
    """Mails whose sending began before then and never ended: nobody knows whether they went."""
    rows = await connection.execute(
        text("""
            update mail_messages set state = 'uncertain', reason = 'interrupted' where state = 'sending' and next_at < :before
            returning tenant_id, id"""),
        {"before": moment(before)},
    )
    return [(str(row.tenant_id), str(row.id)) for row in rows]


async def counts(connection: Connection) -> dict[str, int]:
    """How many wait for a contact, wait to be sent, are uncertain, and came back."""
    rows = await connection.execute(
        text("""
        select state, count(*) as n from mail_messages where state in ('new', 'waiting', 'uncertain', 'failed') group by state""")
    )
    return {row.state: row.n for row in rows}


# --- retention ---------------------------------------------------------------------------------------------------------------------


async def old(connection: Connection, now: int, limit: int) -> list[tuple[str, str, str]]:
    """Mails that are kept no longer: tenant, id, file."""
    rows = await connection.execute(
        text("""
            select m.tenant_id, m.id, m.file from mail_messages m
              left join mail_accounts a on (a.tenant_id, a.id) = (m.tenant_id, m.account_id)
            where m.state not in ('new', 'waiting', 'sending') and m.at < :now - make_interval(days => coalesce(a.keep_days, 730))
            order by m.at limit :limit"""),
        {"now": moment(now), "limit": limit},
    )
    return [(str(row.tenant_id), str(row.id), str(row.file)) for row in rows]


async def forget(connection: Connection, tenant: str, id: str) -> None:
    """Nothing is left of a mail but its contact."""
    await connection.execute(text("delete from mail_messages where (tenant_id, id) = (:tenant, :id)"), {"tenant": tenant, "id": id})
