"""Packs: tenants as data. A folder of JSON files in which things refer to each other by code; loading gives them ids.

Every record goes through the one function for changes, so that a pack's tenant has its history and audit log from the first line.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import argon2
import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.ct.switches.soft.trunk_record import SEALED_PASSWORD
from yitong.domains.crm.store.cards import CUSTOMER
from yitong.domains.security.store import set_password
from yitong.domains.sites.store import configured, kinds
from yitong.kit import pins
from yitong.kit.clock import Clock, moment
from yitong.kit.ids import Ids
from yitong.kit.records import Change, Kind, change
from yitong.kit.sealed_text import Sealer

REASON = "loaded from a pack"

Record = dict[str, Any]


class PackError(Exception):
    """A pack that cannot be loaded: a file is missing, or names something that it does not hold."""


def read_pack(folder: Path) -> Record:
    """All of a pack's files as one value: lists by the name of their kind. Raises PackError."""
    pack: Record = {}
    try:
        for file in sorted(folder.glob("*.json")):
            pack |= msgspec.json.decode(file.read_bytes())
        if isinstance(pack.get("prompts"), str):
            pack["prompts"] = msgspec.json.decode((folder / pack["prompts"]).read_bytes())
        for flow in pack.get("flows", []):
            if isinstance(flow["document"], str):
                flow["document"] = msgspec.json.decode((folder / flow["document"]).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise PackError(f"The pack in {folder} cannot be read: {error}") from error
    if "tenant" not in pack:
        raise PackError(f"The pack in {folder} names no tenant.")
    return pack


class Loader:
    """Loads one pack within the caller's transaction. ``password`` is everybody's; SIP accounts have it too; ``sealer``: for trunks'."""

    def __init__(self, connection: AsyncConnection, clock: Clock, ids: Ids, password: str, sealer: Sealer) -> None:
        self._connection = connection
        self._clock = clock
        self._ids = ids
        self._password = password
        self._sealer = sealer
        self._known: dict[tuple[str, str], str] = {}
        self.tenant = ""
        self._code = ""

    async def load(self, pack: Record) -> str:
        """Everything in the order in which things refer to each other; returns the tenant's id."""
        self.tenant = self._ids.new(self._clock.now())
        self._code = pack["tenant"]["code"]
        await self._put(kinds.TENANT, pack["tenant"], id=self.tenant)
        await configured.add_rights(self._connection, self.tenant, pack.get("rights", {}))
        steps: list[tuple[Kind, str, Callable[[Record], Record]]] = [
            (kinds.SITE, "sites", dict),
            (kinds.ROLE, "roles", dict),
            (kinds.USER, "users", self._user),
            (kinds.SKILL, "skills", dict),
            (kinds.TEAM, "teams", self._team),
            (kinds.AGENT, "agents", self._agent),
            (kinds.REASON, "reasons", dict),
            (kinds.WRAP_UP_CODE, "wrap_up_codes", dict),
            (kinds.SCORE_SHEET, "score_sheets", dict),
            (kinds.QUEUE, "queues", self._queue),
            (kinds.TRUNK, "trunks", self._trunk),
        ]
        for kind, name, made in steps:
            for record in pack.get(name, []):
                await self._put(kind, made(record))
        await self._each(kinds.NUMBER_CLASS, pack.get("number_classes", []))
        for record in pack.get("conference_rooms", []):
            await self._put(kinds.CONFERENCE_ROOM, self._room(record))
        for record in pack.get("mailboxes", []):
            await self._put(kinds.MAILBOX, self._mailbox(record))
        await self._flows(pack.get("flows", []))
        for record in pack.get("caller_rules", []):
            await self._put(kinds.CALLER_RULE, self._caller_rule(record))
        for record in pack.get("numbers", []):
            await self._put(kinds.NUMBER, self._number(record))
        for record in pack.get("accounts", []):
            await self._put(kinds.ACCOUNT, self._account(record))
        await self._each(kinds.PROMPT, pack.get("prompts", []))
        await self._each(CUSTOMER, pack.get("customers", []))
        await self._passwords(pack.get("users", []))
        return self.tenant

    def id_of(self, kind: Kind, code: str) -> str:
        """The id that a code got. Raises PackError."""
        try:
            return self._known[kind.name, code]
        except KeyError:
            raise PackError(f"The pack names the {kind.name} {code!r}, which it does not hold.") from None

    async def _put(self, kind: Kind, value: Mapping[str, Any], *, id: str = "") -> str:
        now = self._clock.now()
        wanted = Change(tenant=self.tenant, id=id or self._ids.new(now), version=0, value=value, actor="", at=now, reason=REASON)
        await change(self._connection, kind, wanted)
        self._known[kind.name, str(value.get(kind.code, ""))] = wanted.id
        return wanted.id

    async def _each(self, kind: Kind, records: Iterable[Record]) -> None:
        for record in records:
            await self._put(kind, record)

    def _site(self, record: Record) -> Record:
        return record | {"site": self.id_of(kinds.SITE, record["site"]) if record.get("site") else ""}

    def _user(self, record: Record) -> Record:
        return self._site(record) | {"roles": [self.id_of(kinds.ROLE, role) for role in record["roles"]]}

    def _team(self, record: Record) -> Record:
        return self._site(record) | {"supervisors": [self.id_of(kinds.USER, user) for user in record.get("supervisors", [])]}

    def _agent(self, record: Record) -> Record:
        return self._site(record) | {
            "user": self.id_of(kinds.USER, record["user"]),
            "team": self.id_of(kinds.TEAM, record["team"]),
            "skills": {self.id_of(kinds.SKILL, skill): level for skill, level in record.get("skills", {}).items()},
        }

    def _queue(self, record: Record) -> Record:
        return self._site(record) | {
            "requirement": [{**need, "skill": self.id_of(kinds.SKILL, need["skill"])} for need in record.get("requirement", [])],
            "members": [{**member, "agent": self.id_of(kinds.AGENT, member["agent"])} for member in record.get("members", [])],
            "wrap_up_codes": [self.id_of(kinds.WRAP_UP_CODE, code) for code in record.get("wrap_up_codes", [])],
        }

    def _trunk(self, record: Record) -> Record:
        return self._site(record) | {"password": self._sealer.seal(self.tenant, SEALED_PASSWORD, record.get("password", ""))}

    def _number(self, record: Record) -> Record:
        trunk = self.id_of(kinds.TRUNK, record["trunk"]) if record.get("trunk") else ""
        return self._site(record) | {"trunk": trunk, "flow": self.id_of(kinds.FLOW, record["flow"])}

    def _caller_rule(self, record: Record) -> Record:
        return record | {"flow": self.id_of(kinds.FLOW, record["flow"]) if record.get("flow") else ""}

    def _room(self, record: Record) -> Record:
        return self._site(record) | sealed(record, "host_pin", "member_pin")

    def _mailbox(self, record: Record) -> Record:
        return self._site(record) | sealed(record, "pin") | {
            "queue": self.id_of(kinds.QUEUE, record["queue"]) if record.get("queue") else "",
            "owners": [self.id_of(kinds.AGENT, owner) for owner in record.get("owners", [])],
        }  # fmt: skip

    def _account(self, record: Record) -> Record:
        realm = record.get("realm", self._code)
        agent = self.id_of(kinds.AGENT, record["agent"]) if record.get("agent") else ""
        return self._site(record) | digests(record["username"], realm, self._password) | {"realm": realm, "agent": agent}

    async def _flows(self, records: Iterable[Record]) -> None:
        """Each flow with its document as the published version 1."""
        for record in records:
            value = self._site({name: cell for name, cell in record.items() if name != "document"})
            flow = await self._put(kinds.FLOW, value | {"draft": record["document"], "published_version": 1})
            await self._connection.execute(
                text(
                    "insert into flow_versions (tenant_id, flow_id, number, document, published_at)"
                    " values (:tenant, :flow, 1, :document, :at)"
                ),
                {"tenant": self.tenant, "flow": flow, "document": Jsonb(record["document"]), "at": moment(self._clock.now())},
            )

    async def _passwords(self, users: Iterable[Record]) -> None:
        hasher = argon2.PasswordHasher()
        for user in users:
            id = self.id_of(kinds.USER, user["username"])
            await set_password(self._connection, self.tenant, id, hasher.hash(self._password))


def sealed(record: Record, *names: str) -> Record:
    """A pack has its PINs in plain, so that people can be told them; they are kept sealed."""
    return {name: pins.seal(record[name], os.urandom(16)) for name in names if record.get(name)}


def digests(username: str, realm: str, secret: str) -> dict[str, str]:
    """HA1 of RFC 7616 §3.4.2 for both algorithms of RFC 8760: all that is kept of a SIP secret."""
    said = f"{username}:{realm}:{secret}".encode()
    return {"ha1_md5": hashlib.md5(said, usedforsecurity=False).hexdigest(), "ha1_sha256": hashlib.sha256(said).hexdigest()}


def copy_prompts(folder: Path, listed: Iterable[Record], prompts: Path, code: str) -> list[Record]:
    """Put a pack's sound files below ``prompts/{code}``; the pack's list of prompts with the files named from there."""
    listed = list(listed)
    for prompt in listed:
        source, target = folder / "prompts" / prompt["file"], prompts / code / prompt["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.stat().st_size != source.stat().st_size:
            shutil.copyfile(source, target)
    return [{**prompt, "file": f"{code}/{prompt['file']}"} for prompt in listed]
