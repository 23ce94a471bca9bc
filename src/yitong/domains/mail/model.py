"""Values of mails: what an account is, what a mail says of itself, and what a partition remembers."""

from __future__ import annotations

import msgspec

LARGEST_BYTES = 25 * 1024 * 1024
"""Of a larger mail only the head is fetched; the rest stays on the server."""
INLINE_BYTES = 2 * 1024 * 1024
"""Larger pictures are not shown within the text; they can be fetched like any attachment."""


class MailState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps. ``contacts``: of each mail of a live contact, ``mails`` the other way round; ``ended``: of mails whose contact
    is over, with the moment; ``answers``: mails written to a live contact; ``open``: assignments with agent, contact and queue."""

    contacts: dict[str, str] = {}
    mails: dict[str, list[str]] = {}
    ended: dict[str, tuple[str, int]] = {}
    answers: dict[str, list[str]] = {}
    open: dict[str, tuple[str, str, str]] = {}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A configured address. Passwords are sealed (``kit/sealed_text.py``); ``security``: tls, starttls, none."""

    tenant: str
    id: str
    version: int
    site: str
    queue: str
    address: str
    sender: str
    enabled: bool
    imap_host: str
    imap_port: int
    imap_security: str
    imap_username: str
    imap_password: str
    folder: str
    done_folder: str
    smtp_host: str
    smtp_port: int
    smtp_security: str
    smtp_username: str
    smtp_password: str
    tls_ca: str
    flood_per_hour: int


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in From, To or Cc."""

    address: str
    name: str = ""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A part that can be fetched. ``part``: its place among the parts of the mail; ``content_id``: how the text refers to it, or empty."""

    part: int
    name: str
    type: str
    bytes: int
    content_id: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail says of itself. ``kind``: person, or why nobody need see it (auto_reply, bulk, bounce, loop).

    ``failed``: the Message-ID of ours that a bounce is about; ``token``: ours in the subject, or empty.
    """

    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    subject: str
    sender: Address
    reply_to: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    kind: str
    token: str = ""
    failed: str = ""
    attachments: tuple[Attachment, ...] = ()


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to read: ``text``, and ``html`` as it may be shown (empty: the mail has none)."""

    text: str
    html: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far an account's folder was read (RFC 3501 §2.3.1.1): mails of ``validity`` up to ``uid`` are kept here."""

    validity: int = 0
    uid: int = 0
