"""Keys in INFO (RFC 6086 §1 calls them legacy use): ``application/dtmf-relay`` and ``application/dtmf``, as telephones send them."""

from __future__ import annotations

import re

ACCEPTED = ("application/dtmf-relay", "application/dtmf")
_KEYS = "0123456789*#ABCD"
_SIGNAL = re.compile(rb"(?im)^[ \t]*signal[ \t]*=[ \t]*([0-9A-Da-d*#]{1,2})[ \t]*\r?$")
_BARE = re.compile(rb"[ \t\r\n]*([0-9A-Da-d*#]{1,2})[ \t\r\n]*")


def key_of(content_type: str, body: bytes) -> str:
    """The key that an INFO tells; empty when it tells none. 10 to 15 stand for ``*#ABCD`` (the codes of RFC 4733)."""
    if content_type not in ACCEPTED or len(body) > 512:
        return ""
    match = _SIGNAL.search(body)
    if match is None and content_type == "application/dtmf":
        match = _BARE.fullmatch(body)
    if match is None:
        return ""
    text = match[1].decode("ascii").upper()
    if len(text) == 1:
        return text
    return _KEYS[int(text)] if text.isdigit() and int(text) < len(_KEYS) else ""
