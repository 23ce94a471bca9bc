"""Two tenants with people of every role, some finished contacts, and a web process over real engines; ``centre`` adds core and worker."""

from __future__ import annotations

import asyncio
import socket
import wave
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import argon2
import httpx
import msgspec
import numpy as np
from prometheus_client import CollectorRegistry
from psycopg.types.json import Jsonb
from sqlalchemy import text

from yitong.app.jobs.configuration import Configuration
from yitong.app.processes.web import Web, listen, server
from yitong.domains.security import store as security
from yitong.domains.security.messages import RIGHTS, STANDARD_ROLES
from yitong.domains.security.service import Passwords
from yitong.domains.sites.store import configured
from yitong.domains.sites.store.kinds import KINDS
from yitong.kit.clock import SystemClock, moment
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.nats import Nats
from yitong.kit.records import Change, change
from yitong.kit.settings import Settings
from yitong.kit.tasks import Tasks
from yitong.media import fax_page

PASSWORD = "correct horse"
_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""How strong the product's own is, tests/domains/security and tests/store/test_configuration say."""
_CHEAP = _HASHER.hash(PASSWORD)
NAME = {"zh-CN": "名", "en": "name"}
FLOW = {
    "schema_version": 1, "name": NAME, "start": "bye", "steps": {"bye": {"kind": "hang_up"}},
}  # fmt: skip
HOTLINE = "96900"
CRITERIA: list[dict[str, Any]] = [
    {"key": "polite", "name": NAME, "kind": "points", "weight": 60, "points": 5},
    {"key": "named", "name": NAME, "kind": "yes_no", "weight": 40, "points": 1},
    {"key": "secret", "name": NAME, "kind": "knock_out", "weight": 1, "points": 1},
]
TO_A_PERSON = {
    "schema_version": 1, "name": NAME, "start": "person", "steps": {
        "person": {"kind": "queue", "queue": "service", "next": dict.fromkeys(("served", "timeout", "full", "no_agents"), "bye")},
        "bye": {"kind": "hang_up"},
    },
}  # fmt: skip


@dataclass
class Person:
    """A user, and his agent if he is one."""

    id: str
    username: str
    tenant: str
    agent: str = ""
    extension: str = ""


@dataclass
class Tenant:
    """A tenant with the ids of what it has, by kind."""

    id: str
    code: str
    site: str = ""
    people: dict[str, Person] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)


class Seed:
    """Makes tenants in a database through the product's own functions."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SystemClock()
        self.ids = RandomIds()

    def new_id(self) -> str:
        return self.ids.new(self.clock.now())

    async def put(self, tenant: str, kind: str, value: dict[str, Any], id: str = "") -> str:
        id = id or self.new_id()
        async with self.database.transaction() as connection:
            await change(connection, KINDS[kind], Change(tenant=tenant, id=id, version=0, value=value, actor="", at=self.clock.now()))
        return id

    async def tenant(self, code: str) -> Tenant:
        id = self.new_id()
        await self.put(id, "tenant", {
            "code": code, "name": NAME, "zone": "Asia/Shanghai", "language": "zh-CN", "currency": "CNY", "country": "CN",
        }, id)  # fmt: skip
        made = Tenant(id, code)
        async with self.database.transaction() as connection:
            await configured.add_rights(connection, id, dict.fromkeys(RIGHTS, NAME))
        for role, rights in STANDARD_ROLES.items():
            made.ids[f"role {role}"] = await self.put(id, "role", {"code": role, "name": NAME, "rights": list(rights)})
        made.site = made.ids["site"] = await self.put(id, "site", {"code": "hq", "name": NAME, "zone": "Asia/Shanghai", "address": ""})
        await self._people(made)
        await self._things(made)
        return made

    async def _people(self, made: Tenant) -> None:
        for username, role in (("1100", "supervisor"), ("1200", "supervisor"), ("admin", "administrator"), ("nobody", "")):
            await self._user(made, username, role)
        for code, supervisor in (("red", "1100"), ("blue", "1200")):
            value = {"code": code, "name": NAME, "site": made.site, "supervisors": [made.people[supervisor].id]}
            made.ids[f"team {code}"] = await self.put(made.id, "team", value)
        made.ids["team"] = made.ids["team red"]
        made.ids["skill"] = await self.put(made.id, "skill", {"code": "gas", "name": NAME})
        for username, team in (("1001", "red"), ("1002", "blue")):
            person = await self._user(made, username, "agent")
            person.extension = username
            person.agent = await self.put(made.id, "agent", {
                "user": person.id, "extension": username, "name": NAME, "team": made.ids[f"team {team}"], "site": made.site,
                "language": "zh-CN", "capacity": {"voice": 1}, "skills": {made.ids["skill"]: 5},
            })  # fmt: skip

    async def _user(self, made: Tenant, username: str, role: str) -> Person:
        roles = [made.ids[f"role {role}"]] if role else []
        id = await self.put(made.id, "user", {"username": username, "name": NAME, "language": "zh-CN", "active": True, "roles": roles})
        async with self.database.transaction() as connection:
            await security.set_password(connection, made.id, id, _CHEAP)
        made.people[username] = Person(id, username, made.id)
        return made.people[username]

    async def _things(self, made: Tenant) -> None:
        site = made.site
        made.ids["queue"] = await self.put(made.id, "queue", {"code": "service", "name": NAME, "site": site, "ring_seconds": 300})
        made.ids["flow"] = await self.put(made.id, "flow", {"code": "hotline", "name": NAME, "draft": TO_A_PERSON})
        made.ids["number"] = await self.put(
            made.id, "number", {"number": HOTLINE, "name": NAME, "flow": made.ids["flow"], "site": site, "web": True}
        )
        made.ids["trunk"] = await self.put(made.id, "trunk", {"code": "demo", "name": NAME, "site": site})
        made.ids["number_class"] = await self.put(made.id, "number_class", {"code": "town", "name": NAME, "patterns": ["62."]})
        made.ids["caller_rule"] = await self.put(made.id, "caller_rule", {"code": "pests", "name": NAME, "patterns": ["999."]})
        made.ids["conference_room"] = await self.put(
            made.id, "conference_room", {"code": "board", "name": NAME, "site": site, "number": "8001"}
        )
        made.ids["retention"] = await self.put(made.id, "retention", {"code": "usual", "name": NAME, "days": 3650})
        made.ids["reason"] = await self.put(made.id, "reason", {"code": "lunch", "name": NAME})
        for code in ("coffee", "training"):
            await self.put(made.id, "reason", {"code": code, "name": {"en": code}})
        made.ids["wrap_up_code"] = await self.put(made.id, "wrap_up_code", {"code": "done", "name": NAME})
        prompt = {"code": "hello", "language": "zh-CN", "file": f"{made.id}/hello.wav", "text": "你好", "milliseconds": 100}
        made.ids["prompt"] = await self.put(made.id, "prompt", prompt)
        made.ids["mailbox"] = await self.put(made.id, "mailbox", {
            "code": "service", "name": NAME, "site": site, "number": "8001", "owners": [made.people["1001"].agent], "keep_days": 30,
        })  # fmt: skip
        made.ids["voice_message"] = await self.message(made)
        made.ids["mail_account"] = await self.put(made.id, "mail_account", {
            "code": "off", "name": NAME, "site": site, "queue": made.ids["queue"], "enabled": False, "address": "off@example.com",
            "imap_host": "127.0.0.1", "imap_username": "off", "smtp_host": "127.0.0.1",
        })  # fmt: skip
        made.ids["mail"] = await self.mail(made)
        made.ids["mail_template"] = await self.put(
            made.id,
            "mail_template",
            {"code": "thanks", "name": NAME, "texts": {"zh-CN": "{customer.name}，您好！", "en": "{customer.name}:"}},
        )
        made.ids["score_sheet"] = await self.put(made.id, "score_sheet", {"code": "service", "name": NAME, "criteria": CRITERIA})
        await self._assessment(made)
        made.ids["text_line"] = await self.put(
            made.id, "text_line", {"code": "off", "name": NAME, "enabled": False, "host": "sms.example.com"}
        )
        made.ids["text_template"] = await self.put(
            made.id, "text_template", {"code": "received", "name": NAME, "texts": {"zh-CN": "{customer.name}您好，已受理。"}}
        )
        made.ids["text"] = await self.text(made)
        tariff = {"code": "tariff", "name": NAME, "file": f"{made.id}/documents/tariff.tif", "pages": 1}
        made.ids["fax_document"] = await self.put(made.id, "fax_document", tariff)

    async def _assessment(self, made: Tenant) -> None:
        """One of 1001's that he has read, whose recording and contact are long gone."""
        made.ids["assessment"] = self.new_id()
        values = {"tenant": made.id, "id": made.ids["assessment"], "site": made.site, "gone": self.new_id(), "at": moment(0)}
        values |= {"agent": made.people["1001"].agent, "by": made.people["1100"].id, "sheet": made.ids["score_sheet"]}
        async with self.database.transaction() as connection:
            await connection.execute(text(_ASSESSMENT), values | {"kept": Jsonb({"name": NAME, "criteria": CRITERIA, "pass_percent": 0})})

    async def message(self, made: Tenant, *, contact: str = "", status: str = "new", minutes_ago: float = 1) -> str:
        """A message in the mailbox, as the projections hold it."""
        id, at = self.new_id(), moment(self.clock.now() - round(minutes_ago * 60_000_000))
        async with self.database.transaction() as connection:
            await connection.execute(
                text(
                    "insert into mailbox_messages (tenant_id, id, site_id, contact_id, mailbox_id, began_at, left_at, status, file,"
                    " milliseconds) values (:tenant, :id, :site, :contact, :mailbox, :at, :at, :status, :file, 1000)"
                ),
                {"tenant": made.id, "id": id, "site": made.site, "contact": contact or self.new_id(), "mailbox": made.ids["mailbox"],
                 "at": at, "status": status, "file": f"messages/{made.id}/{id}.wav"},
            )  # fmt: skip
        return id

    async def mail(self, made: Tenant) -> str:
        """A mail that came and that nobody was shown."""
        id = self.new_id()
        async with self.database.transaction() as connection:
            await connection.execute(
                text(
                    "insert into mail_messages (tenant_id, id, site_id, account_id, direction, state, reason, thread_id, token, message_id,"
                    " subject, at) values (:tenant, :id, :site, :account, 'in', 'kept', 'bulk', :id, 'X', '<x@example.org>', 'x', now())"
                ),
                {"tenant": made.id, "id": id, "site": made.site, "account": made.ids["mail_account"]},
            )
        return id

    async def text(self, made: Tenant, *, state: str = "failed") -> str:
        """A text message in the outbox."""
        id = self.new_id()
        async with self.database.transaction() as connection:
            await connection.execute(
                text(
                    "insert into texts (tenant_id, id, site_id, contact_id, source, state, created_at, next_at, expires_at)"
                    " values (:tenant, :id, :site, :contact, 'flow', :state, now(), now(), now())"
                ),
                {"tenant": made.id, "id": id, "site": made.site, "contact": self.new_id(), "state": state},
            )
        return id

    async def fax(self, made: Tenant, contact: str, *, sent: bool = False, minutes_ago: float = 1) -> str:
        """A finished fax of a contact, as the projections hold it."""
        at = self.clock.now() - round(minutes_ago * 60_000_000)
        made.ids["fax"] = self.new_id()
        values = {
            "tenant": made.id, "id": made.ids["fax"], "site": made.site, "contact": made.contacts[contact], "at": moment(at), "sent": sent,
            "file": f"{made.id}/2026/{made.ids['fax']}.tif", "station": self.new_id(), "end": moment(at + 30_000_000),
        }  # fmt: skip
        values |= {f"{what}_id": made.ids.setdefault(f"fax_{what}", self.new_id()) for what in ("upload", "sending", "recipient")}
        values["user"] = made.people["1001"].id
        async with self.database.transaction() as connection:
            for statement in _FAX:
                await connection.execute(text(statement), values)
        return made.ids["fax"]

    async def contact(self, made: Tenant, name: str, agent: str, *, queue: bool = True, minutes_ago: float = 1, told: bool = True) -> str:
        """A finished contact, as the projections hold it; with a recording if ``agent`` (a username) took it.

        ``told``: a line of the ledger too; not where a core writes the same site's.
        """
        who = made.people[agent] if agent else None
        at = self.clock.now() - round(minutes_ago * 60_000_000)
        ids = {key: self.new_id() for key in ("contact", "segment", "recording", "calling", "customer")}
        values: dict[str, Any] = {
            "tenant": made.id, "site": made.site, "at": moment(at), "answered": moment(at + 5_000_000) if who else None,
            "end": moment(at + 30_000_000), "agent": who.agent if who else None, "queue": made.ids["queue"] if queue else None,
            "file": f"{ids['recording']}.wav", "outcome": "answered" if who else "abandoned", "number": f"+86139{at % 10**8:08d}", **ids,
        }  # fmt: skip
        async with self.database.transaction() as connection:
            for statement in (*_CONTACT, *([_TOLD] if told else []), *(_TAKEN if who else [])):
                await connection.execute(text(statement), values)
        if who:
            made.ids[f"recording {name}"] = ids["recording"]
        made.ids["customer"] = ids["customer"]
        made.contacts[name] = ids["contact"]
        return ids["contact"]


_ASSESSMENT = """insert into assessments (tenant_id, id, site_id, contact_id, recording_id, agent_id, talked_at, sheet_id, sheet_version,
    sheet, state, score, assessor_id, published_at, read_at)
    values (:tenant, :id, :site, :gone, :gone, :agent, :at, :sheet, 1, :kept, 'published', 9000, :by, :at, :at)"""
_CONTACT = (
    "insert into personals (tenant_id, id, kind, value, at, contact_id) values (:tenant, :calling, 'address', :number, :at, :contact)",
    "insert into customers (tenant_id, id, name) values (:tenant, :customer, '王小明')",
    """insert into contacts (tenant_id, id, site_id, channel, direction, number, calling_id, arrived_at, ended_at, outcome, queue_id,
       agent_id, answered_at, wait_us, talk_us, sequence, customer_id)
       values (:tenant, :contact, :site, 'voice', 'in', '96900', :calling, :at, :end, :outcome, :queue, :agent, :answered, 5000000,
       20000000, 1, :customer)""",
)
_TOLD = """insert into ledger (id, type, version, tenant_id, site_id, producer, epoch, sequence, occurred_at, contact_id, payload)
       values (gen_random_uuid(), 'contact.arrived', 1, :tenant, :site, 'test', 1,
       (extract(epoch from cast(:at as timestamptz)) * 1000000)::bigint, :at, :contact, '{"channel": "voice"}')"""
_TAKEN = (
    """insert into segments (tenant_id, id, site_id, contact_id, arrived_at, number, kind, began_at, ended_at, queue_id, agent_id,
       answered_at, talk_us)
       values (:tenant, :segment, :site, :contact, :at, 1, 'agent', :at, :end, :queue, :agent, :answered, 20000000)""",
    """insert into recordings (tenant_id, id, site_id, contact_id, segment_id, agent_id, began_at, ended_at, file, milliseconds, holds)
       values (:tenant, :recording, :site, :contact, :segment, :agent, :at, :end, :file, 1000, '[[200, 300]]')""",
)

_FAX = (
    "insert into personals (tenant_id, id, kind, value, at, contact_id) values (:tenant, :station, 'address', '0215555', :at, :contact)",
    """insert into faxes (tenant_id, id, site_id, contact_id, began_at, ended_at, sent, file, outcome, pages, rate, station_id)
       values (:tenant, :id, :site, :contact, :at, :end, :sent, :file, 'ok', 1, 14400, :station)""",
    """insert into fax_uploads (tenant_id, id, name, file, pages, made_by, made_at)
       values (:tenant, :upload_id, 'x', :file, 1, :user, :at) on conflict do nothing""",
    """insert into fax_sendings (tenant_id, id, site_id, name, file, pages, lines, tries, spacing_seconds, state, made_by, made_at,
       changed_at, ended_at)
       values (:tenant, :sending_id, :site, 'x', :file, 1, 1, 1, 60, 'done', :user, :at, :at, :end) on conflict do nothing""",
    """insert into fax_recipients (tenant_id, id, sending_id, line, given, number, state, reason, tries, ended_at)
       values (:tenant, :recipient_id, :sending_id, 1, '0215555', '0215555', 'failed', 'busy', 1, :end) on conflict do nothing""",
)


def write_fax(path: Path, words: str) -> None:
    """A page with some words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_page(words))


@cache
def _page(words: str) -> bytes:
    with TemporaryDirectory() as folder:
        fax_page.save(fax_page.from_text(words), Path(folder) / "page.tif")
        return (Path(folder) / "page.tif").read_bytes()


def write_wav(path: Path, seconds: float, channels: int) -> None:
    """A tone, on the left track louder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = np.sin(np.arange(round(8000 * seconds)) * 2 * np.pi * 440 / 8000)
    tracks = np.stack([tone * 16000, tone * 8000][:channels], axis=1).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(tracks.tobytes())


class World:
    """A running web process with two tenants."""

    def __init__(self, settings: Settings, nats: Nats, mine: Tenant, other: Tenant, patience_seconds: float = 15.0) -> None:
        self.settings = settings
        self.nats = nats
        self.tasks = Tasks()
        self.database = Database(settings.database_url, name="test")
        self.seed = Seed(self.database)
        self.web = Web(
            settings, nats, SystemClock(), self.tasks, CollectorRegistry(), patience_seconds=patience_seconds, passwords=Passwords(_HASHER)
        )
        self.server = server(self.web)
        self.port = 0
        self.mine = mine
        self.other = other
        self.client = httpx.AsyncClient(verify=False)
        self._serving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        for tenant in (self.mine, self.other):
            write_wav(self.settings.home / "prompts" / tenant.id / "hello.wav", 0.1, 1)
            write_fax(self.settings.home / "faxes" / tenant.id / "documents" / "tariff.tif", "资费")
        for bucket in ("config", "credentials"):
            await self.nats.js.purge_stream(f"KV_{bucket}")  # of another test: its tenants are the same, its database was another
        await self.web.open()
        listening = listen(self.settings, 0)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)  # that a page which does not read is felt soon
        self.port = listening.getsockname()[1]
        self._serving = asyncio.create_task(self.server.serve([listening]))
        while not self.server.started:
            await asyncio.sleep(0.01)
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30, verify=False)

    async def close(self) -> None:
        await self.client.aclose()
        self.server.should_exit = True
        self.server.force_exit = True
        if self._serving is not None:
            await asyncio.wait({self._serving}, timeout=5)
        await self.tasks.close()
        await self.web.database.close()
        await self.database.close()

    async def configured(self) -> None:
        """The worker's part: publish the configuration as it stands, and wait until the web process has read it."""
        await Configuration(self.database, self.nats, SystemClock()).publish_all()
        last = (await self.nats.js.stream_info("KV_config")).state.last_seq
        async with asyncio.timeout(60):
            while self.web.published.revision < last:
                await asyncio.sleep(0.01)

    async def contact(self, made: Tenant, name: str, agent: str, **more: Any) -> str:
        """A finished contact with its recording's file."""
        id = await self.seed.contact(made, name, agent, **more)
        if agent:
            write_wav(self.settings.home / "recordings" / f"{made.ids[f'recording {name}']}.wav", 1.0, 2)
        return id

    async def fax(self, made: Tenant, contact: str, **more: Any) -> str:
        """A finished fax with its file."""
        id = await self.seed.fax(made, contact, **more)
        write_fax(self.settings.home / "faxes" / made.id / "2026" / f"{id}.tif", f"fax {id}")
        return id

    async def token(self, username: str, tenant: str = "mine", password: str = PASSWORD) -> str:
        answer = await self.client.post("/api/v1/sessions", json={"username": username, "password": password, "tenant": tenant})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def headers(self, username: str, tenant: str = "mine") -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.token(username, tenant)}", "Accept-Language": "en"}

    async def ask(self, method: str, path: str, who: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        headers = {**(who or {}), **more.pop("headers", {})}
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **more)


def settings_for(base: Settings, database_url: str, nats_url: str) -> Settings:
    return replace(base, database_url=database_url, nats_url=nats_url)


def decoded(data: str | bytes) -> Any:
    return msgspec.json.decode(data)
