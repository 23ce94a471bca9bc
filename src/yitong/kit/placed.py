"""Files that are read at any place, whatever stands behind them."""

from __future__ import annotations

import io
import os
from abc import abstractmethod


class Placed(io.RawIOBase):
    """To be read and sought in octets; who derives says how long it is and what stands where."""

    _at = 0

    @abstractmethod
    def _size(self) -> int:
        """How many octets there are."""

    @abstractmethod
    def _piece(self, at: int, most: int) -> bytes:
        """At most ``most`` octets from ``at``; none at the end. Raises OSError."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = self._size() if whence == os.SEEK_END else self._at if whence == os.SEEK_CUR else 0
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._piece(self._at, len(buffer))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
