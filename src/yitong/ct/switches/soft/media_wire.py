"""The sockets of a worker: one epoll, one slab of buffers, and a table that says for each descriptor who reads it into which row."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BATCH = 2048
WIDTH = 2048
MOST_BAD = 16
"""Worthless packets that a socket's reader passes over in one step, so that they cannot queue up before the good ones."""

Reader = Callable[[memoryview], int]
Sender = Callable[[memoryview | bytes], object]


class Batch(NamedTuple):
    """What came in a round: at most one packet a row."""

    rows: NDArray[np.intp]
    slab: NDArray[np.uint8]
    lengths: NDArray[np.int64]


class Wire:
    """Descriptors, readers and senders. A reader puts one RTP packet into the buffer given and answers its length, or deals with it
    itself and answers 0."""

    def __init__(self, packets: NDArray[np.uint8]) -> None:
        self._epoll = select.epoll()
        self._slab = np.zeros((BATCH, WIDTH), dtype=np.uint8)
        self._views = [memoryview(self._slab[i]) for i in range(BATCH)]
        self._readers: dict[int, tuple[Reader, int]] = {}
        self._out = [memoryview(packets[i]) for i in range(len(packets))]
        self._senders: dict[int, Sender] = {}
        self.send_errors = 0

    def watch(self, descriptor: int, reader: Reader, row: int = 0) -> None:
        """Read ``descriptor`` with ``reader``; again to change the reader."""
        if descriptor not in self._readers:
            self._epoll.register(descriptor, select.EPOLLIN)
        self._readers[descriptor] = (reader, row)

    def forget(self, descriptor: int) -> None:
        """Read it no longer; call before closing it."""
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def send_with(self, row: int, sender: Sender | None) -> None:
        """How packets of ``row`` leave; None: not at all."""
        if sender is None:
            self._senders.pop(row, None)
        else:
            self._senders[row] = sender

    def take(self) -> Batch | None:
        """One packet of each socket that has any: four times what a 20 ms stream needs, and a flood on one port takes nothing from the
        others. The arrays are good until the next call."""
        events = self._epoll.poll(0, BATCH)
        if not events:
            return None
        rows, lengths = self._read(events)
        count = len(rows)
        return Batch(np.array(rows, dtype=np.intp), self._slab[:count], np.array(lengths, dtype=np.int64)) if count else None

    def _read(self, events: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
        readers, views = self._readers, self._views
        rows: list[int] = []
        lengths: list[int] = []
        count = 0
        for descriptor, _ in events:
            entry = readers.get(descriptor)
            if entry is None:
                continue
            try:
                length = entry[0](views[count])
            except OSError:
                continue  # nothing there, or ICMP told that the other side has no such port: its silence is noticed elsewhere
            if length:
                rows.append(entry[1])
                lengths.append(length)
                count += 1
        return rows, lengths

    def send(self, rows: NDArray[np.intp], at: NDArray[np.intp]) -> None:
        """Send packet ``at[i]`` by ``rows[i]``."""
        senders, out = self._senders, self._out
        for row, i in zip(rows.tolist(), at.tolist(), strict=True):
            sender = senders.get(row)
            if sender is not None:
                try:
                    sender(out[i])
                except OSError:
                    self.send_errors += 1

    def send_one(self, row: int, packet: bytes) -> None:
        """Send one packet made by hand."""
        sender = self._senders.get(row)
        if sender is not None:
            try:
                sender(packet)
            except OSError:
                self.send_errors += 1

    def close(self) -> None:
        """Close the epoll."""
        self._epoll.close()
