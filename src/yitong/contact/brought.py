"""What a call brings along from another site of ours: who gave it, whose it is, what was known there. Personal, but for the contact."""

from __future__ import annotations

import re
from typing import Any

import msgspec

LONGEST = 200
"""Characters of a value; whatever a site tells is cut to it."""
MOST_VALUES = 20
MAXIMUM = 3_000
"""Octets of all of it: it travels in one header of an INVITE."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Name = dict[str, str] | str
"""Per language, or plain."""


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that a flow or an agent attached to the contact; a secret one has none."""

    name: str
    label: Name = ""
    value: str = ""
    secret: bool = False


class Brought(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``contact``: its id there; ``called``: the number that the customer called there; ``agent``: who gave it."""

    contact: str
    site: Name = ""
    extension: str = ""
    agent: Name = ""
    queue: Name = ""
    called: str = ""
    customer: str = ""
    customer_class: str = ""
    customer_note: str = ""
    data: tuple[Value, ...] = ()


def written(brought: Brought) -> str:
    """As it travels; what does not fit is left out from the end: values first, then the note."""
    while len(text := msgspec.json.encode(_cut(brought))) > MAXIMUM and brought.data:
        brought = msgspec.structs.replace(brought, data=brought.data[:-1])
    if len(text) > MAXIMUM:
        text = msgspec.json.encode(Brought(contact=brought.contact))
    return text.decode()


def read(text: str) -> Brought | None:
    """What came; None for anything else. The contact's id, the only part that gets into the ledger, is an id and nothing else."""
    try:
        brought = msgspec.json.decode(text, type=Brought)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return _cut(brought) if _ID.fullmatch(brought.contact) else None


def _cut(brought: Brought) -> Brought:
    data = tuple(
        msgspec.structs.replace(one, name=one.name[:LONGEST], label=_short(one.label), value=one.value[:LONGEST])
        for one in brought.data[:MOST_VALUES]
    )  # fmt: skip
    texts: dict[str, Any] = {
        name: _short(getattr(brought, name))
        for name in ("site", "extension", "agent", "queue", "called", "customer", "customer_class", "customer_note")
    }
    return msgspec.structs.replace(brought, data=data, **texts)


def _short(name: Name) -> Name:
    if isinstance(name, str):
        return name[:LONGEST]
    return {language[:10]: text[:LONGEST] for language, text in list(name.items())[:4]}
