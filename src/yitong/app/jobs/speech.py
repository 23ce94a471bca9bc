"""The worker's part in speech: texts with call data are spoken while the caller waits, and kept for an hour."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from yitong.flow.messages import Speak
from yitong.kit import logs
from yitong.kit.clock import SECOND, Clock
from yitong.kit.nats import Nats
from yitong.kit.tasks import Tasks

if TYPE_CHECKING:  # an engine brings numpy with it: loaded when somebody is to be spoken to
    from yitong.flow.speech import Speech

FOLDER = "spoken"
"""Below each tenant's folder of prompts."""
KEPT_SECONDS = 3_600
"""After the last use: what is spoken is personal, and said again soon or not at all."""
LOOK_SECONDS = 300.0
MOST_WAITING = 4
"""Who comes when so many wait hears what stands in the text's place at once: an engine speaks one after the other."""
FIRST_WORDS = (("zh-CN", "您好。"), ("en", "Hello."))
_log = logs.get("yitong.worker")


class SpeechJobs:
    """Speaks below ``prompts``, the folder from which the media processes play."""

    def __init__(self, prompts: Path, clock: Clock, engine: Callable[[], Speech]) -> None:
        self._prompts, self._clock, self._engine = prompts, clock, engine
        self._one = asyncio.Lock()
        self._waiting = 0
        self._ready = False
        self._told = {"speech_spoken": 0, "speech_again": 0, "speech_refused": 0}

    async def start(self, nats: Nats, tasks: Tasks) -> None:
        """Begin."""
        await nats.answer("ask.speech.*", Speak, self._asked, queue="speech", beside=tasks)
        tasks.keep(self._forget, "spoken texts")
        tasks.start(self._warm(), "speech engine")

    async def _warm(self) -> None:
        """An engine takes many seconds for its first words: no caller shall wait for them."""
        async with self._one:
            self._ready = await asyncio.to_thread(self._speaks)

    def _speaks(self) -> bool:
        engine = self._engine()
        if not engine.available():
            return False
        for language, text in FIRST_WORDS:
            engine.render(text, language)
        return True

    async def _asked(self, subject: str, asked: Speak) -> str:
        return await self.speak(subject.rpartition(".")[2], asked.text, asked.language)

    async def speak(self, tenant: str, text: str, language: str) -> str:
        """The name of the file that says ``text``; empty when it cannot be spoken, or not soon."""
        if self._waiting >= MOST_WAITING:
            return self._count("", "speech_refused")
        self._waiting += 1
        try:
            async with self._one:
                name, how = await asyncio.to_thread(self._spoken, tenant, text, language)
        finally:
            self._waiting -= 1
        return self._count(name, how)

    def _count(self, name: str, how: str) -> str:
        self._told[how] += 1
        return name

    def _spoken(self, tenant: str, text: str, language: str) -> tuple[str, str]:
        from yitong.domains.sites.api.sounds import wav_of
        from yitong.flow.speech import CannotSpeak

        engine = self._engine()
        if not engine.available():
            _log.warning("no speech engine is installed")
            return "", "speech_refused"
        try:
            what = f"{engine.voice(language)}\n{language}\n{text}"
            name = f"{tenant}/{FOLDER}/{hashlib.sha256(what.encode()).hexdigest()[:32]}.wav"
            path = self._prompts / name
            if path.is_file():
                path.touch()
                return name, "speech_again"
            samples = engine.render(text, language)
        except CannotSpeak as error:
            _log.warning("a text cannot be spoken", language=language, length=len(text), kind=type(error).__name__)
            return "", "speech_refused"
        if not len(samples):
            return "", "speech_refused"
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        beside.touch(0o600)
        beside.write_bytes(wav_of(samples))
        beside.replace(path)
        return name, "speech_spoken"

    async def _forget(self) -> None:
        while True:
            await asyncio.to_thread(self.forget)
            await self._clock.sleep(LOOK_SECONDS)

    def forget(self) -> None:
        """Remove what nobody has heard for an hour."""
        before = self._clock.wall() / SECOND - KEPT_SECONDS
        for path in self._prompts.glob(f"*/{FOLDER}/*"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def figures(self) -> dict[str, float]:
        """Texts spoken, found spoken already, and refused (the caller heard something else); whether an engine is there and loaded."""
        return {name: float(count) for name, count in self._told.items()} | {"speech_ready": float(self._ready)}
