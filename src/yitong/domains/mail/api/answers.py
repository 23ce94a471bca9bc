"""Answering a mail from the desk: written, kept, told to core, and put into the queue of what is to be sent, all or nothing."""

from __future__ import annotations

import asyncio
from email.policy import SMTP
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, UploadFile

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.mail.api.seeing import looker_of, noted
from yitong.domains.mail.messages import AnswerMail
from yitong.domains.mail.model import Address, Attachment
from yitong.domains.mail.rules.charsets import addresses
from yitong.domains.mail.rules.composing import Answer, Enclosed, composed
from yitong.domains.mail.rules.threads import answer_subject
from yitong.domains.mail.store import shown as store
from yitong.domains.mail.store.files import FORM, MailsFolder
from yitong.kit.clock import SystemClock, moment
from yitong.kit.database import Database
from yitong.kit.http import Caller, need, part
from yitong.kit.ids import RandomIds

LARGEST_FILES = 20 * 1024 * 1024
MOST_RECIPIENTS = 20
router = APIRouter(tags=["mails"])
_Line = Annotated[str, Form(max_length=2000, pattern=r"^[^\x00\r\n]*$")]


@router.post("/mails", status_code=201)
async def answer_mail(
    assignment: Annotated[UUID, Form()],
    answers: Annotated[UUID, Form()],
    to: _Line,
    text: Annotated[str, Form(min_length=1, max_length=400_000, pattern=r"^[^\x00]*$")],
    subject: _Line = "",
    cc: _Line = "",
    files: Annotated[list[UploadFile], File(max_length=20)] = [],  # noqa: B006 - FastAPI copies it
    caller: Caller = need(store.OWN),
    database: Database = part(Database),
    folder: MailsFolder = part(MailsFolder),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
    core: Core = part(Core),
) -> dict[str, Any]:
    """Answer the mail ``answers`` of the contact on one's desk. It is sent soon after; what became of it stands in the conversation."""
    looker = await looker_of(caller, core)
    enclosed = await _enclosed(files)
    people = _people(to, "to"), _people(cc, "cc")
    if not people[0]:
        raise Refused("mail_recipients")
    now = clock.now()
    id = ids.new(now)
    async with database.transaction() as connection:
        row = await store.one(connection, caller.scope, looker, str(answers))
        account = await store.account(connection, caller.scope, str(row["account_id"])) if row is not None and row["account_id"] else None
        if row is None or account is None or row["direction"] != "in":
            raise Refused("not_found")
        wanted = Answer(
            message_id=f"<{id}@{account['address'].rpartition('@')[2]}>", to=people[0], cc=people[1], text=text, at=moment(now),
            sender=Address(address=account["address"], name=account["sender"]), references=[*row["refs"], row["message_id"]],
            subject=answer_subject(subject or row["subject"], row["token"]), enclosed=enclosed,
        )  # fmt: skip
        file = folder.name(caller.tenant, id, now)
        size = await asyncio.to_thread(_keep, folder, file, wanted)
        contact = await core.obey(
            caller.tenant, caller.site, AnswerMail(actor=caller.user, agent=caller.agent, assignment=str(assignment), answer=id)
        )
        await store.write(connection, caller.scope, {
            "id": id, "site_id": row["site_id"], "account_id": row["account_id"], "contact_id": contact, "thread_id": row["thread_id"],
            "token": row["token"], "message_id": wanted.message_id, "in_reply_to": row["message_id"], "refs": wanted.references,
            "subject": wanted.subject, "from_address": account["address"], "from_name": account["sender"], "recipients": wanted.to,
            "copies": wanted.cc, "attachments": _listed(enclosed), "at": moment(now), "bytes": size, "file": file, "author_id": caller.user,
        })  # fmt: skip
        await noted(connection, caller, clock, "mail.answered", id, contact=str(contact))
    return {"id": id}


async def _enclosed(files: list[UploadFile]) -> tuple[Enclosed, ...]:
    found, size = [], 0
    for file in files:
        content = await file.read(LARGEST_FILES + 1)
        size += len(content)
        if size > LARGEST_FILES:
            raise Refused("body_too_large", limit=LARGEST_FILES)
        name = "".join(letter for letter in (file.filename or "file") if letter.isprintable() and letter not in "/\\\"")[:120]
        found.append(Enclosed(name=name or "file", type=file.content_type or "application/octet-stream", content=content))
    return tuple(found)


def _people(line: str, where: str) -> tuple[Address, ...]:
    """Addresses of a line, separated by commas or semicolons. Raises Refused (mail_recipients)."""
    given = [one.strip() for one in line.replace(";", ",").split(",") if one.strip()]
    found = addresses(list(given))
    if len(found) != len(given) or len(found) > MOST_RECIPIENTS:
        raise Refused("mail_recipients", where=where)
    return found


def _keep(folder: MailsFolder, file: str, answer: Answer) -> int:
    octets = composed(answer).as_bytes(policy=SMTP)
    folder.put(file, octets, FORM)
    return len(octets)


def _listed(enclosed: tuple[Enclosed, ...]) -> list[Attachment]:
    """Part 0 is the text."""
    return [Attachment(part=place, name=one.name, type=one.type[:100], bytes=len(one.content)) for place, one in enumerate(enclosed, 1)]
