"""Which mails are one conversation: by the ids that mail programs write (RFC 5322 §3.6.4), else by our token in the subject."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\[#([0-9A-Z]{10})\]")
_REPLY = re.compile(r"^\s*((re|aw|sv|回复|答复|回覆)\s*(\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def token_of(thread: str) -> str:
    """The token of a conversation, out of what is random in its id (UUIDv7: the last 62 bits)."""
    number = int(thread.replace("-", ""), 16) & ((1 << 50) - 1)
    return "".join(_LETTERS[number >> shift & 31] for shift in range(45, -5, -5))


def token_in(subject: str) -> str:
    """Our token in a subject, or nothing."""
    found = _TOKEN.search(subject)
    return found.group(1) if found is not None else ""


def answer_subject(subject: str, token: str) -> str:
    """The subject of an answer: one "Re:", and the token once."""
    bare = _REPLY.sub("", _TOKEN.sub("", subject)).strip()
    return f"Re: {' '.join(bare.split())} [#{token}]".replace("Re:  ", "Re: ")
