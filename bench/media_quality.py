"""Speech on bad paths: what the jitter buffer makes of loss and jitter, over real sockets or on the plane alone in virtual time.

    python -m bench.media_quality [--seconds 20] [--sockets]

A marked packet every 20 ms goes to a row; the row that hears it sends it on. Jitter is even between 0 and the figure, packets overtake each
other. Delay is from sending to the same mark's leaving, loss what the hearer got no mark of (G.107 for both, with 20 ms of packet time).
"""

from __future__ import annotations

import argparse
import heapq
import select
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from bench.media_steady import worker

from yitong.ct.switches.soft import media_messages as m
from yitong.media import rtp
from yitong.media.jitter import STEP_MS
from yitong.media.plane import Plane
from yitong.media.quality import estimate_mos

LOSSES = (0.0, 1.0, 3.0, 5.0)
JITTERS = (0, 20, 50, 100)
SKIP = 100
"""Frames before which the buffer may still be learning."""
_TALKER, _HEARER = 1, 2
_AT = 80
"""Where the mark stands: behind what is cross-faded after a loss."""


@dataclass
class Heard:
    """Milliseconds from sending to leaving, by the number of the packet."""

    sent: int
    came: frozenset[int]
    """The packets that the path did not lose."""
    delays: dict[int, float] = field(default_factory=dict)

    def row(self, what: str, loss: float, jitter: int) -> str:
        """A line of the table."""
        wanted = range(SKIP, self.sent - 20)
        delays = np.array([self.delays[number] for number in wanted if number in self.delays])
        missing = 1 - len(delays) / len(wanted)
        ours = sum(number in self.came and number not in self.delays for number in wanted) / len(wanted)
        p50, p99 = np.percentile(delays, (50, 99))
        return (f"| {what} | {loss:g} | {jitter} | {p50:.0f} / {p99:.0f} | {100 * missing:.1f} | {100 * ours:.1f} "
                f"| {estimate_mos(missing, 20 + p50):.2f} |")  # fmt: skip


def packet(number: int) -> bytes:
    """A packet whose sound says its number."""
    mark = bytes([0x5A, 0xA7]) + number.to_bytes(4, "big")
    return rtp.build(8, number, number * 160, 77, (bytes([0xD5]) * _AT + mark).ljust(rtp.FRAME, b"\xd5"))


def number_of(payload: bytes) -> int | None:
    """The number that a sound says."""
    return int.from_bytes(payload[_AT + 2 : _AT + 6], "big") if payload[_AT : _AT + 2] == b"\x5a\xa7" else None


def path(seconds: float, loss: float, jitter: int) -> list[tuple[float, int]]:
    """When each packet that is not lost arrives: (seconds, number), in order."""
    chance = np.random.default_rng(round(100 * loss) + jitter)
    count = round(seconds * 50)
    arrives = np.arange(count) * 0.02 + chance.uniform(0, jitter / 1000, count)
    return sorted((float(arrives[number]), number) for number in np.flatnonzero(chance.random(count) >= loss / 100).tolist())


def on_plane(seconds: float, loss: float, jitter: int) -> Heard:
    """On the plane, in virtual time."""
    plane, arrivals, at = Plane(4), path(seconds, loss, jitter), 0
    heard = Heard(round(seconds * 50), frozenset(number for _, number in arrivals))
    for row in (_TALKER, _HEARER):
        plane.open(row, row, 0, 0)
        plane.direct(row, 8, 101, True, True, 1)
    plane.link(_HEARER, _TALKER, 1.0)
    for now in range(1, round((seconds + 0.5) * 1000 / STEP_MS)):
        while at < len(arrivals) and arrivals[at][0] <= now * STEP_MS / 1000:
            slab = np.frombuffer(packet(arrivals[at][1]), dtype=np.uint8)[None]
            plane.receive(np.array([_TALKER]), slab, np.array([rtp.PACKET]), now)
            at += 1
        done = plane.advance(now)
        for row, i in zip(done.rows.tolist(), done.at.tolist(), strict=True):
            number = number_of(plane.packets[i, rtp.HEADER :].tobytes())
            if row == _HEARER and number is not None:
                heard.delays.setdefault(number, now * STEP_MS - number * 20)
    return heard


def on_sockets(folder: Path, seconds: float, loss: float, jitter: int) -> Heard:
    """Through a worker and its sockets, in real time."""
    with (
        worker(folder, 16) as (_, switch),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talker,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hearer,
    ):
        ports = []
        for name, sock in (("t", talker), ("h", hearer)):
            sock.bind(("127.0.0.1", 0))
            ports.append(switch.ask(m.OpenPort, port=name).rtp_port)
            switch.do(m.SetRemote, port=name, address="127.0.0.1", rtp_port=sock.getsockname()[1], codec=8, event_type=101)
        switch.do(m.Link, port="h", source="t")
        waiting = path(seconds, loss, jitter)
        heard = Heard(round(seconds * 50), frozenset(number for _, number in waiting))
        heapq.heapify(waiting)
        begun = time.monotonic() + 0.1
        while time.monotonic() < begun + seconds + 0.5:
            wait = waiting[0][0] + begun - time.monotonic() if waiting else 0.05
            if select.select([hearer], [], [], min(max(0.0, wait), 0.05))[0]:
                number = number_of(hearer.recv(2048)[rtp.HEADER :])
                if number is not None:
                    heard.delays.setdefault(number, 1000 * (time.monotonic() - begun - number * 0.02))
            while waiting and waiting[0][0] + begun <= time.monotonic():
                talker.sendto(packet(heapq.heappop(waiting)[1]), ("127.0.0.1", ports[0]))
        return heard


def table(seconds: float, sockets: bool) -> str:
    """All of it, as Markdown."""
    lines = ["| path | loss % | jitter ms | delay p50 / p99 ms | not heard % | of it by the jitter buffer % | MOS |", "| --- " * 7 + "|"]
    for jitter in JITTERS:
        for loss in LOSSES:
            lines.append(on_plane(seconds, loss, jitter).row("virtual time", loss, jitter))
            if sockets and loss in (LOSSES[0], LOSSES[-1]):
                with tempfile.TemporaryDirectory() as name:
                    lines.append(on_sockets(Path(name), min(seconds, 10.0), loss, jitter).row("sockets", loss, jitter))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--sockets", action="store_true")
    chosen = parser.parse_args()
    print(table(chosen.seconds, chosen.sockets))


if __name__ == "__main__":
    main()
