"""Configuration reaches core and switch: the demo whole, then each change, and nothing that was removed stays."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import wave
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.databases import Databases

from yitong.app import demo
from yitong.app.jobs.configuration import BUCKET, Configuration
from yitong.app.jobs.tidy import Tidy
from yitong.app.pack import PackError, digests
from yitong.app.processes.worker import Worker
from yitong.contact.messages import Card, WhoIs
from yitong.domains.security.messages import RIGHTS, STANDARD_ROLES
from yitong.domains.sites import service
from yitong.domains.sites.store import kinds
from yitong.kit.audit import verify
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.nats import Nats
from yitong.kit.records import read_all
from yitong.kit.scope import Scope
from yitong.kit.settings import Settings
from yitong.kit.stream import follow
from yitong.kit.tasks import Tasks

NOW = SystemClock().now()


@pytest.fixture(scope="module")
def loaded(postgres_template: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of a database with the demo in it, and its home: loaded once, as its passwords are costly by design."""
    name, folder = f"demo_{os.getpid()}", tmp_path_factory.mktemp("demo")
    databases.run("create database {} template yitong strategy file_copy", name)
    settings = Settings(home=folder, database_url=databases.at(name), demo_password="let-me-in")
    with ThreadPoolExecutor(1) as apart:  # asyncio.run here would leave pytest-asyncio's own loop unclosed
        assert apart.submit(asyncio.run, demo.load(settings)).result()
    return name, folder


@pytest.fixture
def postgres_url(loaded: tuple[str, Path], databases: Databases) -> Iterator[str]:
    """A database like that."""
    with databases.lent(loaded[0]) as url:
        yield url


@pytest.fixture
async def home(settings: Settings, loaded: tuple[str, Path], postgres_url: str, database: Database) -> tuple[Settings, Scope]:
    """A home with the demo in it, and its administrator."""
    shutil.copytree(loaded[1], settings.home, copy_function=os.link)
    async with database.transaction() as connection:
        tenant = await connection.scalar(text("select id from tenants"))
    return replace(settings, database_url=postgres_url, demo_password="let-me-in"), Scope(tenant=str(tenant), rights=frozenset(RIGHTS))


async def _published(nats: Nats, tenant: str, kind: str) -> list[dict[str, Any]]:
    """The documents of one kind as they stand in the bucket."""
    found = []
    async for message in follow(nats, f"KV_{BUCKET}", f"$KV.{BUCKET}.{tenant}.{kind}.*", latest_only=True):
        if message is None:
            break
        if not message.deleted:
            found.append(json.loads(message.data))
    return found


async def test_the_demo_is_whole_and_loaded_once(home: tuple[Settings, Scope], database: Database) -> None:
    settings, scope = home
    assert not await demo.load(settings), "a home that is not empty is left alone"
    async with database.transaction() as connection:
        users = await read_all(connection, kinds.USER, scope.tenant)
        roles = {role["code"]: set(role["rights"]) for role in await read_all(connection, kinds.ROLE, scope.tenant)}
        prompts = await read_all(connection, kinds.PROMPT, scope.tenant)
        hashes = [row[0] for row in await connection.execute(text("select hash from user_passwords"))]
        assert await verify(connection, scope.tenant) is None
    assert [user["username"] for user in users] == ["1001", "1002", "1003", "1004", "1100", "admin"]
    assert roles == {code: set(rights) for code, rights in STANDARD_ROLES.items()}
    assert all(hash.startswith("$argon2id$") for hash in hashes)
    assert len(set(hashes)) == len(users)
    assert all((settings.home / "prompts" / prompt["file"]).is_file() for prompt in prompts)
    assert {prompt["language"] for prompt in prompts} == {"zh-CN", "en"}


async def test_a_pack_that_cannot_be_read_loads_nothing(
    settings: Settings, postgres_template: str, databases: Databases, tmp_path: Path
) -> None:
    (tmp_path / "bad.json").write_text("{")
    with databases.lent("yitong") as url:
        with pytest.raises(PackError):
            await demo.load(replace(settings, database_url=url), tmp_path)
        database = Database(url, name="test")
        async with database.transaction() as connection:
            assert await connection.scalar(text("select count(*) from tenants")) == 0
        await database.close()


async def test_everything_is_published_and_follows_each_change(home: tuple[Settings, Scope], database: Database, nats: Nats) -> None:
    _, scope = home
    configuration = Configuration(database, nats, SystemClock())
    assert await configuration.publish_all() > 100
    assert await configuration.publish_all() == 0
    while await configuration.publish_changes():
        pass
    (agent,) = [one for one in await _published(nats, scope.tenant, "agent") if one["extension"] == "1003"]
    (account,) = [one for one in await _published(nats, scope.tenant, "account") if one["username"] == "1003"]
    (number,) = [one for one in await _published(nats, scope.tenant, "number") if one["number"] == "96900"]
    (flow,) = [one for one in await _published(nats, scope.tenant, "flow") if one["id"] == number["flow"]]
    (queue,) = await _published(nats, scope.tenant, "queue")
    (trunk,) = await _published(nats, scope.tenant, "trunk")
    assert (agent["username"], agent["roles"], sorted(agent["skills"].values())) == ("1003", ["agent"], [50, 70])
    assert account["ha1_sha256"] == digests("1003", account["realm"], "let-me-in")["ha1_sha256"]
    assert number["web"] is True
    assert flow["document"]["start"] == "welcome"
    assert "draft" not in flow
    assert (trunk["code"], len(queue["wrap_up_codes"]), queue["requirement"][0]["level"]) == ("demo", 5, 1)

    async with database.transaction() as connection:
        user = (await read_all(connection, kinds.USER, scope.tenant))[2]
        await service.alter(connection, scope, "user", user["id"], user["version"], {"active": False}, at=NOW)
        await service.alter(connection, scope, "queue", queue["id"], queue["version"], {"ring_seconds": 7}, at=NOW)
        await service.remove(connection, scope, "number", number["id"], number["version"], at=NOW)
    assert await configuration.publish_changes() == 3
    assert [one["active"] for one in await _published(nats, scope.tenant, "agent") if one["extension"] == "1003"] == [False]
    assert "1003" not in {one["username"] for one in await _published(nats, scope.tenant, "account")}
    assert (await _published(nats, scope.tenant, "queue"))[0]["ring_seconds"] == 7
    assert "96900" not in [one["number"] for one in await _published(nats, scope.tenant, "number")]

    assert await configuration.publish_all() == 0
    async with database.transaction() as connection:
        await service.alter(connection, scope, "user", user["id"], user["version"] + 1, {"active": True}, at=NOW)
    await configuration.publish_changes()
    assert account in await _published(nats, scope.tenant, "account"), "the secret is good again"


async def test_a_draft_changes_nothing_until_it_is_published(home: tuple[Settings, Scope], database: Database, nats: Nats) -> None:
    _, scope = home
    configuration = Configuration(database, nats, SystemClock())
    await configuration.publish_all()
    (flow,) = [one for one in await _published(nats, scope.tenant, "flow") if one["document"]["start"] == "welcome"]
    async with database.transaction() as connection:
        draft = {**flow["document"], "start": "menu"}
        changed = await service.alter(connection, scope, "flow", flow["id"], flow["version"], {"draft": draft}, at=NOW)
    while await configuration.publish_changes():
        pass
    assert [one["document"]["start"] for one in await _published(nats, scope.tenant, "flow") if one["id"] == flow["id"]] == ["welcome"]
    async with database.transaction() as connection:
        published = await service.publish_flow(connection, scope, flow["id"], changed["version"], at=NOW)
    assert published["published_version"] == 2
    await configuration.publish_changes()
    (flow,) = [one for one in await _published(nats, scope.tenant, "flow") if one["id"] == flow["id"]]
    assert (flow["document"]["start"], flow["published_version"]) == ("menu", 2)


async def test_the_worker_answers_who_calls_and_publishes_by_itself(
    home: tuple[Settings, Scope], database: Database, nats: Nats, until: Callable[..., Awaitable[None]]
) -> None:
    settings, scope = home
    tasks = Tasks()
    worker = Worker(database, nats, SystemClock(), settings.home / "prompts")
    await worker.start(tasks)
    asked = [WhoIs(contact="c", number="13910010002")]
    cards: list[Card | None] = await nats.request(f"ask.crm.{scope.tenant}", asked, list[Card | None], seconds=60)
    assert [card and card.name for card in cards] == ["王秀英"]
    seen: list[Any] = []

    async def look() -> None:
        while not seen:
            seen.extend(await _published(nats, scope.tenant, "queue"))
            await SystemClock().sleep(0.05)

    tasks.start(look(), "look")
    await until(lambda: seen, 60)
    assert not worker.configuration.away
    await tasks.close()


async def test_a_new_prompt_gets_its_length(home: tuple[Settings, Scope], database: Database) -> None:
    settings, scope = home
    with wave.open(str(settings.home / "prompts" / "new.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * 8000))
    async with database.transaction() as connection:
        for code, file in (("new", "new.wav"), ("gone", "gone.wav")):
            value = {"code": code, "language": "en", "file": file}
            await service.make(connection, scope, "prompt", f"00000000-0000-7000-8000-0000000000{len(code):02}", value, at=NOW)
    await Tidy(database, SystemClock(), settings.home / "prompts").once()
    async with database.transaction() as connection:
        lengths = {prompt["code"]: prompt["milliseconds"] for prompt in await read_all(connection, kinds.PROMPT, scope.tenant)}
    assert (lengths["new"], lengths["gone"]) == (1000, 0)
