"""Octets as text, by the charset that they are said to have, and by what they look like where that is wrong.

Mail programs say GB2312 of what is GBK or GB18030, and headers come with raw octets of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.header import decode_header
from email.utils import getaddresses

from yitong.domains.mail.model import Address

_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030", "hz": "hz", "big5": "big5hkscs"}
_GUESSES = ("utf-8", "gb18030")
_LONGEST_NAME = 200


def decoded(octets: bytes, charset: str) -> str:
    """The text; octets that fit no charset become U+FFFD. NUL, which PostgreSQL does not take, is left out."""
    said = charset.strip().strip("\"'").lower()
    for name in (_WIDER.get(said, said), *_GUESSES):
        try:
            return octets.decode(name).replace("\x00", "")
        except (LookupError, UnicodeDecodeError):
            continue
    return octets.decode("utf-8", "replace").replace("\x00", "")


def header_text(value: object) -> str:
    """A header's value in one line: encoded words (RFC 2047) and raw octets decoded."""
    raw = str(value or "")
    try:
        pieces = decode_header(raw)
    except (ValueError, TypeError):  # encoded words that are none
        pieces = [(raw, None)]
    text = "".join(_piece(octets, charset) for octets, charset in pieces)
    return " ".join(text.split())


def _piece(piece: bytes | str, charset: str | None) -> str:
    octets = piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogateescape")
    return decoded(octets, "" if charset in (None, "unknown-8bit") else str(charset))


def addresses(values: Sequence[object]) -> tuple[Address, ...]:
    """Who stands in address headers (RFC 5322 §3.4); what is no address is left out."""
    found = getaddresses([str(value).replace("\r", "").replace("\n", " ") for value in values])
    return tuple(
        Address(address=address.strip()[:254], name=header_text(name)[:_LONGEST_NAME])
        for name, address in found if "@" in address.strip("@") and address.isascii() and address.isprintable() and " " not in address
    )  # fmt: skip
