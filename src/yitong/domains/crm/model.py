"""A customer's card."""

from __future__ import annotations

import msgspec


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A card. ``klass`` is "class" in the API; ``numbers`` in E.164, the first is shown; ``addresses`` of mail, in lower case."""

    id: str
    version: int
    name: str = ""
    region: str = ""
    klass: str = msgspec.field(default="", name="class")
    language: str = ""
    note: str = ""
    numbers: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
