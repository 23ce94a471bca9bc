"""Transfers as telephones ask for them: REFER (RFC 3515, 4488, 5589), Replaces (RFC 3891), and how they went (``message/sipfrag``)."""

from __future__ import annotations

import msgspec

from yitong.sip.grammar import ParseError, parse_params
from yitong.sip.headers import Address
from yitong.sip.message import Message, Request
from yitong.sip.names import REASONS
from yitong.sip.uri import Uri, unescape

FRAGMENT = "message/sipfrag;version=2.0"


class Replaced(msgspec.Struct, frozen=True):
    """The dialog that is to be replaced, as its recipient sees it: ``to_tag`` is the recipient's own."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False


class Referral(msgspec.Struct, frozen=True):
    """Whom somebody shall call instead. ``notifies`` is false when the asker wants to hear no more of it (RFC 4488)."""

    uri: Uri
    replaced: Replaced | None
    notifies: bool


def replaced(value: str) -> Replaced:
    """A Replaces value (RFC 3891 §6.1). Raises ``ParseError``."""
    call_id, semicolon, rest = value.partition(";")
    params = parse_params(semicolon + rest)
    to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
    if not call_id.strip() or not to_tag or not from_tag:
        raise ParseError("wrong Replaces")
    return Replaced(call_id.strip(), to_tag, from_tag, "early-only" in params)


def replaces_of(message: Message) -> Replaced | None:
    """The dialog that an INVITE replaces; None for a plain one. Raises ``ParseError``: two of them are an error (RFC 3891 §3)."""
    values = message.elements("Replaces")
    if len(values) > 1:
        raise ParseError("Replaces twice")
    return replaced(values[0]) if values else None


def referral(request: Request) -> Referral:
    """What a REFER asks for. Raises ``ParseError``: not exactly one Refer-To (RFC 3515 §2.4.2), or not for a call."""
    values = request.elements("Refer-To")
    if len(values) != 1:
        raise ParseError("not one Refer-To")
    uri = Address.parse(values[0]).uri
    if uri.scheme not in ("sip", "sips", "tel"):
        raise ParseError("scheme of Refer-To", 416)
    if (uri.params.get("method") or "INVITE").upper() != "INVITE":
        raise ParseError("Refer-To asks for no call", 603)
    return Referral(uri, _replaces_in(uri), (request.get("Refer-Sub") or "").strip().lower() != "false")


def _replaces_in(uri: Uri) -> Replaced | None:
    """Replaces among the headers of a URI (RFC 3261 §19.1.1)."""
    for part in uri.text.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if unescape(name).lower() == "replaces":
            return replaced(unescape(value))
    return None


def fragment(status: int) -> bytes:
    """How the call went, as a body."""
    return f"SIP/2.0 {status} {REASONS.get(status, 'Unknown')}\r\n".encode()
