"""Two-track recordings at the plane, step by step: what was said together lies together, whatever each side's network does."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from yitong.media import g711, rtp
from yitong.media.jitter import STEPS
from yitong.media.plane import Plane
from yitong.media.tracks import Piece, Tracks, to_samples

LEFT, RIGHT = 1, 2
FRAMES = 2000


def recorded(lateness: NDArray[np.int64]) -> NDArray[np.int16]:
    """Forty seconds of marks, one a second at both sides at once; 3 % of the frames between are lost.

    Frame n of the left one arrives ``lateness[n]`` steps late.
    """
    random = np.random.default_rng(7)
    plane, tracks = Plane(4), Tracks(2)
    arrivals: dict[int, list[tuple[int, int]]] = {}
    for row in (LEFT, RIGHT):
        plane.open(row, 1, 1, 0)
        plane.direct(row, g711.PCMA, 101, send=True, receive=True, now=0)
        kept = (random.random(FRAMES) >= 0.03) | (abs(np.arange(FRAMES) % 50 - 25) < 4)
        for number in np.flatnonzero(kept).tolist():
            at = 8 + number * STEPS + row + (int(lateness[number]) if row == LEFT else 0)
            arrivals.setdefault(at, []).append((row, number))
    quiet, mark = (g711.encode(np.full((1, 160), level, dtype=np.int16), np.array([1], dtype=np.uint8))[0] for level in (0, 20000))
    pieces: list[bytes] = []
    index = tracks.start(LEFT, RIGHT, 0)
    assert index is not None
    for now in range(FRAMES * STEPS + 100):
        for row, number in arrivals.get(now, ()):
            data = rtp.build(g711.PCMA, number, number * 160, row, (mark if number % 50 == 25 else quiet).tobytes(), False)
            slab = np.frombuffer(data, dtype=np.uint8)[None]
            plane.receive(np.array([row], dtype=np.intp), slab, np.array([len(data)], dtype=np.int64), now)
        plane.advance(now)
        pieces += [to_samples(chunk.piece) for chunk in tracks.advance(plane.current, plane.jitter.delay, now)]
    assert tracks.milliseconds(index) == (FRAMES * STEPS + 100) // STEPS * 20
    pieces.append(to_samples(tracks.stop(index)))
    sound = np.frombuffer(b"".join(pieces), dtype=np.int16).reshape(-1, 2)
    assert len(sound) == (FRAMES * STEPS + 100) // STEPS * 160
    return sound


def marks(track: NDArray[np.int16]) -> NDArray[np.intp]:
    """Where each mark begins."""
    loud = np.flatnonzero(track > 10000)
    return loud[np.flatnonzero(np.diff(loud, prepend=-8000) > 4000)]


@pytest.mark.parametrize("kind", ["even", "jitter", "worse and better"])
def test_a_mark_sent_to_both_sides_lies_within_20_ms_on_both_tracks(kind: str) -> None:
    lateness = np.zeros(FRAMES, dtype=np.int64)
    if kind == "jitter":
        lateness = np.random.default_rng(3).integers(0, 4 * STEPS + 1, FRAMES)  # up to 80 ms, in any order
    elif kind == "worse and better":
        lateness[700:1300] = 6 * STEPS  # 120 ms later for twelve seconds
    sound = recorded(lateness)
    left, right = marks(sound[:, 0]), marks(sound[:, 1])
    settled = [at for at in left.tolist() if at > 2 * 8000 and (kind != "worse and better" or not 100_000 < at < 240_000)]
    near = [int(np.min(abs(right - at))) for at in settled]
    assert len(near) > 15
    assert max(near) <= 160


@pytest.mark.parametrize("laws", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("changes", [False, True], ids=["one law a track", "another law on the way"])
def test_samples_of_each_law(laws: tuple[int, int], changes: bool) -> None:
    """Whether the pairs of octets are looked up together or one by one, the samples are the same."""
    octets = np.random.default_rng(7).integers(0, 256, (20, 2, 160)).astype(np.uint8)
    law = np.array([laws] * 20, dtype=np.uint8)
    if changes:
        law[13:, 1] ^= 1
    one_by_one = g711.decode(octets.reshape(-1, 160), law.reshape(-1)).reshape(20, 2, 160).swapaxes(1, 2)
    assert to_samples(Piece(octets, law)) == one_by_one.tobytes()
