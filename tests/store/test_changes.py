"""The one function for changes, and the audit chain that it writes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from tests.ledger.telling import make_tenant

from yitong.domains.sites import service
from yitong.domains.sites.store import configured, kinds
from yitong.kit.audit import audit, verify
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.records import Change, Conflict, Missing, Stale, Value, change, history, read
from yitong.kit.scope import Denied, Scope

NOW = SystemClock().now()
ALL = frozenset({"config.read", "config.write", "users.manage"})


def _id() -> str:
    return RandomIds().new(NOW)


def _scope(tenant: str, rights: frozenset[str] = ALL) -> Scope:
    return Scope(tenant=tenant, rights=rights)


async def _change(database: Database, tenant: str, id: str, version: int, value: Value | None, kind: Any = kinds.SKILL) -> Value | None:
    async with database.transaction() as connection:
        wanted = Change(tenant=tenant, id=id, version=version, value=value, actor="", at=NOW, reason="because")
        return await change(connection, kind, wanted)


async def test_a_change_keeps_what_was_before_and_tells_of_itself(database: Database, place: tuple[str, str]) -> None:
    tenant, _ = place
    skill = _id()
    await _change(database, tenant, skill, 0, {"code": "english", "name": {"en": "English"}})
    after = await _change(database, tenant, skill, 1, {"name": {"en": "English", "zh-CN": "英语"}})
    assert after == {"id": skill, "version": 2, "code": "english", "name": {"en": "English", "zh-CN": "英语"}}
    await _change(database, tenant, skill, 2, None)
    async with database.transaction() as connection:
        past = await history(connection, kinds.SKILL, tenant, skill)
        assert [(one.version, one.deleted, one.reason) for one in past] == [
            (2, True, "because"),
            (1, False, "because"),
            (0, False, "because"),
        ]
        assert past[1].previous == {"id": skill, "version": 1, "code": "english", "name": {"en": "English"}}
        told = (
            await connection.execute(text("select kind, version from outbox where object_id = :id order by number"), {"id": skill})
        ).all()
        assert [tuple(row) for row in told] == [("skill", 1), ("skill", 2), ("skill", 3)]
        actions = (await connection.execute(text("select action from audit where object_id = :id order by number"), {"id": skill})).all()
        assert [row[0] for row in actions] == ["skill.made", "skill.altered", "skill.removed"]
        assert await verify(connection, tenant) is None


async def test_a_stale_version_is_refused_and_changes_nothing(database: Database, place: tuple[str, str]) -> None:
    tenant, _ = place
    skill = _id()
    await _change(database, tenant, skill, 0, {"code": "a", "name": {}})
    await _change(database, tenant, skill, 1, {"code": "b"})
    for version in (0, 1, 3):
        with pytest.raises(Stale) as refused:
            await _change(database, tenant, skill, version, {"code": "c"})
        assert refused.value.current == 2
    with pytest.raises(Missing):
        await _change(database, tenant, _id(), 1, {"code": "c"})


async def test_of_many_changes_at_once_one_wins(database: Database, place: tuple[str, str]) -> None:
    tenant, _ = place
    skill = _id()
    await _change(database, tenant, skill, 0, {"code": "a", "name": {}})
    results = await asyncio.gather(*(_change(database, tenant, skill, 1, {"code": f"c{n}"}) for n in range(8)), return_exceptions=True)
    assert sum(isinstance(result, Stale) for result in results) == 7
    async with database.transaction() as connection:
        assert await verify(connection, tenant) is None


async def test_what_the_database_refuses_has_a_code(database: Database, place: tuple[str, str]) -> None:
    tenant, site = place
    skill, queue = _id(), _id()
    await _change(database, tenant, skill, 0, {"code": "a", "name": {}})
    need = {"code": "q", "name": {}, "site": site, "requirement": [{"skill": skill, "level": 5}]}
    await _change(database, tenant, queue, 0, need, kinds.QUEUE)
    for code, id, version, value, kind in (
        ("taken", _id(), 0, {"code": "a", "name": {}}, kinds.SKILL),
        ("in_use", skill, 1, None, kinds.SKILL),
        ("unknown_reference", _id(), 0, {**need, "code": "r", "site": _id()}, kinds.QUEUE),
        ("invalid", queue, 1, {"ring_seconds": -1}, kinds.QUEUE),
    ):
        with pytest.raises(Conflict) as refused:
            await _change(database, tenant, id, version, value, kind)
        assert refused.value.code == code
    async with database.transaction() as connection:
        assert await read(connection, kinds.QUEUE, tenant, queue) is not None
        assert await verify(connection, tenant) is None


async def test_secrets_stand_in_no_value_no_history_and_no_audit(database: Database, place: tuple[str, str]) -> None:
    tenant, site = place
    account = _id()
    value = {"username": "1001", "realm": "r", "ha1_md5": "SECRET1", "ha1_sha256": "SECRET2", "site": site, "extension": "1001"}
    made = await _change(database, tenant, account, 0, value, kinds.ACCOUNT)
    await _change(database, tenant, account, 1, {"ha1_md5": "SECRET3"}, kinds.ACCOUNT)
    async with database.transaction() as connection:
        said = [str(made)]
        for table in ("changes", "audit", "outbox"):
            said += [str(row) for row in await connection.execute(text(f"select * from {table}"))]
        secret = await read(connection, kinds.ACCOUNT, tenant, account, secrets=True)
    assert "SECRET" not in " ".join(said)
    assert secret is not None
    assert secret["ha1_md5"] == "SECRET3"


@pytest.mark.parametrize(
    ("spoil", "number", "code"),
    [
        ("update audit set details = '{}' where tenant_id = :tenant and number = 3", 3, "changed"),
        ("update audit set actor = :tenant where tenant_id = :tenant and number = 4", 4, "changed"),
        ("delete from audit where tenant_id = :tenant and number = 2", 2, "missing"),
        ("update audit set previous_hash = hash where tenant_id = :tenant and number = 5", 5, "chain_broken"),
    ],
)
async def test_the_chain_names_the_first_entry_that_is_not_as_written(
    database: Database, place: tuple[str, str], spoil: str, number: int, code: str
) -> None:
    tenant, _ = place
    for n in range(4):
        async with database.transaction() as connection:
            await audit(
                connection, tenant=tenant, at=NOW, actor="", action="recording.heard", kind="recording", object=_id(), details={"n": n}
            )
    async with database.transaction() as connection:
        assert await verify(connection, tenant) is None
    with pytest.raises(Exception, match="only ever added to"):
        async with database.transaction() as connection:
            await connection.execute(text(spoil), {"tenant": tenant})
    async with database.transaction() as connection:
        await connection.execute(text("set local session_replication_role = replica"))
        await connection.execute(text(spoil), {"tenant": tenant})
        found = await verify(connection, tenant)
    assert found is not None
    assert (found.number, found.code) == (number, code)


async def test_a_second_tenant_sees_and_changes_nothing_of_the_first(database: Database, place: tuple[str, str]) -> None:
    tenant, site = place
    other, other_site = await make_tenant(database)
    queue = _id()
    value = {"code": "service", "name": {"en": "x"}, "site": site}
    async with database.transaction() as connection:
        await service.make(connection, _scope(tenant), "queue", queue, value, at=NOW)
        mine = await service.make(connection, _scope(other), "queue", _id(), {**value, "site": other_site}, at=NOW)
    stranger = _scope(other)
    async with database.transaction() as connection:
        assert [one["id"] for one in await configured.every(connection, stranger, "queue")] == [mine["id"]]
        assert [one["id"] for one in await configured.every(connection, stranger, "tenant")] == [other]
        assert await configured.past(connection, stranger, "queue", queue) == []
        with pytest.raises(Missing):
            await configured.one(connection, stranger, "queue", queue)
    with pytest.raises(Missing):
        async with database.transaction() as connection:
            await service.alter(connection, stranger, "queue", queue, 1, {"priority": 5}, at=NOW)
    with pytest.raises(Missing):
        async with database.transaction() as connection:
            await service.remove(connection, stranger, "queue", queue, 1, at=NOW)
    with pytest.raises(Conflict, match="unknown_reference"):
        async with database.transaction() as connection:
            await service.make(connection, stranger, "queue", _id(), {**value, "code": "stolen"}, at=NOW)


async def test_without_the_right_nothing_is_shown_or_changed(database: Database, place: tuple[str, str]) -> None:
    tenant, _ = place
    poor = _scope(tenant, frozenset())
    async with database.transaction() as connection:
        with pytest.raises(Denied):
            await configured.every(connection, poor, "queue")
        with pytest.raises(Denied):
            await service.make(connection, poor, "skill", _id(), {"code": "a", "name": {}}, at=NOW)
