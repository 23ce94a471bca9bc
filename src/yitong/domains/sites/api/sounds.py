"""Prompt files, and the speech that a flow needs before it may be published."""

from __future__ import annotations

import asyncio
import hashlib
import io
import wave
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yitong.flow.definition import Document
from yitong.flow.prompts import speech_code
from yitong.flow.speech import RATE, CannotSpeak, Speech, texts_of
from yitong.flow.step import Problem

WRITTEN = frozenset({"send_text"})
"""Kinds of steps whose texts are read, not heard."""

if TYPE_CHECKING:  # three tenths of a second of web's start, for one annotation
    import numpy as np
    from numpy.typing import NDArray


class PromptsFolder(msgspec.Struct, frozen=True):
    """The folder that prompt files are named below."""

    path: Path

    def keep(self, tenant: str, wav: bytes) -> str:
        """Write a sound under a name of ours (reliability U4): what it holds names it. Returns the name. Waits for the disk."""
        name = f"{tenant}/{hashlib.sha256(wav).hexdigest()[:32]}.wav"
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        beside.write_bytes(wav)
        beside.replace(path)
        return name


async def spoken(
    document: Document, known: Container[str], speech: Speech, folder: PromptsFolder, tenant: str
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Render what ``document`` says and has no prompt in ``known`` yet: values of new prompts, and what cannot be spoken."""
    made: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    heard = {name: one for name, one in document.steps.items() if one.kind not in WRITTEN}
    for step, (language, text) in ((name, said) for name, one in heard.items() for said in texts_of(one.parameters)):
        code = speech_code(text, language)
        if code in known or code in made:
            continue
        try:
            wav, milliseconds = await asyncio.to_thread(_rendered, speech, text, language)
        except CannotSpeak as error:
            parameters = {"language": language, "text": text, "message": str(error)[:200]}
            problems.append(Problem(step=step, code="flow.cannot_speak", parameters=parameters))
            continue
        made[code] = {
            "code": code, "language": language, "text": text, "voice": speech.voice(language), "licence": speech.licence,
            "file": await asyncio.to_thread(folder.keep, tenant, wav), "milliseconds": milliseconds,
        }  # fmt: skip
    return list(made.values()), problems


def _rendered(speech: Speech, text: str, language: str) -> tuple[bytes, int]:
    samples = speech.render(text, language)
    if not len(samples):
        raise CannotSpeak("nothing to hear")
    return wav_of(samples), len(samples) * 1_000 // RATE


def wav_of(samples: NDArray[np.int16]) -> bytes:
    """``samples`` as the WAV that the media process plays: PCM 16 bit, 8 kHz, mono."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()
