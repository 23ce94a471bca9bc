"""The last moments of a switch that leaves so that another takes its place: who has called is answered, who calls only now is not heard.

He calls again by himself (RFC 3261 §17.1.1.2), and the next switch takes him.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from yitong.kit.clock import Clock
from yitong.sip.core import Flow

_IN_DIALOG = re.compile(rb"\r\n(?:To|t)[ \t]*:[^\r]*;[ \t]*tag=", re.IGNORECASE)
"""An INVITE that has a tag in To belongs to a call (RFC 3261 §12)."""


class Hush:
    """``on`` from the moment on when the switch is about to leave."""

    def __init__(self) -> None:
        self.on = False

    def drops(self, data: bytes, flow: Flow) -> bool:
        """Whether what came is left for the next switch: a new call by datagram."""
        return self.on and flow.transport == "udp" and data.startswith(b"INVITE ") and not _IN_DIALOG.search(data)

    async def settle(self, clock: Clock, seconds: float, waiting: Callable[[], bool]) -> None:
        """Hear no new call; return when nobody waits for his answer any more, at the latest after ``seconds``."""
        end, self.on = clock.monotonic() + seconds, True
        while clock.monotonic() < end and waiting():
            await clock.sleep(0.02)
