"""Who hears whom: every party speaks in a tone of its own; what each hears is measured (real switch) or read (simulated)."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.switches.rigs import SimFar, SimPhone
from tests.switches.soft_rig import SoftFar, SoftPhone

from yitong.media import g711

TONES = {"customer": 400, "agent": 700, "expert": 1100, "supervisor": 1300, "second": 1700, "colleague": 1900}
"""Hertz, multiples of 50, so that a frame of 20 ms goes on into the next; 500 Hz and its odd multiples are the music's."""
MUSIC_TONE = 500
RINGBACK_TONE = 450
FRAMES = 12
Party = Any


class Ears:
    """The parties of a test by name."""

    def __init__(self, rig: Any, **parties: Party) -> None:
        self._rig = rig
        self._parties: dict[str, Party] = {}
        for name, party in parties.items():
            self.add(name, party)

    def add(self, name: str, party: Party) -> None:
        """Let a party speak."""
        self._parties[name] = party
        if isinstance(party, SoftFar | SoftPhone):
            samples = 6000 * np.sin(2 * np.pi * TONES[name] * np.arange(160) / 8000)
            party.agent.rtp.frame = g711.encode(samples.astype(np.int16)[None], np.array([g711.law_index(8)], dtype=np.uint8)).tobytes()

    async def hear(self, **expected: str) -> None:
        """Wait until each named party hears exactly the others named (``agent="customer expert"``; ``music``; empty: nobody)."""
        wanted = {name: set(heard.split()) for name, heard in expected.items()}
        await self._rig.true(lambda: {name: self._heard_by(name) for name in wanted} == wanted)
        await self._rig.settle(0.1)
        heard = {name: self._heard_by(name) for name in wanted}
        assert heard == wanted, f"{heard} instead of {wanted}"

    def _heard_by(self, name: str) -> set[str]:
        party = self._parties[name]
        if isinstance(party, SimFar | SimPhone):
            return self._simulated(party)
        return self._measured(party)

    def _simulated(self, party: Any) -> set[str]:
        ports = self._rig.switch.audio.ports
        names = {other.connection if isinstance(other, SimFar) else other._connection: name for name, other in self._parties.items()}
        connection = party.connection if isinstance(party, SimFar) else party._connection
        port = ports.get(connection)
        if port is None:
            return set()
        heard = {names[source] for source in port.hears if source in ports}
        music = port.tag.startswith("music:") and port.prompts and not port.prompts[0].file.startswith("tone:")
        return heard | {"music"} if music else heard

    async def ringback(self, name: str) -> None:
        """Wait until a party hears that it rings elsewhere (one second in five, so it is no part of ``hear``)."""
        party = self._parties[name]
        if isinstance(party, SimFar | SimPhone):
            connection = party.connection if isinstance(party, SimFar) else party._connection
            await self._rig.true(lambda: [one.file for one in self._rig.switch.audio.ports[connection].prompts] == ["tone:ringback"])
        else:
            await self._rig.true(lambda: self._strength(party, {"ringback": RINGBACK_TONE}).get("ringback", 0) > 60)

    def _measured(self, party: Any) -> set[str]:
        near = self._strength(party, {**TONES, "music": MUSIC_TONE})
        return {name for name, strength in near.items() if strength > 60} if near else {"too little"}

    @staticmethod
    def _strength(party: Any, tones: dict[str, int]) -> dict[str, float]:
        """How much of each tone a party heard last; empty when it heard too little."""
        frames = party.agent.rtp.heard[-FRAMES:]
        if len(frames) < FRAMES:
            return {}
        octets = np.frombuffer(b"".join(frames), dtype=np.uint8)[None]
        codec = np.array([g711.law_index(party.agent.rtp.codec)], dtype=np.uint8)
        samples = g711.decode(octets, codec)[0].astype(np.float64)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) / len(samples)
        hertz = np.fft.rfftfreq(len(samples), 1 / 8000)
        return {name: float(spectrum[np.abs(hertz - tone) < 15].max()) for name, tone in tones.items()}
