"""Packet loss concealment over all rows that miss a frame: the last pitch period goes on and fades (after the idea of G.711 Appendix I)."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from yitong.media.rtp import FRAME

OVERLAP = 32
"""Samples (4 ms) over which what was made up turns into what arrived."""
FADE = (1.0, 0.7, 0.35, 0.0)
"""Loudness at the beginning of the first, second, third lost frame, and from 60 ms on."""
_SHORTEST = 40
_LONGEST = 120
_MATCH = 120


def find_pitch(history: NDArray[np.int16]) -> NDArray[np.intp]:
    """The period, 40 to 120 samples (200 to 66 Hz), at which each row of ``history`` [n, 320] resembles itself best."""
    signal = history[:, -_MATCH - _LONGEST :].astype(np.float32)
    pattern = signal[:, -_MATCH:]
    windows = sliding_window_view(signal, _MATCH, axis=1)[:, : _LONGEST - _SHORTEST + 1]
    product = np.einsum("nwm,nm->nw", windows, pattern)
    energy = np.sqrt(np.einsum("nwm,nwm->nw", windows, windows)) + 1.0
    result: NDArray[np.intp] = _LONGEST - np.argmax(product / energy, axis=1)
    return result


def conceal(history: NDArray[np.int16], period: NDArray[np.intp], lost: NDArray[np.int64]) -> NDArray[np.int16]:
    """A frame and its overlap [n, 192] for each row; ``lost`` counts the frames lost before this one in a row."""
    length = FRAME + OVERLAP
    step = np.arange(length) + (lost * FRAME)[:, None]
    index = history.shape[1] - period[:, None] + step % period[:, None]
    rows = np.arange(len(history))[:, None]
    levels = np.array(FADE, dtype=np.float32)
    begin = levels[np.minimum(lost, len(FADE) - 1)]
    end = levels[np.minimum(lost + 1, len(FADE) - 1)]
    ramp = np.minimum(np.arange(length, dtype=np.float32) / FRAME, 1.0)
    gain = begin[:, None] + (end - begin)[:, None] * ramp
    audio: NDArray[np.int16] = (history[rows, index] * gain).astype(np.int16)
    return audio


def blend(tail: NDArray[np.int16], frame: NDArray[np.int16]) -> None:
    """Cross-fade the made-up ``tail`` [n, 32] into the beginning of ``frame`` [n, 160], in place."""
    up = np.linspace(0.0, 1.0, OVERLAP, dtype=np.float32)
    head = frame[:, :OVERLAP]
    frame[:, :OVERLAP] = (head * up + tail * (1.0 - up)).astype(np.int16)
