"""What a flow says is rendered when it is published, kept as prompts, and never rendered twice."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.web.world import NAME, World

from yitong.app.jobs.configuration import BUCKET, Configuration
from yitong.app.partition import step_kinds
from yitong.domains.sites.api.sounds import PromptsFolder, spoken
from yitong.flow.prompts import Library, speech_code
from yitong.flow.speech import RATE, CannotSpeak, Speech
from yitong.kit.clock import SystemClock
from yitong.kit.nats import Nats
from yitong.kit.stream import read

HELLO = {"zh-CN": "您好", "en": "Hello"}
MENU = {"zh-CN": "请按一"}


class Beeper:
    """An operator's own engine: for every character a beep whose pitch is the character's."""

    licence = "CC0-1.0"

    def __init__(self, *, installed: bool = True) -> None:
        self.installed = installed
        self.rendered: list[tuple[str, str]] = []

    def available(self) -> bool:
        return self.installed

    def voice(self, language: str) -> str:
        return f"beeper-{language}"

    def render(self, text: str, language: str) -> NDArray[np.int16]:
        if not text.isprintable() or "☎" in text:
            raise CannotSpeak("no beep for ☎")
        self.rendered.append((text, language))
        beat = np.arange(RATE // 10) / RATE
        beeps = [np.sin(2 * np.pi * (300 + ord(sign) % 1_000) * beat) for sign in text]
        return np.round(np.concatenate(beeps) * 8_000).astype(np.int16)


def flow(hello: dict[str, str], menu: dict[str, str]) -> dict[str, Any]:
    asking = {"kind": "menu", "keys": ["1"], "prompts": [{"text": menu}], "wrong_prompts": [{"text": hello}, {"silence_ms": 100}]}
    return {
        "schema_version": 1, "name": NAME, "start": "hello", "steps": {
            "hello": {"kind": "say", "text": hello, "next": {"done": "menu"}},
            "menu": {**asking, "next": {"1": "bye", "timeout": "bye", "wrong": "bye"}},
            "bye": {"kind": "hang_up"},
        },
    }  # fmt: skip


async def drafted(world: World, who: dict[str, str], engine: Beeper, document: dict[str, Any]) -> str:
    """A flow of that document in a web process with that engine; returns its path."""
    world.web.app.state.parts[Speech] = engine
    answer = await world.ask("POST", "/config/flows", who, json={"code": "talking", "name": NAME, "document": document})
    assert answer.status_code == 201, answer.text
    return f"/config/flows/{answer.json()['id']}"


async def sounds(world: World, who: dict[str, str]) -> dict[str, dict[str, Any]]:
    items = (await world.ask("GET", "/config/prompts", who)).json()["items"]
    return {one["code"]: one for one in items if one["code"].startswith("say.")}


async def test_what_a_flow_says_is_rendered_once_and_goes_out_before_the_flow(world: World, nats: Nats) -> None:
    who, engine = await world.headers("admin"), Beeper()
    path = await drafted(world, who, engine, flow(HELLO, MENU))
    assert (await world.ask("POST", f"{path}/check", who)).json()["items"] == []
    assert engine.rendered == []
    configuration = Configuration(world.database, nats, SystemClock())
    await configuration.publish_all()
    assert (await world.ask("POST", f"{path}/publish", who)).status_code == 200
    assert sorted(engine.rendered) == sorted([("您好", "zh-CN"), ("Hello", "en"), ("请按一", "zh-CN")])
    made = await sounds(world, who)
    assert made.keys() == {speech_code(text, language) for text, language in engine.rendered}
    hello = made[speech_code("Hello", "en")]
    kept = (hello["text"], hello["language"], hello["voice"], hello["licence"], hello["milliseconds"])
    assert kept == ("Hello", "en", "beeper-en", "CC0-1.0", 500)
    heard = await world.ask("GET", f"/config/prompts/{hello['id']}/audio", who)
    with wave.open(io.BytesIO(heard.content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getnframes()) == (RATE, 1, 2, RATE // 2)
    await configuration.publish_changes()
    told = [message.subject async for message in read(nats, f"KV_{BUCKET}", f"$KV.{BUCKET}.{world.mine.id}.>")]
    prompts = [place for place, subject in enumerate(told) if any(subject.endswith(one["id"]) for one in made.values())]
    assert (len(prompts), max(prompts) < told.index(f"$KV.{BUCKET}.{world.mine.id}.flow.{path.split('/')[-1]}")) == (3, True)
    engine.installed = False
    assert (await world.ask("POST", f"{path}/publish", who)).status_code == 200, "what is kept needs no engine"
    assert len(engine.rendered) == 3


@pytest.mark.parametrize(("language", "sentence"), [("en", "cannot be spoken"), ("zh-CN", "无法朗读")])
async def test_a_text_that_cannot_be_spoken_names_its_step(world: World, language: str, sentence: str) -> None:
    who = await world.headers("admin") | {"Accept-Language": language}
    path = await drafted(world, who, Beeper(), flow(HELLO, {"zh-CN": "☎"}))
    refused = await world.ask("POST", f"{path}/publish", who)
    assert (refused.status_code, refused.json()["code"]) == (422, "flow_has_problems")
    (problem,) = refused.json()["parameters"]["problems"]
    assert (problem["step"], problem["code"], problem["parameters"]["text"]) == ("menu", "flow.cannot_speak", "☎")
    assert sentence in problem["message"]
    assert await sounds(world, who) == {}, "nothing is kept of a flow that was not published"


async def test_without_an_engine_nothing_new_is_said(world: World) -> None:
    who = await world.headers("admin")
    path = await drafted(world, who, Beeper(installed=False), flow({"en": "Hello"}, MENU))
    for action in ("check", "publish"):
        answer = (await world.ask("POST", f"{path}/{action}", who)).json()
        problems = answer["items"] if action == "check" else answer["parameters"]["problems"]
        assert {(one["step"], one["code"]) for one in problems} == {("hello", "flow.no_speech"), ("menu", "flow.no_speech")}
    assert (await world.ask("GET", path, who)).json()["published_version"] in (None, 0, "")


async def test_call_data_waits_for_the_call_and_what_is_written_is_not_spoken(tmp_path: Path) -> None:
    steps = {
        "hello": {"kind": "say", "text": {"zh-CN": "订单{vars.order}", "en": "Hello"}, "otherwise": ["menu"], "next": {"done": "text"}},
        "text": {"kind": "send_text", "text": {"zh-CN": "谢谢"}, "next": {"done": "bye", "failed": "bye"}},
        "bye": {"kind": "hang_up"},
    }
    document, problems = step_kinds(Library()).parse({"schema_version": 1, "name": NAME, "start": "hello", "steps": steps})
    assert document is not None, problems
    engine = Beeper()
    made, problems = await spoken(document, (), engine, PromptsFolder(tmp_path), "t")
    assert (engine.rendered, problems, [one["text"] for one in made]) == ([("Hello", "en")], [], ["Hello"])
