"""How a soft switch is set up."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from yitong.ct.switching.board import Options
from yitong.sip.core import Terms
from yitong.sip.states import Timings


@dataclass(frozen=True, kw_only=True)
class SoftOptions:
    """Where the switch listens and what it calls itself. Ports 0: any free one; ``ws_port`` None: no WebSocket."""

    home: Path
    bind: str = "127.0.0.1"
    address: str = ""
    sip_port: int = 5060
    ws_port: int | None = 8089
    tls: ssl.SSLContext | None = None
    origins: frozenset[str] = frozenset()
    media_sockets: tuple[Path, ...] = ()
    silent_seconds: float = 30.0
    timings: Timings = field(default_factory=Timings)
    session: Terms = field(default_factory=Terms)
    switching: Options = field(default_factory=Options)
    name: str = "soft"
    dns_servers: tuple[tuple[str, int], ...] = ()
    """Whom to ask for trunks' addresses; empty: the system's servers."""
    open_password: Callable[[str, str], str] = lambda tenant, kept: kept
    """A trunk's password as it was before it was sealed. Raises KeyMissing, Damaged."""
