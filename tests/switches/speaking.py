"""What a simulated voice says (``sim.voices``) as samples: speech-like bursts, tones, comfort noise; and a telephone that says it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.switches.soft_rig import SoftPhone

from yitong.media import g711
from yitong.media.rtp import FRAME
from yitong.sim.voices import Voice

RATE = 8_000
Samples = NDArray[np.int16]


def spoken(milliseconds: int, seed: int = 0, *, amplitude: float = 3_000.0) -> Samples:
    """A voice: harmonics of a pitch that glides, under formants that move, louder and softer with the syllables."""
    random = np.random.default_rng(seed)
    count = milliseconds * RATE // 1_000
    time = np.arange(count) / RATE
    pitch = random.uniform(90, 230) * (1 + 0.15 * np.sin(2 * np.pi * random.uniform(1.5, 4) * time + random.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    first = 550 + 250 * np.sin(2 * np.pi * random.uniform(2, 5) * time)
    second = 1_500 + 500 * np.sin(2 * np.pi * random.uniform(2, 5) * time + 1)
    voice = np.zeros(count)
    for harmonic in range(1, 30):
        hertz = harmonic * pitch
        weight = np.exp(-(((hertz - first) / 200) ** 2)) + 0.6 * np.exp(-(((hertz - second) / 250) ** 2)) + 0.05
        voice += np.where(hertz < 3_400, weight, 0.0) * np.sin(harmonic * phase)
    voice *= 0.75 + 0.25 * np.sin(2 * np.pi * random.uniform(3, 6) * time)
    scale = amplitude / max(1e-9, float(np.sqrt((voice**2).mean())))
    return np.clip(voice * scale, -30_000, 30_000).astype(np.int16)


def sine(hertz: float, milliseconds: int, amplitude: float = 5_000.0) -> Samples:
    time = np.arange(milliseconds * RATE // 1_000) / RATE
    return (np.sin(2 * np.pi * hertz * time) * amplitude).astype(np.int16)


def rendered(voice: Voice, *, noise: float = 0.0, seed: int = 1) -> Samples:
    """The samples of a voice, with comfort noise of that amplitude (root mean square) all the time."""
    parts = [
        sine(sound.hertz, sound.milliseconds) if sound.hertz
        else spoken(sound.milliseconds, seed + place) if sound.loud else np.zeros(sound.milliseconds * RATE // 1_000, dtype=np.int16)
        for place, sound in enumerate(voice)
    ]  # fmt: skip
    whole = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)
    hiss = np.random.default_rng(seed).normal(0, noise, len(whole)) if noise else 0
    loud: Samples = np.clip(whole + hiss, -32_768, 32_767).astype(np.int16)
    return loud


def frames_of(samples: Samples, codec: int = g711.PCMA) -> list[bytes]:
    """As G.711 packets of 20 ms."""
    whole = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    law = np.full(len(whole), g711.law_index(codec), dtype=np.uint8)
    return [frame.tobytes() for frame in g711.encode(whole, law)]


def says(rig: Any, phone: Any, voice: Voice, **sound: Any) -> None:
    """Whoever is behind ``phone`` says that from now on (as soon as it has audio)."""
    if isinstance(phone, SoftPhone):
        phone.agent.rtp.script.extend(frames_of(rendered(voice, **sound), phone.agent.rtp.codec))
    else:
        rig.switch.audio.voice = voice
