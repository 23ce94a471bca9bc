"""Our address as others see it: what the settings say, else that of the interface by which a peer is reached."""

from __future__ import annotations

import socket

from yitong.kit.clock import Clock
from yitong.sip.core import Flow

BELIEVED_SECONDS = 5.0
"""How long the way to a peer is believed to stay: routes change seldom, calls come many times a second."""
MAXIMUM_PEERS = 2_000
_ANY = ("0.0.0.0", "::")


class OwnAddress:
    """Call it with the flow that leads to a peer. ``told``: the configured address, or the one that is listened on."""

    def __init__(self, told: str, clock: Clock) -> None:
        self._told = told
        self._clock = clock
        self._known: dict[str, tuple[float, str]] = {}

    def __call__(self, flow: Flow | None) -> str:
        if self._told not in _ANY or flow is None:
            return self._told
        now, known = self._clock.monotonic(), self._known.get(flow.host)
        if known is not None and now < known[0]:
            return known[1]
        if len(self._known) >= MAXIMUM_PEERS:
            self._known.clear()
        found = self._towards(flow)
        self._known[flow.host] = now + BELIEVED_SECONDS, found
        return found

    def _towards(self, flow: Flow) -> str:
        family = socket.AF_INET6 if ":" in flow.host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((flow.host, flow.port or 5060))  # sends nothing: the kernel looks up its route
                return str(probe.getsockname()[0])
        except OSError:  # no route; no descriptor
            return self._told
