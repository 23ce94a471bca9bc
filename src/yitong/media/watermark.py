"""A mark in speech that is not heard and says to whom the file was given: spread over all of it, found again by who has the secret.

The mark of a ticket is a noise of 32,768 signs (4.1 s) that is laid under the sound again and again, in frames of 32 ms, half over each
other: in each frame it gets the spectrum that the sound has there, about 28 dB weaker in sum, so that the speech masks it; where nothing
is said there is no mark. To find it, the spectrum of every frame is made flat, which takes most of the speech away and leaves the noise
as it was; the frames a period apart are summed up and compared with the noise of a ticket at every offset at once. What is there by
chance comes to four or five standard deviations, a mark in some seconds of speech to many more.

It bears cutting, louder and softer, one track alone, both mixed into one, G.711, Opus and MP3. It does not bear another speed or pitch,
nor loud noise over it; what was played to a room and recorded there is not promised. ``docs/guide/operator.en.md`` says so to people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Real = NDArray[np.float64]

_FRAME, _HOP = 256, 128
_PERIOD = 32_768
_STRENGTH = 0.06
_SMOOTH = 5
_QUIET = 12.0
"""Mean amplitude of a frame below which there is no mark: 16-bit samples could not carry it, and nobody speaks."""
SURE = 7.5
"""Standard deviations from which a ticket's mark is there: chance comes to it once in a thousand million tickets looked for."""

_WINDOW: Real = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME))


def _noise(secret: bytes, ticket: bytes) -> Real:
    """The signs of a ticket."""
    octets = hashlib.shake_256(len(secret).to_bytes(2, "big") + secret + ticket).digest(_PERIOD // 8)
    return np.unpackbits(np.frombuffer(octets, np.uint8)).astype(np.float64) * 2 - 1


def _frames(sound: Real) -> Real:
    """[frames, 256, ...], windowed; ``sound`` is a whole number of hops, two at least."""
    halves = sound.reshape(len(sound) // _HOP, _HOP, *sound.shape[1:])
    window = _WINDOW.reshape(1, _FRAME, *(1 for _ in sound.shape[1:]))
    framed: Real = np.concatenate([halves[:-1], halves[1:]], axis=1) * window
    return framed


def _envelope(strength: Real) -> Real:
    """Magnitudes [frames, bins, ..] smoothed over neighbouring bins; 0 in frames in which next to nothing is heard."""
    wide = np.pad(strength, ((0, 0), (_SMOOTH // 2, _SMOOTH // 2), *((0, 0) for _ in strength.shape[2:])), mode="edge")
    smooth = sum(wide[:, shift : shift + strength.shape[1]] for shift in range(_SMOOTH)) / _SMOOTH
    loud = np.sqrt((strength**2).mean(axis=1, keepdims=True) * 2 / _FRAME) > _QUIET
    return np.asarray(np.where(loud, smooth, 0.0))


class Marker:
    """Marks sound that comes in blocks [frames, channels]; as many frames come out, the last with ``flush``."""

    def __init__(self, secret: bytes, ticket: bytes, channels: int) -> None:
        noise = np.fft.rfft(_frames(np.tile(_noise(secret, ticket), 2)), axis=1)[: _PERIOD // _HOP]
        self._noise = noise * (_STRENGTH / np.sqrt(_FRAME / 2))
        self._waiting: Real = np.zeros((_HOP, channels))  # the first samples lie in two frames like all others
        self._tail: Real = np.zeros((_HOP, channels))
        self._frame = 0
        self._taken = self._given = 0

    def feed(self, block: Samples) -> Samples:
        """Take a block; answers what is ready."""
        self._taken += len(block)
        return self._ready(block.astype(np.float64))

    def flush(self) -> Samples:
        """The rest."""
        given = self._given
        return self._ready(np.zeros((2 * _FRAME, self._waiting.shape[1])))[: self._taken - given]

    def _ready(self, block: Real) -> Samples:
        sound = np.concatenate([self._waiting, block])
        count = len(sound) // _HOP - 1
        if count < 1:
            self._waiting = sound
            return np.zeros((0, sound.shape[1]), np.int16)
        self._waiting = sound[count * _HOP :]
        spectrum = np.fft.rfft(_frames(sound[: (count + 1) * _HOP]), axis=1)
        places = np.arange(self._frame, self._frame + count) % len(self._noise)
        spectrum += _envelope(np.abs(spectrum)) * self._noise[places][:, :, None]
        marked = np.fft.irfft(spectrum, n=_FRAME, axis=1) * _WINDOW[None, :, None]
        firsts = marked[:, :_HOP].copy()
        firsts[0] += self._tail
        firsts[1:] += marked[:-1, _HOP:]
        self._tail = marked[-1, _HOP:]
        out = firsts.reshape(count * _HOP, -1)[0 if self._frame else _HOP :]  # what stood before the beginning is left out
        self._frame += count
        self._given += len(out)
        rounded: Samples = np.clip(np.rint(out), -32768, 32767).astype(np.int16)
        return rounded


def certainties(samples: Samples, secret: bytes, tickets: Iterable[bytes]) -> list[float]:
    """How surely each ticket's mark is in ``samples`` [frames, channels] of 8 kHz, in standard deviations (``SURE``)."""
    folded = np.zeros(_PERIOD)
    for channel in range(samples.shape[1]):
        flat = _flat(samples[:, channel].astype(np.float64))
        folded += np.pad(flat, (0, -len(flat) % _PERIOD)).reshape(-1, _PERIOD).sum(axis=0)
    spread = float(np.sqrt((folded**2).sum()))
    if spread == 0.0:
        return [0.0 for _ in tickets]
    spectrum = np.fft.rfft(folded)
    return [float(np.fft.irfft(spectrum * np.conj(np.fft.rfft(_noise(secret, ticket)))).max()) / spread for ticket in tickets]


def _flat(sound: Real) -> Real:
    """The sound with a flat spectrum in every frame; frames in which nobody speaks are empty."""
    whole = np.pad(sound, (_HOP, -len(sound) % _HOP + _HOP))
    spectrum = np.fft.rfft(_frames(whole), axis=1)
    strength = np.abs(spectrum)
    heard = (_envelope(strength) > 0) & (strength > 0)
    flat = np.fft.irfft(np.divide(spectrum, strength, out=np.zeros_like(spectrum), where=heard), n=_FRAME, axis=1) * _WINDOW
    out = np.zeros(len(whole))
    out[:-_HOP] += flat[:, :_HOP].ravel()
    out[_HOP:] += flat[:, _HOP:].ravel()
    return out
