"""A trunk as it is published: from where it calls us, and how it is called (docs/interfaces.md, kind ``trunk``)."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from yitong.ct.numbering import Rewrite, fits

SEALED_PASSWORD = "trunk.password"
"""What a trunk's password is sealed for (``kit/sealed_text.py``)."""


class CallerId(StrEnum):
    """Which number the called person is shown. ``GIVEN``: what the call says; ``OWN``: that only when it is a number of ours, else the
    trunk's; ``FIXED``: the trunk's; ``WITHHELD``: none (RFC 3323), the trunk's is told to the operator alone (RFC 3325)."""

    GIVEN = "given"
    OWN = "own"
    FIXED = "fixed"
    WITHHELD = "withheld"


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that begin like ``prefix`` (all: empty) cost ``price`` a minute, in the tenant's currency; None: not known."""

    prefix: str = ""
    price: Decimal | None = None


class Distant(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of another site of ours, by pattern (``ct/numbering.py``); one of a person has his name."""

    number: str
    name: str = ""


class TrunkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A line to the public network.

    ``addresses``: where it calls from (empty: from ``host``); ``numbers``: the only ones of ours that it may call (none named: any that it
    carries). ``host`` empty: it is not called. ``channels`` 0: any number of calls. ``link``: it leads to another site of ours, to the
    numbers ``distant`` alone, and each side proves itself by ``username`` and ``password``.
    """

    code: str
    site: str | None = None
    addresses: list[str] | None = None
    numbers: list[str] | None = None
    enabled: bool = True
    host: str = ""
    port: int = 5060
    """0: where SRV records of the host say (RFC 3263)."""
    transport: str = "udp"
    tls_ca: str = ""
    """Who vouches for the host's certificate (PEM); empty: whom the system trusts."""
    srtp: bool = False
    """Speech is offered encrypted, with the keys in the description (RFC 4568), and plain speech is not taken."""
    domain: str = ""
    username: str = ""
    auth_user: str = ""
    password: str = ""
    """Sealed as it is published; open in the switch alone."""
    realm: str = ""
    register: bool = False
    register_seconds: int = 300
    order: int = 1
    weight: int = 1
    prefixes: list[Priced] = []
    rewrite_called: list[Rewrite] = []
    rewrite_calling: list[Rewrite] = []
    caller_id: CallerId = CallerId.OWN
    caller_number: str = ""
    channels: int = 0
    codecs: list[str] = []
    link: bool = False
    distant: list[Distant] = []

    def reaches(self, number: str) -> bool:
        """Whether it is a link to a number."""
        return self.link and any(fits(one.number, number) for one in self.distant)

    def __repr__(self) -> str:
        """Never the password."""
        return f"TrunkRecord(code={self.code!r}, host={self.host!r})"
