"""A text message on its way: what is handed to a message centre, and what came of each of its parts.

States of a message: waiting, submitting (handed over, not answered yet), accepted (the centre has it), delivered, failed, expired,
cancelled, uncertain (handed over, and nobody will ever tell whether it was taken: only a person sends it again).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

import msgspec

Outcome = Literal["accepted", "refused", "later", "throttled", "unsent", "unknown"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How a message centre is reached (SMPP 3.4). ``password`` is opened; ``window``: so many may be unanswered at a time.

    TON and NPI as in SMPP 5.2.5 and 5.2.6. ``alphabet``: ``auto`` says GSM 03.38 where that suffices; ``ucs2`` never.
    """

    tenant: str
    id: str
    version: int
    code: str
    host: str
    port: int
    tls: bool
    tls_ca: str
    system_id: str
    password: str
    system_type: str
    source: str
    source_ton: int
    source_npi: int
    dest_ton: int
    dest_npi: int
    alphabet: str
    per_second: int
    window: int
    order: int

    def __repr__(self) -> str:
        """Without the password: it must not get into a log."""
        return f"Line({self.code}, {self.host}:{self.port})"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One short message: a whole text, or a segment of one with its header. ``encoding`` as the adapter names it."""

    recipient: str
    octets: bytes
    encoding: str
    segmented: bool
    lasting_seconds: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a part. ``id``: the centre's; ``reason``: its word for a refusal.

    ``unsent``: it never left us. ``unknown``: it did, and the connection ended or nobody answered. ``later``: refused for now.
    """

    outcome: Outcome
    id: str = ""
    reason: str = ""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the centre tells later about a part that it took. ``state`` in SMPP's words: DELIVRD, UNDELIV, EXPIRED ..."""

    id: str
    state: str
    error: str = ""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is claimed for sending at ``submitted_at``, which names the try.

    ``accepted``: the places of parts that the centre has already."""

    tenant: str
    id: str
    recipient: str
    body: str
    reference: int
    tries: int
    lasting_seconds: int
    submitted_at: int
    accepted: tuple[int, ...] = ()


class NotBound(Exception):
    """The centre cannot be reached or does not let us in; the message is a stable code, ``detail`` its own words."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Bound(Protocol):
    """A connection that is up."""

    @property
    def over(self) -> str:
        """Why it ended; empty while it is up."""
        ...

    async def submit(self, part: Part) -> Answer:
        """Hand a part over and wait for the answer; never raises for what happens on the way."""
        ...

    async def close(self) -> None:
        """Say good-bye."""
        ...


class Channel(Protocol):
    """Reaches message centres."""

    def parts(self, body: str, line: Line, recipient: str, reference: int, lasting_seconds: int) -> list[Part]:
        """A text as short messages, in order."""
        ...

    async def bind(self, line: Line, hear: Callable[[Receipt], Awaitable[None]]) -> Bound:
        """Open the connection; ``hear`` keeps a receipt for good before it is acknowledged. Raises NotBound."""
        ...
