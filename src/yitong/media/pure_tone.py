"""Whether a frame is one pure tone, and of how many hertz: a short spectrum of all rows that ask, at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yitong.media.rtp import FRAME

WINDOW = 2 * FRAME
"""40 ms: lines of 25 Hz, so that the harmonics of a voice (80 Hz apart or more) stay apart."""
_HERTZ = 8_000 / WINDOW
_LOW, _HIGH = round(350 / _HERTZ), round(2_200 / _HERTZ)
_ASIDE = 2
"""Lines to each side that belong to a tone under the window."""
_SHARE = 0.85
"""Of the power above 150 Hz."""
_FROM = round(150 / _HERTZ)
_LEAST_POWER = 2.0e4
"""Mean square: about -40 dBm0."""
_TAPER = np.hanning(WINDOW).astype(np.float32)


def pure(windows: NDArray[np.int16]) -> NDArray[np.float64]:
    """The hertz of each window [n, WINDOW] that is a pure tone of 350 to 2,200 Hz; 0 of the others."""
    signal = windows.astype(np.float32)
    loud = (signal[:, FRAME:] ** 2).mean(axis=1) > _LEAST_POWER
    power = np.abs(np.fft.rfft(signal * _TAPER, axis=1)) ** 2
    peak = power[:, _LOW:_HIGH].argmax(axis=1) + _LOW
    sums = np.cumsum(power, axis=1)
    row = np.arange(len(windows))
    near = sums[row, peak + _ASIDE] - sums[row, peak - _ASIDE - 1]
    total = sums[:, -1] - sums[:, _FROM - 1] + 1.0
    found = loud & (near > _SHARE * total)
    return np.where(found, (peak + _offset(power, peak, row)) * _HERTZ, 0.0)


def _offset(power: NDArray[np.float32], peak: NDArray[np.intp], row: NDArray[np.intp]) -> NDArray[np.float64]:
    """Where between the lines a peak is: a parabola through the logarithms of three."""
    left, middle, right = (np.log(power[row, peak + step].astype(np.float64) + 1.0) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    return np.where(np.abs(bend) > 1e-9, np.clip(0.5 * (left - right) / np.where(bend == 0, 1.0, bend), -0.5, 0.5), 0.0)
