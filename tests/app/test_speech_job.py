"""Texts with call data are spoken once by a worker, kept while they are in use, refused where nobody can speak or too many wait."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from yitong.app.jobs.speech import KEPT_SECONDS, MOST_WAITING, SpeechJobs
from yitong.flow.messages import Speak
from yitong.flow.speech import RATE, CannotSpeak
from yitong.kit.clock import SystemClock
from yitong.kit.nats import Nats
from yitong.kit.tasks import Tasks
from yitong.media import wav


class Hummer:
    """An engine that hums for a tenth of a second a character, when it may."""

    licence = "CC0-1.0"

    def __init__(self, *, installed: bool = True) -> None:
        self.installed, self.rendered = installed, list[str]()
        self.may = threading.Event()
        self.may.set()

    def available(self) -> bool:
        return self.installed

    def voice(self, language: str) -> str:
        if language not in ("zh-CN", "en"):
            raise CannotSpeak(f"no voice for {language}")
        return "hum"

    def render(self, text: str, language: str) -> NDArray[np.int16]:
        assert self.may.wait(60)
        self.rendered.append(text)
        return np.full(len(text) * RATE // 10, 1_000, np.int16)


@pytest.fixture
def hummer() -> Hummer:
    return Hummer()


@pytest.fixture
def jobs(tmp_path: Path, hummer: Hummer) -> SpeechJobs:
    return SpeechJobs(tmp_path, SystemClock(), lambda: hummer)


async def test_a_text_is_spoken_once_and_asked_for_over_nats(
    jobs: SpeechJobs, hummer: Hummer, tmp_path: Path, nats: Nats, tenant: str
) -> None:
    tasks = Tasks()
    await jobs.start(nats, tasks)
    asked = Speak(contact="c", service="s", connection="l", text="订单2048", language="zh-CN")
    names: list[str] = [await nats.request(f"ask.speech.{tenant}", asked, str, seconds=30.0) for _ in range(2)]
    assert names[0] == names[1] != ""
    assert names[0].startswith(f"{tenant}/spoken/")
    assert len(wav.read((tmp_path / names[0]).read_bytes())) == 6 * RATE // 10
    assert hummer.rendered.count("订单2048") == 1
    assert jobs.figures()["speech_ready"] == 1, "its first words were not for a caller"
    assert (jobs.figures()["speech_spoken"], jobs.figures()["speech_again"]) == (1, 1)
    await tasks.close()


async def test_nobody_waits_behind_many(jobs: SpeechJobs, hummer: Hummer) -> None:
    hummer.may.clear()
    waiting = [asyncio.ensure_future(jobs.speak("t", f"text {number}", "en")) for number in range(MOST_WAITING)]
    await asyncio.sleep(0)
    assert await jobs.speak("t", "one more", "en") == ""
    hummer.may.set()
    assert len(set(await asyncio.gather(*waiting))) == MOST_WAITING


async def test_without_an_engine_or_a_voice_nothing_is_said(jobs: SpeechJobs, hummer: Hummer) -> None:
    assert await jobs.speak("t", "bonjour", "fr") == ""
    hummer.installed = False
    assert await jobs.speak("t", "hello", "en") == ""
    assert jobs.figures()["speech_refused"] == 2


async def test_what_nobody_hears_any_more_is_gone_after_an_hour(jobs: SpeechJobs, tmp_path: Path) -> None:
    old, new = [tmp_path / await jobs.speak("t", text, "en") for text in ("old", "new")]
    before = old.stat().st_mtime - KEPT_SECONDS - 60
    os.utime(old, (before, before))
    jobs.forget()
    assert (old.exists(), new.exists()) == (False, True)
