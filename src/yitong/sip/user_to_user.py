"""User-to-User information (RFC 7433): what one end of a call tells the other one about it."""

from __future__ import annotations

import binascii

from yitong.sip.grammar import ParseError
from yitong.sip.message import Header, Request

NAME = "User-To-User"
"""As the parser writes names of headers, whose case means nothing."""
MAXIMUM = 3_500
"""Octets: in hexadecimal they must fit into a line."""


def told(text: str, purpose: str) -> Header:
    """The header that carries ``text`` for ``purpose`` (§4.1). Raises ValueError when it is too long."""
    data = text.encode()
    if len(data) > MAXIMUM:
        raise ValueError("too much for a header")
    return NAME, f"{data.hex()};purpose={purpose};encoding=hex"


def heard(request: Request, purpose: str) -> str:
    """What a request carries for ``purpose``; empty without it, and when it cannot be read."""
    try:
        elements = request.elements(NAME)[:5]
    except ParseError:
        return ""
    for element in elements:
        value, *parameters = [part.strip() for part in element.split(";")]
        named = {name.strip().lower(): given.strip() for name, _, given in (one.partition("=") for one in parameters)}
        if named.get("purpose") == purpose and named.get("encoding", "hex").lower() == "hex" and len(value) <= 2 * MAXIMUM:
            return _text(value)
    return ""


def _text(value: str) -> str:
    try:
        return binascii.unhexlify(value).decode()
    except (binascii.Error, ValueError):
        return ""
