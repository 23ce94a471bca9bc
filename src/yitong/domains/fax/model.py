"""The documents of a tenant that may be faxed, by code; faxes that run; a sending, its lines and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Documents:
    """What is published; the file of each is named below the home's faxes folder."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        self._files: dict[str, str] = {}

    def configure(self, key: str, value: Mapping[str, Any] | None) -> None:
        """A document came, changed or went (None)."""
        self._files.pop(self._codes.pop(key, ""), None)
        if value is not None:
            self._codes[key] = str(value["code"])
            self._files[str(value["code"])] = str(value["file"])

    def file(self, code: str) -> str:
        """The document's file, or empty."""
        return self._files.get(code, "")


class Running(msgspec.Struct, kw_only=True):
    """A fax whose end was not told yet. ``dialled``: we call the number for it; ``shown``: our number on it."""

    fax: str
    contact: str
    connection: str
    file: str
    sent: bool
    began_at: int
    dialled: bool = False
    answered: bool = False
    ring_until: int = 0
    shown: str = ""


class FaxState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps."""

    running: dict[str, Running] = {}
    ended: dict[str, int] = {}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a list of numbers, as it was given. ``fault``: why it is not called, empty when it is."""

    line: int
    given: str
    number: str = ""
    name: str = ""
    fault: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A number that is called now for a sending; ``name``: of the sending."""

    tenant: str
    site: str
    sending: str
    recipient: str
    attempt: str
    number: str
    file: str
    station: str
    name: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that is over: its outcome, how many count with it, how many did not; what its sending allows."""

    recipient: str
    outcome: str
    tries: int
    misses: int
    allowed: int
    spacing_seconds: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What follows for a recipient: sent, failed, or waiting for ``seconds``. ``counts``: the attempt is one of those allowed."""

    state: str
    seconds: int = 0
    counts: bool = True


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """A sending as far as the decision goes who is called next. ``zone``: of its site."""

    tenant: str
    id: str
    site: str
    state: str
    lines: int
    hours: list[dict[str, Any]]
    zone: str
