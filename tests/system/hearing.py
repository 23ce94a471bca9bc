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
_BLOCK = 16_384
"""The samples that are correlated at once."""
_LIKE = 0.7
"""The correlation (1: the same sound, whatever its loudness) from which on a piece counts as heard; G.711 leaves 0.98, other speech 0.3."""
_SHARE = 0.6
_APART = 0.25


def sound(path: Path) -> Samples:
    """The first track of a WAV of 8 kHz."""
    with wave.open(str(path), "rb") as file:
        assert file.getframerate() == RATE
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())[:, 0].astype(float)


def sound_so_far(path: Path) -> Samples:
    """What is there of a WAV of one track that is still being written: its header does not tell the length yet."""
    data = path.read_bytes()[44:]
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(float)


def prompt(code: str, language: str = "zh-CN") -> Samples:
    """A prompt of the demo; ``music`` has no language."""
    return sound(PROMPTS / (f"{code}.wav" if code == "music" else f"{language}/{code}.wav"))


class Ear:
    """What a telephone heard, searched for many sounds: its spectra are made once."""

    def __init__(self, heard: Samples) -> None:
        self.heard = heard
        step = _BLOCK - _PIECE + 1
        padded = np.concatenate((heard, np.zeros(_BLOCK + step)))
        blocks = np.lib.stride_tricks.sliding_window_view(padded, _BLOCK)[: max(1, len(heard)) : step]
        self._spectra = np.fft.rfft(blocks, axis=1)
        self._power = np.cumsum(np.concatenate(([0.0], heard * heard)))

    def likeness(self, piece: Samples) -> Samples:
        """The normalised correlation with ``piece`` (at most 0.4 s) at each place: overlap-save over blocks."""
        products = np.fft.irfft(self._spectra * np.conj(np.fft.rfft(piece, _BLOCK)), _BLOCK, axis=1)[:, : _BLOCK - _PIECE + 1]
        product = products.reshape(-1)[: max(0, len(self.heard) - len(piece) + 1)]
        energy = np.sqrt(np.maximum(self._power[len(piece) :] - self._power[: -len(piece)], 1.0) * float(piece @ piece))
        return np.asarray(product / np.maximum(energy, 1.0))


def heard_at(ear: Ear, wanted: Samples) -> list[float]:
    """The seconds at which ``wanted`` was heard from its beginning on, in order."""
    pieces = _pieces(wanted)
    found = sorted((place - offset) / RATE for offset, piece in pieces for place in _places(ear, piece))
    return [at for at, votes in _clusters(found) if votes >= _SHARE * len(pieces)]


def heard_whole(path: Path, code: str) -> int:
    """How often a telephone has heard a prompt to its end, in the call that goes on."""
    heard, wanted = sound_so_far(path), prompt(code)
    return sum(round(at * RATE) + len(wanted) <= len(heard) for at in heard_at(Ear(heard), wanted))


def _pieces(wanted: Samples) -> list[tuple[int, Samples]]:
    """Where and what the pieces are that have sound in them."""
    cut = [(start, wanted[start : start + _PIECE]) for start in range(0, max(1, len(wanted) - _PIECE + 1), _PIECE // 2)]
    loud = max(float(np.std(piece)) for _, piece in cut)
    return [(start, piece) for start, piece in cut if np.std(piece) > loud / 4]


def _places(ear: Ear, piece: Samples) -> list[int]:
    """Where the piece is heard: peaks of the correlation."""
    likeness = ear.likeness(piece)
    places: list[int] = []
    while len(likeness) and likeness.max() > _LIKE and len(places) < 20:
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
