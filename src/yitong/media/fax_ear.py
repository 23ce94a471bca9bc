"""What a fax modem hears of an RTP stream: the samples in the sender's own time, never stretched or cut as speech may be.

A jitter buffer that adapts would ruin a modem's signal. Here packets are put in order by their timestamps and given on as soon as they
follow; what does not come within a tenth of a second is told as missing. Silence is made only when nothing came for long, so that the
timers of T.30 run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from yitong.media import g711
from yitong.media.g711 import Samples
from yitong.media.rtp import FRAME, Packet

_PATIENCE = 5
"""Frames of 20 ms that a missing packet is waited for."""
_QUIET = 10
"""Frames without any packet, after which silence is made."""
_FAR = 8_000
"""A jump of timestamps, in samples, that is no gap but another stream."""
_HALF = 1 << 31


class Heard(NamedTuple):
    """A piece of what was heard: samples, or ``missing`` ones that never came."""

    samples: Samples | None
    missing: int = 0


class FaxEar:
    """Packets in by ``put``, one ``tick`` each 20 ms."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._ssrc = -1
        self._waiting: dict[int, Packet] = {}
        self._waited = 0
        self._quiet = 0
        self.lost = 0

    def put(self, packet: Packet) -> list[Heard]:
        """An audio packet came; what can be heard now."""
        self._quiet = 0
        if self._next is None or packet.ssrc != self._ssrc or _FAR < self._ahead(packet.timestamp) < 2 * _HALF - _FAR:
            self._waiting.clear()
            self._next, self._ssrc = packet.timestamp, packet.ssrc
        if packet.payload and self._ahead(packet.timestamp) < _HALF:
            self._waiting[packet.timestamp] = packet
        return self._ready()

    def tick(self) -> list[Heard]:
        """20 ms passed: a missing packet may be given up, a long silence counts as silence."""
        self._quiet += 1
        if self._quiet > _QUIET:
            self._next = None
            return [Heard(np.zeros(FRAME, dtype=np.int16))]
        if not self._waiting:
            self._waited = 0
            return []
        self._waited += 1
        if self._waited <= _PATIENCE:
            return []
        self._waited = 0
        first = min(self._waiting, key=self._ahead)
        missing = self._ahead(first)
        self.lost += missing
        self._next = first
        return [Heard(None, missing), *self._ready()]

    def _ahead(self, timestamp: int) -> int:
        return (timestamp - (self._next or 0)) & 0xFFFFFFFF

    def _ready(self) -> list[Heard]:
        out: list[Heard] = []
        while self._next is not None and (packet := self._waiting.pop(self._next, None)) is not None:
            octets = np.frombuffer(packet.payload, dtype=np.uint8)
            law = np.array([g711.law_index(packet.payload_type)], dtype=np.uint8)
            out.append(Heard(g711.decode(octets[None, :], law).reshape(-1)))
            self._next = (self._next + len(octets)) & 0xFFFFFFFF
            self._waited = 0
        return out
