"""Prompts playing into rows: positions are arrays, and rows that play the same file are served by one gather."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yitong.media.rtp import FRAME

Samples = NDArray[np.int16]
_STEP = np.arange(FRAME)


class Piece:
    """Loaded samples, or a silence when ``samples`` is None; ``length`` in samples."""

    def __init__(self, samples: Samples | None, length: int = 0) -> None:
        self.length = length if samples is None else len(samples)
        padding = np.zeros(FRAME, dtype=np.int16)
        self.padded = None if samples is None else np.concatenate([samples, padding])


class Player:
    """What each of ``capacity`` rows plays."""

    def __init__(self, capacity: int) -> None:
        self.playing = np.zeros(capacity, dtype=np.bool_)
        self._position = np.zeros(capacity, dtype=np.int64)
        self._list: dict[int, tuple[tuple[Piece, ...], bool]] = {}
        self._at: dict[int, int] = {}
        self._rows_of: dict[Piece, set[int]] = {}

    def start(self, row: int, pieces: tuple[Piece, ...], loop: bool) -> None:
        """Play ``pieces`` into ``row``, replacing what plays. Pieces without length are skipped."""
        self.stop(row)
        pieces = tuple(piece for piece in pieces if piece.length)
        if pieces:
            self._list[row] = (pieces, loop)
            self.playing[row] = True
            self._enter(row, 0)

    def stop(self, row: int) -> None:
        """End what plays in ``row``."""
        if self.playing[row]:
            self._leave(row)
            del self._list[row]
            self.playing[row] = False

    def _enter(self, row: int, at: int) -> None:
        self._at[row] = at
        self._position[row] = 0
        self._rows_of.setdefault(self._list[row][0][at], set()).add(row)

    def _leave(self, row: int) -> None:
        piece = self._list[row][0][self._at[row]]
        rows = self._rows_of[piece]
        rows.discard(row)
        if not rows:
            del self._rows_of[piece]

    def mix_into(self, rows: NDArray[np.intp], heard: Samples) -> list[int]:
        """Add the next frame of each playing row of ``rows`` (ascending) to ``heard``; answers the rows whose list ended."""
        ended: list[int] = []
        chosen = set(rows[self.playing[rows]].tolist())
        if not chosen:
            return ended
        for piece, players in list(self._rows_of.items()):
            mine = players & chosen
            if mine:
                ended.extend(self._play_piece(piece, np.array(sorted(mine), dtype=np.intp), rows, heard))
        return ended

    def _play_piece(self, piece: Piece, mine: NDArray[np.intp], rows: NDArray[np.intp], heard: Samples) -> list[int]:
        position = self._position[mine]
        if piece.padded is not None:
            frame = piece.padded[position[:, None] + _STEP]
            where = np.searchsorted(rows, mine)
            total = heard[where].astype(np.int32) + frame
            heard[where] = np.clip(total, -32768, 32767).astype(np.int16)
        self._position[mine] = position + FRAME
        over = mine[position + FRAME >= piece.length]
        return [row for row in over.tolist() if not self._next(row)]

    def _next(self, row: int) -> bool:
        """Go on to the next piece; false at the end of the list."""
        pieces, loop = self._list[row]
        at = self._at[row] + 1
        if at >= len(pieces) and not loop:
            self.stop(row)
            return False
        self._leave(row)
        self._enter(row, at % len(pieces))
        return True
