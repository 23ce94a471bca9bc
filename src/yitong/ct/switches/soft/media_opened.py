"""Messages about rows that are opened, with what every answer carries."""

from __future__ import annotations

import msgspec

from yitong.ct.switches.soft.media_judging import Request


class OpenPort(Request, frozen=True, tag=True):
    """Make an RTP row. ``secure``: for a browser (ICE-lite, DTLS-SRTP, rtcp-mux). Answered by ``PortOpened``. ``label`` is for the
    operator (tenant, call).

    ``bus``: no RTP, a conference instead: link members as its sources and the bus as theirs; each hears all but himself. The same port
    opened twice is answered with the same ``PortOpened``. ``pair``: the RTP port of a stocked pair, which the row gets.
    """

    secure: bool = False
    label: str = ""
    bus: bool = False
    pair: int = 0


class KeepStock(Request, frozen=True, tag=True):
    """Keep so many pairs of ports bound ahead of the calls that will need them: whoever sends an offer or an answer then need not wait for
    the worker. Answered by ``Stocked``."""

    count: int


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What every answer carries."""

    id: int


class Done(Reply, frozen=True, tag=True):
    """The request was carried out."""


class Refusal(Reply, frozen=True, tag=True):
    """It was not: overloaded, no_ports, no_such_port, bad_request, no_such_file, ..."""

    reason: str


class PortOpened(Reply, frozen=True, tag=True):
    """The row's own side, for our SDP. ``addresses``: where a browser may reach it (host candidates)."""

    port: str
    rtp_port: int
    rtcp_port: int
    ssrc: int
    addresses: tuple[str, ...] = ()
    fingerprint: str = ""
    ufrag: str = ""
    password: str = ""


class Pair(msgspec.Struct, frozen=True):
    """Two bound ports (RTP, and RTCP above it) with the SSRC that their row will have."""

    rtp_port: int
    ssrc: int


class Stocked(Reply, frozen=True, tag=True):
    """All pairs that are in stock now; fewer than asked for where the worker is at a limit."""

    pairs: tuple[Pair, ...]
