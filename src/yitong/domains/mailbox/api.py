"""Mailboxes at the desk: which ones, what is in them, the sound, and what is to become of a message. Hearing is in the audit log."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, BinaryIO, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.mailbox.messages import MarkMessage, SetNotice, Status
from yitong.domains.mailbox.store import shown
from yitong.domains.mailbox.store.files import FAULTS, MessagesFolder
from yitong.domains.mailbox.store.shown import Wanted
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Database
from yitong.kit.http import Caller, from_cursor, iso, need, part, to_cursor
from yitong.kit.ids import RandomIds
from yitong.kit.keyring import Keyring
from yitong.kit.links import GivenLink, first_use, follow, give
from yitong.kit.logs import get
from yitong.kit.scope import Denied
from yitong.kit.sealing import KeyMissing
from yitong.kit.serving import FileBody, served
from yitong.kit.settings import Settings
from yitong.media.loudness import Loudness, tracks
from yitong.media.opus_file import NoSound, Reading

router = APIRouter(tags=["mailboxes"])
RIGHT = "mailboxes.own"
_log = get("yitong.mailboxes")
_LATEST = 4_000_000_000_000_000
Cursor = Annotated[str, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]
WAV: dict[int | str, dict[str, Any]] = {200: {"content": {"audio/wav": {}}}, 206: {"description": "A part", "content": {"audio/wav": {}}}}


class Listed(BaseModel):
    """A page; ``next`` is the cursor of the next one, null at the end."""

    items: list[dict[str, Any]]
    next: str | None = None


class Marked(BaseModel):
    """What a message is to be: new, heard, or deleted (which can be taken back for seven days)."""

    model_config = ConfigDict(extra="forbid")
    status: Status


class NoticeWanted(BaseModel):
    """Whether new messages are told by text message."""

    model_config = ConfigDict(extra="forbid")
    on: bool


class Peaks(BaseModel):
    """Loudness, 0 to 1; there is one track."""

    left: list[float]
    right: list[float] = []


@router.get("/mailboxes")
async def list_mailboxes(
    cursor: Cursor = "", limit: Limit = 50, caller: Caller = need(RIGHT), database: Database = part(Database)
) -> Listed:
    """The mailboxes that one may open, by code."""
    place = from_cursor(cursor, tuple[str, UUID]) if cursor else None
    async with database.transaction() as connection:
        after = (place[0].replace("\0", ""), str(place[1])) if place else None
        rows = await shown.mailboxes(connection, caller.scope, caller.agent, after=after, limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    return Listed(items=[_box(row) for row in rows[:limit]], next=to_cursor(last["code"], last["id"]) if last else None)


@router.put("/mailboxes/{id}/notice", status_code=204)
async def set_notice(
    id: UUID, given: NoticeWanted, caller: Caller = need(RIGHT), database: Database = part(Database), core: Core = part(Core),
    clock: SystemClock = part(SystemClock),
) -> None:  # fmt: skip
    """Turn notices by text message on or off."""
    async with database.transaction() as connection:
        site = await shown.site_of(connection, caller.scope, caller.agent, str(id))
        if not site:
            raise Refused("not_found")
        await _audit(connection, caller, clock, "mailbox.notice_set", str(id), on=given.on)
    await core.obey(caller.tenant, site, SetNotice(actor=caller.user, agent=caller.agent, mailbox=str(id), on=given.on))


@router.get("/voice_messages")
async def list_messages(
    mailbox: UUID | None = None,
    status: Literal["", "new", "heard", "deleted"] = "",
    q: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
    caller: Caller = need(RIGHT),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Listed:
    """Messages, new ones first, then the newest; deleted ones only when they are asked for. Numbers and names are shown: it is audited."""
    place = from_cursor(cursor, tuple[int, int, UUID]) if cursor else None
    after = (min(max(place[0], 0), 1), min(max(place[1], 0), _LATEST), str(place[2])) if place else None
    wanted = Wanted(mailbox=str(mailbox or ""), status=status, words=q.strip())
    async with database.transaction() as connection:
        rows = await shown.messages(connection, caller.scope, caller.agent, wanted, after=after, limit=limit + 1)
        if rows:
            await _audit(connection, caller, clock, "message.listed", "", count=min(len(rows), limit))
    last = rows[limit - 1] if len(rows) > limit else None
    more = to_cursor(int(last["status"] == "new"), microseconds(last["left_at"]), last["id"]) if last else None
    return Listed(items=[_shown(row) for row in rows[:limit]], next=more)


@router.put("/voice_messages/{id}/status", status_code=204)
async def mark_message(
    id: UUID, given: Marked, caller: Caller = need(RIGHT), database: Database = part(Database), core: Core = part(Core),
    clock: SystemClock = part(SystemClock),
) -> None:  # fmt: skip
    """Mark a message; a deleted one comes back by being marked new or heard again."""
    async with database.transaction() as connection:
        row = await _row(connection, caller, str(id))
        await _audit(connection, caller, clock, "message.marked", str(id), status=given.status)
    command = MarkMessage(actor=caller.user, agent=caller.agent, mailbox=row["mailbox_id"], message=str(id), status=given.status)
    await core.obey(caller.tenant, row["site_id"], command)


@router.get("/voice_messages/{id}/audio", response_class=Response, responses=WAV)
async def message_audio(
    id: UUID, request: Request, caller: Caller = need(RIGHT), database: Database = part(Database),
    folder: MessagesFolder = part(MessagesFolder), clock: SystemClock = part(SystemClock),
) -> Response:  # fmt: skip
    """The message as WAV, PCM 16 bit, 8 kHz, mono; Range is honoured."""
    async with database.transaction() as connection:
        sound = await _opened(await _row(connection, caller, str(id)), folder)
        await _audit(connection, caller, clock, "message.played", str(id))
    return await played(request, sound, str(id))


async def played(request: Request, sound: BinaryIO, id: str) -> Response:
    """What is asked for of a message."""
    return await served(request, FileBody(sound), kind="audio/wav", name=f"{id}.wav", faults=FAULTS, refuse=refusal)


@router.post("/voice_messages/{id}/links", status_code=201)
async def make_message_link(
    id: UUID, request: Request, response: Response, caller: Caller = need(RIGHT), database: Database = part(Database),
    folder: MessagesFolder = part(MessagesFolder), clock: SystemClock = part(SystemClock), ids: RandomIds = part(RandomIds),
) -> GivenLink:  # fmt: skip
    """A link that plays the message for five minutes, in this browser, as long as one is signed in."""
    async with database.transaction() as connection:
        (await _opened(await _row(connection, caller, str(id)), folder)).close()
    return await give(request, response, caller, keyring=_keyring(folder), clock=clock, ids=ids, path=_path_of(str(id)), use="play")


@router.get("/voice_messages/{id}/sound", response_class=Response, responses=WAV)
async def message_sound(
    id: UUID, request: Request, link: Annotated[str, Query(max_length=1_000)] = "", database: Database = part(Database),
    folder: MessagesFolder = part(MessagesFolder), clock: SystemClock = part(SystemClock),
) -> Response:  # fmt: skip
    """The message by a link, with Range."""
    used, caller = await follow(request, link, keyring=_keyring(folder), clock=clock, path=_path_of(str(id)))
    if not caller.may(RIGHT):
        raise Denied(RIGHT)
    async with database.transaction() as connection:
        sound = await _opened(await _row(connection, caller, str(id)), folder)
        if await first_use(connection, used, caller, clock.now()):
            await _audit(connection, caller, clock, "message.played", str(id), link=used.id)
    return await played(request, sound, str(id))


def _keyring(folder: MessagesFolder) -> Keyring:
    assert folder.keyring is not None
    return folder.keyring


def _path_of(id: str) -> str:
    return f"/voice_messages/{id}/sound"


@router.get("/voice_messages/{id}/peaks")
async def message_peaks(
    id: UUID, points: Annotated[int, Query(ge=10, le=4000)] = 1000, caller: Caller = need(RIGHT), database: Database = part(Database),
    folder: MessagesFolder = part(MessagesFolder),
) -> Peaks:  # fmt: skip
    """The loudness of the message, for drawing."""
    async with database.transaction() as connection:
        sound = await _opened(await _row(connection, caller, str(id)), folder)
    return Peaks(left=await asyncio.to_thread(_drawn, sound, points))


def _drawn(sound: BinaryIO, points: int) -> list[float]:
    with sound:
        try:
            reading = Reading(sound)
            loud = Loudness(reading.frames, reading.channels, points)
            for block in reading.blocks():
                loud.feed(block)
        except (*FAULTS, NoSound) as error:
            raise refusal(error) from error
    return tracks(loud.top)[0]


@router.post("/voice_messages/{id}/mail", status_code=204)
async def mail_message(
    id: UUID, caller: Caller = need(RIGHT), database: Database = part(Database), settings: Settings = part(Settings),
    clock: SystemClock = part(SystemClock),
) -> None:  # fmt: skip
    """Send the message to the mailbox's address (again)."""
    async with database.transaction() as connection:
        await _row(connection, caller, str(id))
        if not settings.smtp_host or not await shown.mail_again(connection, caller.scope, caller.agent, str(id), clock.now()):
            raise Refused("no_mail")
        await _audit(connection, caller, clock, "message.mail_asked", str(id))


async def _row(connection: Any, caller: Caller, id: str) -> dict[str, Any]:
    row = await shown.message(connection, caller.scope, caller.agent, id)
    if row is None:
        raise Refused("not_found")
    return row


async def _opened(row: dict[str, Any], folder: MessagesFolder) -> BinaryIO:
    """The sound of a message. Raises Refused."""
    try:
        return await asyncio.to_thread(folder.sound, row["file"])
    except FAULTS as error:
        raise refusal(error) from error


def refusal(error: Exception) -> Refused:
    """What to say when a message cannot be read; the log says more."""
    if isinstance(error, FileNotFoundError):
        return Refused("not_found")
    _log.error("a message cannot be read", error=repr(error)[:200])
    return Refused("recording_key_missing", key=error.id) if isinstance(error, KeyMissing) else Refused("recording_damaged")


def _box(row: dict[str, Any]) -> dict[str, Any]:
    """A mailbox; ``notice`` is null where no number gets any. ``cause``: why the last one could not be sent."""
    shown_ = {name: row[name] for name in ("id", "code", "name", "number", "new", "total")} | {"queue": row["queue_id"]}
    cause = row["cause"] if row["cause"] not in ("heard", "off") else ""
    notice = {"on": not row["off"], "times": row["times"], "sent_at": iso(row["sent_at"]), "cause": cause}
    return shown_ | {"notice": notice if row["notify_number"] else None}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    customer = {"id": row["customer_id"], "name": row["customer_name"]} if row["customer_id"] else None
    mail = {"state": row["mail_state"], "tries": row["mail_tries"], "error": row["mail_error"], "sent_at": iso(row["mail_sent_at"])}
    path = f"/api/v1/voice_messages/{row['id']}"
    return {
        "id": row["id"], "mailbox": row["mailbox_id"], "mailbox_name": row["mailbox"], "contact": row["contact_id"],
        "left_at": iso(row["left_at"]), "status": row["status"], "milliseconds": row["milliseconds"], "cause": row["cause"],
        "calling": row["calling"] or "", "called": row["number"] or "", "customer": customer, "heard_at": iso(row["heard_at"]),
        "heard_by": row["heard_by"], "mailed": row["mailed"], "mail": mail if row["mail_state"] else None, "url": f"{path}/audio",
        "peaks": f"{path}/peaks", "links": f"{path}/links",
    }  # fmt: skip


async def _audit(connection: Any, caller: Caller, clock: SystemClock, action: str, id: str, **details: Any) -> None:
    await audit(
        connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action=action, kind="voice_message", object=id,
        details={"source": caller.source, **details},
    )  # fmt: skip
