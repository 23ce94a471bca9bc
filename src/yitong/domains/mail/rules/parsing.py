"""A mail's octets as what they say (RFC 5322, 2045-2047, 2231): head, text, attachments. Nothing that a sender writes raises."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from email.utils import collapse_rfc2231_value

from yitong.domains.mail.model import INLINE_BYTES, Address, Attachment, Body, Head
from yitong.domains.mail.rules import html
from yitong.domains.mail.rules.charsets import addresses, decoded, header_text
from yitong.domains.mail.rules.kinds import failed_message, kind_of
from yitong.domains.mail.rules.threads import token_in

PARTS = 200
"""So many parts of a mail are looked at."""
LONGEST_TEXT = 400_000
_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")
_NOBODY = Address(address="")


def parse(octets: bytes) -> Message:
    """The message."""
    return BytesParser().parsebytes(octets)


def head_of(octets: bytes, ours: frozenset[str]) -> Head:
    """What the mail says of itself. ``ours``: our own addresses, in lower case."""
    message = parse(octets)
    sender = next(iter(addresses(_raw(message, "From"))), _NOBODY)
    ids = _ID.findall(str(message.get("Message-ID", "")))
    references = _ID.findall(" ".join(str(value) for value in message.get_all("References", [])))
    subject = header_text(next(iter(_raw(message, "Subject")), ""))[:500]
    return Head(
        message_id=ids[0] if ids else f"<{hashlib.sha256(octets).hexdigest()}@missing.invalid>",
        in_reply_to=next(iter(_ID.findall(str(message.get("In-Reply-To", "")))), ""), references=tuple(references[-50:]), subject=subject,
        sender=sender, reply_to=next(iter(addresses(_raw(message, "Reply-To"))), sender),
        to=addresses(_raw(message, "To"))[:50], cc=addresses(_raw(message, "Cc"))[:50],
        kind=kind_of(message, sender.address, ours), token=token_in(subject), failed=failed_message(message),
        attachments=tuple(_attachments(message)),
    )  # fmt: skip


def _raw(message: Message, name: str) -> list[str]:
    """The values of a header as they came: octets that are no ASCII are still in them (as surrogates)."""
    return [value for key, value in message.raw_items() if key.lower() == name.lower()]


def leaves(message: Message) -> list[Message]:
    """The parts that hold something, in their order; a mail within a mail is one."""
    return list(_leaves(message))[:PARTS]


def _leaves(message: Message, depth: int = 0) -> Iterator[Message]:
    if message.get_content_maintype() == "multipart" and message.is_multipart() and depth < 20:
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _leaves(part, depth + 1)
    else:
        yield message


def content_of(part: Message) -> bytes:
    """The octets of a leaf."""
    if part.is_multipart():
        inner = part.get_payload(0)
        return inner.as_bytes() if isinstance(inner, Message) else b""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, AssertionError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def name_of(part: Message, place: int) -> str:
    """A file name without any folder in it; one is made up where there is none."""
    try:
        given = part.get_filename()
    except (ValueError, LookupError, UnicodeError):
        given = None
    name = header_text(collapse_rfc2231_value(given)) if given else ""
    name = re.sub(r"[\x00-\x1f\x7f/\\:*?\"<>|\u202a-\u202e\u2066-\u2069]", "_", name).strip(". ")[:120]
    kind = part.get_content_type()
    return name or (f"{place}.eml" if kind == "message/rfc822" else f"{place}.{kind.rpartition('/')[2][:8]}")


def type_of(part: Message) -> str:
    """The media type, as far as it is one."""
    said = part.get_content_type()
    return said if _TYPE.fullmatch(said) else "application/octet-stream"


def _content_id(part: Message) -> str:
    said = str(part.get("Content-ID", "")).strip(" <>")[:200]
    return said if said.isascii() and said.isprintable() else ""


def _is_text(part: Message) -> bool:
    disposition = (part.get_content_disposition() or "").lower()
    return part.get_content_type() in ("text/plain", "text/html") and disposition != "attachment" and not part.get_param("name")


def _attachments(message: Message) -> Iterator[Attachment]:
    for place, part in enumerate(leaves(message)):
        if not _is_text(part):
            yield Attachment(
                part=place, name=name_of(part, place), type=type_of(part), bytes=len(content_of(part)), content_id=_content_id(part)
            )  # fmt: skip


def attachment(octets: bytes, place: int) -> tuple[str, str, bytes] | None:
    """Name, type and content of an attachment; None when there is no such."""
    parts = leaves(parse(octets))
    if not 0 <= place < len(parts) or _is_text(parts[place]):
        return None
    return name_of(parts[place], place), type_of(parts[place]), content_of(parts[place])


def body_of(octets: bytes) -> Body:
    """What there is to read. The first text of each form; of a mail that has HTML only, its words."""
    message = parse(octets)
    parts = leaves(message)
    plain = _first(parts, "text/plain")
    written = _first(parts, "text/html")
    pictures = {name: part for part in parts if (name := _content_id(part))}

    def picture(name: str) -> tuple[str, bytes] | None:
        part = pictures.get(name)
        content = content_of(part) if part is not None else b""
        return (type_of(part), content) if part is not None and len(content) <= INLINE_BYTES else None

    shown = html.cleaned(written, picture) if written.strip() else ""
    return Body(text=(plain if plain.strip() else html.words(written))[:LONGEST_TEXT], html=shown[: 4 * INLINE_BYTES])


def _first(parts: list[Message], kind: str) -> str:
    for part in parts:
        if part.get_content_type() == kind and _is_text(part):
            return decoded(content_of(part), part.get_content_charset() or "").replace("\r\n", "\n")
    return ""
