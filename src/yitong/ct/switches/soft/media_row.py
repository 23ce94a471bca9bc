"""One port of a worker as its control side sees it; the audio side is row ``index`` of the plane."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from yitong.ct.switches.soft.media_leg import SecureLeg
from yitong.ct.switches.soft.media_messages import MediaMessage, PortOpened, SetRemote
from yitong.ct.switches.soft.media_srtp import Srtp
from yitong.media.collect import Collector, TypeAhead
from yitong.media.keys import Presses
from yitong.media.source import SourceLock


@dataclass(eq=False)
class Row:
    """Sockets, remote side and running services of a port. ``leg`` is set for a browser; a conference has no sockets."""

    index: int
    port: str
    label: str
    opened: PortOpened
    rtp: socket.socket | None = None
    rtcp: socket.socket | None = None
    outside: socket.socket | None = None
    leg: SecureLeg | None = None
    srtp: Srtp | None = None
    """Keys by SDES; ``leg`` has its own."""
    remote: SetRemote | None = None
    lock: SourceLock = field(default_factory=SourceLock)
    ahead: TypeAhead = field(default_factory=TypeAhead)
    presses: Presses = field(default_factory=Presses)
    collector: Collector | None = None
    discard: bool = False
    image: bool = False
    """The remote side is T.38."""
    taking: MediaMessage | None = None
    judged: bool = False
    """It is listened to for who speaks."""
    tag_id: str = ""
    playing_tag: str = ""
    since: int = 0
    strangers: int = 0
    malformed: int = 0
    connected: bool = False
    lost: bool = False
    eased: bool = False
    """Of what it sends, only one audio packet in eight is read: nobody listens."""
    unheard_looks: int = 0
    irregular: bool = False
    """It fell silent while eased: it is not eased again."""
    report_at: int = 0
    last_report: int = 0
    last_report_step: int = 0
    round_trip_ms: float = 0.0
