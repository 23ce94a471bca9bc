"""What core and switch are told of the configuration: one document per thing, compiled from its newest state in PostgreSQL.

The outbox names what changed; ``affected`` says which documents that touches (a user's name stands in his agent's document).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.sites.store.kinds import ACCOUNT, AGENT, FLOW, KINDS, NUMBER, TEXT_LINE, TRUNK
from yitong.kit.records import Value, read, read_all

PUBLISHED = (
    "tenant", "site", "agent", "team", "skill", "prompt", "fax_document", "queue", "flow", "account", "trunk", "reason", "wrap_up_code",
    "number_class", "caller_rule", "conference_room", "text_line", "text_template", "mailbox", "number",
)  # fmt: skip
"""In the order of publishing: prompts and faxes before what plays or sends them; a number comes last, since with it calls come in."""


async def affected(connection: AsyncConnection, tenant: str, kind: str, id: str) -> list[tuple[str, str]]:
    """The (kind, id) of every document that must be compiled anew when this record changed."""
    if kind == "user":
        agents = await _ids(connection, "select id from agents where tenant_id = :tenant and user_id = :id", tenant, id)
        accounts = (
            "select s.id from sip_accounts s join agents a on (a.tenant_id, a.id) = (s.tenant_id, s.agent_id)"
            " where a.tenant_id = :tenant and a.user_id = :id"
        )
        telephones = await _ids(connection, accounts, tenant, id)
        return [*((AGENT.name, agent) for agent in agents), *((ACCOUNT.name, telephone) for telephone in telephones)]
    if kind == "role":
        having = (
            "select a.id from agents a join user_roles r on (r.tenant_id, r.user_id) = (a.tenant_id, a.user_id)"
            " where a.tenant_id = :tenant and r.role_id = :id"
        )
        return [("agent", agent) for agent in await _ids(connection, having, tenant, id)]
    if kind == TRUNK.name:
        numbers = await _ids(connection, "select id from numbers where tenant_id = :tenant and trunk_id = :id", tenant, id)
        return [(kind, id), *((NUMBER.name, number) for number in numbers)]
    return [(kind, id)] if kind in PUBLISHED else []


async def _ids(connection: AsyncConnection, query: str, tenant: str, id: str = "") -> list[str]:
    values = {"tenant": tenant, **({"id": id} if id else {})}
    return [str(row[0]) for row in await connection.execute(text(query), values)]


async def compiled(connection: AsyncConnection, tenant: str, kind: str, id: str) -> Value | None:
    """The document of one thing, or None when it is not (any more) to be published."""
    found = await _compile(connection, tenant, kind, [id])
    return found[0] if found else None


async def compiled_all(connection: AsyncConnection, tenant: str, kind: str) -> list[Value]:
    """The documents of all things of a kind."""
    return await _compile(connection, tenant, kind, None)


async def _compile(connection: AsyncConnection, tenant: str, kind: str, ids: list[str] | None) -> list[Value]:
    documents = await read_all(connection, KINDS[kind], tenant, ids=ids, secrets=True)
    for document in documents:
        document["tenant"] = tenant
    if kind == AGENT.name:
        await _add_users(connection, tenant, documents)
    if kind == NUMBER.name:
        await _name_trunks(connection, tenant, documents)
    if kind == FLOW.name:
        return await _released(connection, tenant, documents)
    if kind == TEXT_LINE.name:
        for document in documents:
            del document["password"]  # the worker alone binds, and reads it in PostgreSQL
    if kind == ACCOUNT.name:
        return await _in_use(connection, tenant, documents)
    return documents


async def _add_users(connection: AsyncConnection, tenant: str, documents: list[Value]) -> None:
    """An agent's document carries the user's name at the door and the codes of his roles."""
    rows = await connection.execute(
        text(
            "select u.id, u.username, u.active, array(select r.code from user_roles ur"
            " join roles r on (r.tenant_id, r.id) = (ur.tenant_id, ur.role_id)"
            " where (ur.tenant_id, ur.user_id) = (u.tenant_id, u.id) order by r.code) as roles"
            " from users u where u.tenant_id = :tenant and u.id = any(cast(:ids as uuid[]))"
        ),
        {"tenant": tenant, "ids": [document["user"] for document in documents]},
    )
    users = {row.id: row for row in rows}
    for document in documents:
        user = users[document["user"]]
        document |= {"username": user.username, "roles": list(user.roles), "active": user.active}


async def _in_use(connection: AsyncConnection, tenant: str, accounts: list[Value]) -> list[Value]:
    """Not the telephones of users who may not sign in (reliability W4); their secrets are good again when they may."""
    locked = await _ids(
        connection,
        "select a.id from agents a join users u on (u.tenant_id, u.id) = (a.tenant_id, a.user_id)"
        " where a.tenant_id = :tenant and not u.active",
        tenant,
    )
    return [account for account in accounts if account["agent"] not in locked]


async def _name_trunks(connection: AsyncConnection, tenant: str, documents: list[Value]) -> None:
    """The switch knows a trunk by its code, which is in its device's name."""
    codes = {trunk["id"]: trunk["code"] for trunk in await read_all(connection, TRUNK, tenant)}
    for document in documents:
        document["trunk"] = codes.get(document["trunk"], "")


async def _released(connection: AsyncConnection, tenant: str, flows: list[Value]) -> list[Value]:
    """Only what was published runs: the document of the published version instead of the draft."""
    rows = await connection.execute(
        text(
            "select v.flow_id, v.document from flow_versions v join flows f on (f.tenant_id, f.id, f.published_version)"
            " = (v.tenant_id, v.flow_id, v.number) where v.tenant_id = :tenant and v.flow_id = any(cast(:ids as uuid[]))"
        ),
        {"tenant": tenant, "ids": [flow["id"] for flow in flows]},
    )
    documents: dict[str, Any] = {row[0]: row[1] for row in rows}
    released = [flow for flow in flows if flow["id"] in documents]
    for flow in released:
        flow["document"] = documents[flow["id"]]
        del flow["draft"]
    return released


async def published_flow(connection: AsyncConnection, tenant: str, flow: str, number: int) -> Value | None:
    """The document of one version ever published: a contact keeps the version with which it began."""
    row = (
        await connection.execute(
            text("select document from flow_versions where tenant_id = :tenant and flow_id = :flow and number = :number"),
            {"tenant": tenant, "flow": flow, "number": number},
        )
    ).one_or_none()
    return None if row is None else dict(row[0])


async def tenants(connection: AsyncConnection) -> list[str]:
    """The ids of all tenants, oldest first."""
    return [str(row[0]) for row in await connection.execute(text("select id from tenants order by created_at, id"))]


async def one(connection: AsyncConnection, tenant: str, kind: str, id: str) -> Value | None:
    """A record of any kind as it stands, without secrets."""
    return await read(connection, KINDS[kind], tenant, id)
