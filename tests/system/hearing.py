"""What was really heard: a recording of a telephone is searched for the sound of a file, by correlation.

A jitter buffer may drop or repeat a frame, so the file is searched in pieces of 0.4 s:
it was heard where most pieces agree on its beginning.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

PROMPTS = Path(__file__).parents[2] / "packs" / "demo" / "prompts"
Samples = npt.NDArray[np.float64]
RATE = 8_000
_PIECE = 3_200
_LIKE = 0.7
"""The correlation (1: the same sound, whatever its loudness) from which on a piece counts as heard; G.711 leaves 0.98, other speech 0.3."""
_SHARE = 0.6
_APART = 0.25


def sound(path: Path) -> Samples:
    """The first track of a WAV of 8 kHz."""
    with wave.open(str(path), "rb") as file:
        assert file.getframerate() == RATE
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())[:, 0].astype(float)


def prompt(code: str, language: str = "zh-CN") -> Samples:
    """A prompt of the demo; ``music`` has no language."""
    return sound(PROMPTS / (f"{code}.wav" if code == "music" else f"{language}/{code}.wav"))


def heard_at(heard: Samples, wanted: Samples) -> list[float]:
    """The seconds at which ``wanted`` was heard from its beginning on, in order."""
    pieces = _pieces(wanted)
    found = sorted((place - offset) / RATE for offset, piece in pieces for place in _places(heard, piece))
    return [at for at, votes in _clusters(found) if votes >= _SHARE * len(pieces)]


def _pieces(wanted: Samples) -> list[tuple[int, Samples]]:
    """Where and what the pieces are that have sound in them."""
    cut = [(start, wanted[start : start + _PIECE]) for start in range(0, max(1, len(wanted) - _PIECE + 1), _PIECE // 2)]
    loud = max(float(np.std(piece)) for _, piece in cut)
    return [(start, piece) for start, piece in cut if np.std(piece) > loud / 4]


def _places(heard: Samples, piece: Samples) -> list[int]:
    """Where the piece is heard: peaks of the normalised correlation."""
    size = 1 << (len(heard) + len(piece)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(piece, size)), size)[: len(heard) - len(piece) + 1]
    power = np.cumsum(np.concatenate(([0.0], heard * heard)))
    energy = np.sqrt(np.maximum(power[len(piece) :] - power[: -len(piece)], 1.0) * float(piece @ piece))
    likeness = product / np.maximum(energy, 1.0)
    places: list[int] = []
    while likeness.max() > _LIKE and len(places) < 20:
        best = int(likeness.argmax())
        places.append(best)
        likeness[max(0, best - RATE // 5) : best + RATE // 5] = 0
    return places


def _clusters(votes: list[float]) -> list[tuple[float, int]]:
    """Votes that lie close together, as the middle one and how many."""
    groups: list[list[float]] = []
    for vote in votes:
        if groups and vote - groups[-1][-1] < _APART:
            groups[-1].append(vote)
        else:
            groups.append([vote])
    return [(group[len(group) // 2], len(group)) for group in groups]
