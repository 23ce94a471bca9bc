"""An answer as a mail (RFC 5322), and what the answered one said, as a quotation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

import msgspec

from yitong.domains.mail.model import Address
from yitong.domains.mail.rules.kinds import LOOP_HEADER

QUOTED_LINES = 400


class Enclosed(msgspec.Struct, frozen=True, kw_only=True):
    """A file that goes with a mail."""

    name: str
    type: str
    content: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent. ``references``: ids of the conversation, the answered one last."""

    message_id: str
    sender: Address
    to: Sequence[Address]
    cc: Sequence[Address]
    subject: str
    text: str
    at: datetime
    references: Sequence[str] = ()
    enclosed: Sequence[Enclosed] = ()


def composed(answer: Answer) -> EmailMessage:
    """The mail: plain text in UTF-8, and its attachments."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _written(answer.sender)
    mail["To"] = ", ".join(_written(one) for one in answer.to)
    if answer.cc:
        mail["Cc"] = ", ".join(_written(one) for one in answer.cc)
    mail["Subject"] = " ".join(answer.subject.split())
    mail["Date"] = format_datetime(answer.at)
    mail["Message-ID"] = answer.message_id
    if answer.references:
        mail["In-Reply-To"] = answer.references[-1]
        mail["References"] = " ".join(answer.references[-20:])
    mail[LOOP_HEADER] = "1"
    mail.set_content(answer.text.replace("\r\n", "\n"), cte="base64" if not answer.text.isascii() else "quoted-printable")
    for one in answer.enclosed:
        main, _, sub = one.type.partition("/")
        main, sub = (main, sub) if main and sub and main not in ("multipart", "message", "text") else ("application", "octet-stream")
        mail.add_attachment(one.content, maintype=main, subtype=sub, filename=one.name)
    return mail


def _written(one: Address) -> str:
    return formataddr((one.name, one.address))


def quoted(text: str, sender: Address, at: datetime, language: str) -> str:
    """What is answered, each line behind "> "."""
    who = f"{sender.name} <{sender.address}>" if sender.name else sender.address
    when = at.strftime("%Y-%m-%d %H:%M")
    first = f"{when}，{who} 写道：" if language == "zh-CN" else f"On {when}, {who} wrote:"
    lines = text.strip().splitlines()[:QUOTED_LINES]
    return "\n".join([first, *(f"> {line}".rstrip() for line in lines)])
