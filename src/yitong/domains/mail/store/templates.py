"""Templates of answers and what is known when one is written, by Scope."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import text

from yitong.domains.mail.rules.templates import Known
from yitong.kit.database import Connection
from yitong.kit.scope import Scope


async def every(connection: Connection, scope: Scope) -> list[dict[str, Any]]:
    """The tenant's templates, by code."""
    rows = await connection.execute(
        text("select id, code, name, texts from mail_templates where tenant_id = :tenant order by code limit 500"), {"tenant": scope.tenant}
    )
    return [dict(row) for row in rows.mappings()]


async def known(connection: Connection, scope: Scope, mail: str, user: str, extension: str) -> Known:
    """Of the one who wrote this mail, and of the one who answers it."""
    row = await connection.execute(
        text("""
            select w.address, m.from_name as sender, m.subject, m.token, coalesce(a.address, '') as ours, u.name as agent,
              coalesce(c.name, '') as name, coalesce(c.region, '') as region, coalesce(c.class, '') as klass,
              coalesce(c.language, '') as language
            from mail_messages m
              cross join lateral (select coalesce(nullif(m.reply_to->>'address', ''), m.from_address) as address) w
              join users u on (u.tenant_id, u.id) = (m.tenant_id, cast(:user as uuid))
              left join mail_accounts a on (a.tenant_id, a.id) = (m.tenant_id, m.account_id)
              left join customer_addresses n on (n.tenant_id, n.address) = (m.tenant_id, lower(w.address))
              left join customers c on (c.tenant_id, c.id) = (n.tenant_id, n.customer_id)
            where (m.tenant_id, m.id) = (:tenant, cast(:mail as uuid))"""),
        {"tenant": scope.tenant, "mail": mail, "user": user},
    )
    return msgspec.convert(dict(row.mappings().one()) | {"extension": extension}, Known)
