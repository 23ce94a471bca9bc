"""A message as e-mail: who left it, when, how long it is, and the sound attached. The port to whatever delivers it."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

import msgspec


class Mailer(Protocol):
    """Delivers mails."""

    sender: str

    async def send(self, message: EmailMessage) -> None:
        """Hand the mail over. Raises Undeliverable (``kit/smtp.py``)."""
        ...


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail tells. ``left_at`` in the zone of the mailbox's site."""

    id: str
    sender: str
    recipient: str
    mailbox: str
    calling: str
    customer: str
    milliseconds: int
    left_at: datetime
    language: str


_WORDS = {
    "zh": ("语音留言：{who}，{length}（{mailbox}）", "未显示号码", "{who} 于 {at} 在“{mailbox}”留言，时长 {length}。\n录音见附件。\n"),
    "en": ("Voice message from {who}, {length} ({mailbox})", "a withheld number",
           "{who} left a message in “{mailbox}” at {at}; it lasts {length}.\nIt is attached.\n"),
}  # fmt: skip


def composed(told: Told, wav: bytes) -> EmailMessage:
    """The mail. Its Message-ID is the message's own, so that one that comes twice can be told."""
    subject, withheld, body = _WORDS["zh" if told.language.lower().startswith("zh") else "en"]
    who = " ".join(part for part in (told.customer, told.calling) if part) or withheld
    minutes, seconds = divmod(round(told.milliseconds / 1000), 60)
    said = {"who": who, "length": f"{minutes}:{seconds:02}", "mailbox": told.mailbox, "at": f"{told.left_at:%Y-%m-%d %H:%M}"}
    mail = EmailMessage()
    mail["Subject"] = " ".join(subject.format(**said).split())
    mail["From"], mail["To"] = told.sender, told.recipient
    mail["Date"] = format_datetime(told.left_at)
    mail["Message-ID"] = f"<{told.id}@{told.sender.rpartition('@')[2] or 'localhost'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(body.format(**said))
    mail.add_attachment(wav, maintype="audio", subtype="wav", filename=f"message-{told.left_at:%Y%m%d-%H%M%S}.wav")
    return mail
