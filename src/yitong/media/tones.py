"""Tones as prompts: ``tone:ringback``, ``busy``, ``congestion``, ``dial`` (China: 450 Hz, GB/T 3380), ``beep``, and ``tone:<hertz>``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 8000
PREFIX = "tone:"
_CADENCES: dict[str, tuple[int, float, float]] = {
    "ringback": (450, 1.0, 4.0),
    "busy": (450, 0.36, 0.36),
    "congestion": (450, 0.72, 0.72),
    "dial": (450, 1.0, 0.0),
    "beep": (1000, 0.4, 0.0),
}
_LEVEL = 0.2


def sine(hertz: float, seconds: float, level: float = _LEVEL) -> NDArray[np.int16]:
    """A sine of ``level`` (0 to 1 of full scale)."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * hertz * time) * level * 32767).astype(np.int16)


def tone(name: str) -> NDArray[np.int16] | None:
    """The samples of one round of a tone, or None for a name that is none. A loop of it is seamless."""
    kind = name.removeprefix(PREFIX)
    if kind in _CADENCES:
        hertz, on, off = _CADENCES[kind]
        return np.concatenate([sine(hertz, on), np.zeros(round(off * RATE), dtype=np.int16)])
    if kind.isdecimal() and 50 <= int(kind) <= 3800:
        return sine(int(kind), 1.0)
    return None
