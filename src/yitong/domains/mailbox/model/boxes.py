"""The mailboxes of a tenant, found by code, by the number that opens them, or by the number of ours that was called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

KEEP_DAYS = 90


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """A mailbox (config kind ``mailbox``). ``owners``: agents; ``queue``: whoever serves it may open the mailbox too.

    ``number`` opens it by telephone, with ``pin`` (sealed, ``kit/pins.py``; empty: it cannot be opened so); ``numbers`` are called numbers
    of ours whose flow leaves messages without naming a mailbox. ``greeting`` is a prompt's code. ``notify_number`` gets notices by text
    message in ``notify_hours`` (none: always), every ``notify_minutes`` (0: once), ``notify_times`` at most.
    """

    id: str
    code: str
    name: dict[str, str] = {}
    site: str = ""
    number: str = ""
    owners: tuple[str, ...] = ()
    queue: str = ""
    numbers: tuple[str, ...] = ()
    greeting: str = ""
    longest_seconds: int = 120
    shortest_seconds: int = 1
    silence_seconds: int = 4
    pin: str = ""
    email: str = ""
    keep_days: int = KEEP_DAYS
    notify_number: str = ""
    notify_hours: tuple[dict[str, Any], ...] = ()
    notify_minutes: int = 0
    notify_times: int = 3


class Boxes:
    """What is published for one site."""

    def __init__(self, site: str = "") -> None:
        self._site = site
        self._all: dict[str, Mailbox] = {}

    def __iter__(self) -> Iterator[Mailbox]:
        return iter(self._all.values())

    def configure(self, key: str, value: Mapping[str, Any] | None) -> None:
        """A mailbox came, changed or went (None)."""
        self._all.pop(key, None)
        if value is not None and value.get("site") in (None, "", self._site):
            self._all[key] = msgspec.convert(value, Mailbox)

    def get(self, key: str) -> Mailbox | None:
        return self._all.get(key)

    def coded(self, code: str) -> Mailbox | None:
        return next((box for box in self if box.code == code), None)

    def numbered(self, number: str) -> Mailbox | None:
        """The one that ``number`` opens."""
        return next((box for box in self if number and box.number == number), None)

    def of_called(self, number: str) -> Mailbox | None:
        """The one of a number of ours."""
        return next((box for box in self if number in box.numbers), None)
