"""RTP of many telephones from one thread: each says one sound all the time and notes when it heard something.

Arrival is the kernel's time stamp, so a busy machine that reads late is not taken for a gap.
"""

from __future__ import annotations

import heapq
import itertools
import secrets
import select
import socket
import struct
import threading
import time

from yitong.media import digits as dtmf
from yitong.media import rtp

SILENCE = b"\xd5" * 160
SPEECH = (b"\x55\xd5\x2a\xaa" * 2 + b"\x15\x95\x34\xb4" * 2) * 10
"""Loud PCMA that is no silence after any mixing; what is heard of it is not quiet either."""
_STAMP = getattr(socket, "SO_TIMESTAMPNS", 35)
_FRAME = 0.02


class Stream:
    """One telephone's RTP. ``arrivals``: wall-clock seconds at which loud packets came; ``packets`` counts all."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
        self.port = int(self.socket.getsockname()[1])
        self.target: tuple[str, int] | None = None
        self.payload = SPEECH
        self.codec = 8
        self.arrivals: list[float] = []
        self.packets = 0
        self.keys: list[str] = []
        self._sequence, self._timestamp, self._ssrc = 1, 160, secrets.randbits(32)
        self._key_step = 0

    def press(self, keys: str) -> None:
        """Type them by RFC 4733, 80 ms each, 60 ms apart."""
        self.keys.extend(keys)

    def largest_gap(self, begin: float, end: float) -> float:
        """The longest time in ms without sound between two moments (wall clock), the edges included."""
        within = [at for at in self.arrivals if begin <= at <= end]
        moments = [begin, *within, end]
        return 1000 * max(after - before for before, after in itertools.pairwise(moments))

    def say(self) -> None:
        """The next 20 ms."""
        if self.target is None:
            return
        if self.keys:
            self._say_key()
        else:
            self._send(self.codec, self._timestamp, self.payload)
        self._timestamp += 160

    def _say_key(self) -> None:
        step = self._key_step
        if step <= 4:
            duration, over = min(step + 1, 4) * 160, step == 4
            body = bytes([dtmf.KEYS.index(self.keys[0]), 10 | (0x80 if over else 0)]) + duration.to_bytes(2, "big")
            for _ in range(3 if over else 1):
                self._send(101, self._timestamp - step * 160, body, step == 0)
        self._key_step += 1
        if self._key_step >= 8:
            self._key_step = 0
            del self.keys[0]

    def _send(self, kind: int, timestamp: int, payload: bytes, marker: bool = False) -> None:
        data = rtp.build(kind, self._sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self._ssrc, payload, marker)
        self._sequence += 1
        try:
            if self.target is not None:
                self.socket.sendto(data, self.target)
        except OSError:  # nobody there: the media process is away
            return

    def hear(self) -> None:
        """Take what has come."""
        while True:
            try:
                data, extra, _, _ = self.socket.recvmsg(2048, 64)
            except OSError:
                return
            self.packets += 1
            if len(data) < 100 or data[12:].count(data[12]) > len(data) - 16:
                continue
            at = time.time()
            for _, kind, value in extra:
                if kind == _STAMP and len(value) == 16:
                    seconds, nanoseconds = struct.unpack("qq", value)
                    at = seconds + nanoseconds / 1e9
            self.arrivals.append(at)


class Sounds:
    """The thread. ``open`` gives a stream, ``close`` takes it back."""

    def __init__(self) -> None:
        self._streams: dict[int, Stream] = {}
        self._due: list[tuple[float, int]] = []
        self._lock = threading.Lock()
        self._epoll = select.epoll()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def open(self) -> Stream:
        stream = Stream()
        number = stream.socket.fileno()
        with self._lock:
            self._streams[number] = stream
            heapq.heappush(self._due, (time.monotonic() + _FRAME * (number % 20) / 20, number))
        self._epoll.register(number, select.EPOLLIN)
        return stream

    def close(self, stream: Stream) -> None:
        number = stream.socket.fileno()
        with self._lock:
            if self._streams.pop(number, None) is None:
                return
            self._epoll.unregister(number)
            self._due = [entry for entry in self._due if entry[1] != number]
            heapq.heapify(self._due)
            stream.socket.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        for stream in list(self._streams.values()):
            stream.socket.close()
        self._epoll.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            now = time.monotonic()
            with self._lock:
                while self._due and self._due[0][0] <= now:
                    due, number = self._due[0]
                    self._streams[number].say()
                    after = due + _FRAME if now - due < 0.2 else now + _FRAME
                    heapq.heapreplace(self._due, (after, number))
                wait = min(0.02, max(0.001, self._due[0][0] - now)) if self._due else 0.02
            for number, _ in self._epoll.poll(wait):
                with self._lock:
                    if number in self._streams:
                        self._streams[number].hear()
