"""A stretch of network between two rows that loses datagrams, both ways."""

from __future__ import annotations

import random
import select
import socket
import threading

Address = tuple[str, int]


class Lossy:
    """Who sends to ``ports[0]`` is heard from ``ports[1]`` by the other, and the other way round. ``ends``: where the two listen."""

    def __init__(self, loss: float, seed: int = 7) -> None:
        self.loss = loss
        self.ends: list[Address] = [("", 0), ("", 0)]
        self.passed = self.lost = 0
        self._chance = random.Random(seed)
        self._socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for sock in self._socks:
            sock.bind(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def ports(self) -> tuple[int, int]:
        """Where the first and where the second end sends to."""
        return self._socks[0].getsockname()[1], self._socks[1].getsockname()[1]

    def _run(self) -> None:
        while not self._stop.is_set():
            for sock in select.select(self._socks, [], [], 0.05)[0]:
                data, _ = sock.recvfrom(2048)
                there = 1 - self._socks.index(sock)
                if self._chance.random() < self.loss:
                    self.lost += 1
                elif self.ends[there][1]:
                    self.passed += 1
                    self._socks[there].sendto(data, self.ends[there])

    def close(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join(2)
        for sock in self._socks:
            sock.close()
