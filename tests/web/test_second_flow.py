"""The demo is only data: another flow, with other keys, prompts, queue and survey, is published over the API and serves a caller."""

from __future__ import annotations

import io
import json
import wave
from typing import Any

from tests.journeys.world import SITE, TENANT
from tests.journeys.world import World as Centre
from tests.web.world import NAME, World

from yitong.app.jobs.configuration import BUCKET, Configuration
from yitong.domains.acd.messages import OfferAnswered
from yitong.domains.survey.messages import SurveyAnswered
from yitong.kit.clock import SystemClock
from yitong.kit.nats import Nats
from yitong.kit.stream import follow
from yitong.sim.callers import Customer, Press, UntilAlone, UntilAsked, UntilHears
from yitong.sim.switch import Behaviour

NUMBER = "4008"
PROMPTS = ("sales.hello", "sales.menu", "sales.news", "sales.ask")
DOCUMENT: dict[str, Any] = {
    "schema_version": 1, "name": {"zh-CN": "销售", "en": "Sales"}, "start": "hello", "values": {"staffed": "yes"},
    "steps": {
        "hello": {"kind": "play", "prompts": ["sales.hello"], "next": {"done": "staffed"}},
        "staffed": {"kind": "condition", "when": [{"if": "vars.staffed == 'yes'", "then": "yes"}], "next": {"yes": "menu", "else": "end"}},
        "menu": {
            "kind": "menu", "prompts": ["sales.menu"], "keys": ["7", "*"],
            "next": {"7": "news", "*": "person", "timeout": "end", "wrong": "end"},
        },
        "news": {"kind": "play", "prompts": ["sales.news"], "next": {"done": "menu"}},
        "person": {"kind": "queue", "queue": "sales", "next": {"served": "ask", "timeout": "end", "full": "end", "no_agents": "end"}},
        "ask": {
            "kind": "survey", "survey": "recommend", "prompts": ["sales.ask"], "answers": {"8": 10, "9": 0},
            "next": {"answered": "end", "none": "end"},
        },
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


def sound(frames: int) -> bytes:
    """A WAV of silence; another length is another file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * frames))
    return out.getvalue()


async def configured(world: World) -> dict[str, str]:
    """Everything by HTTP, as an administrator does it. Returns the files of the prompts by code."""
    who, files = await world.headers("admin"), {}

    async def post(path: str, **more: Any) -> Any:
        answer = await world.ask("POST", path, who, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    for number, code in enumerate(PROMPTS, 1):
        upload = {"files": {"file": ("x.wav", sound(800 * number), "audio/wav")}, "data": {"code": code, "language": "zh-CN"}}
        files[code] = (await post("/config/prompts", **upload))["file"]
    skill = (await post("/config/skills", json={"code": "sales", "name": NAME}))["id"]
    wanted = {"code": "sales", "name": NAME, "site": world.mine.site, "requirement": [{"skill": skill, "level": 3}]}
    await post("/config/queues", json=wanted)
    flow = (await post("/config/flows", json={"code": "sales", "name": DOCUMENT["name"], "document": DOCUMENT}))["id"]
    await post(f"/config/flows/{flow}/publish")
    await post("/config/numbers", json={"number": NUMBER, "name": NAME, "flow": flow, "site": world.mine.site})
    return files | {"skill": skill}


async def published(world: World, nats: Nats) -> list[tuple[str, dict[str, Any]]]:
    """What core is told: kind and document, from the bucket that it watches; in the names of the simulated centre."""
    await Configuration(world.database, nats, SystemClock()).publish_all()
    found = []
    for kind in ("prompt", "queue", "flow", "number"):
        async for message in follow(nats, f"KV_{BUCKET}", f"$KV.{BUCKET}.{world.mine.id}.{kind}.*", latest_only=True):
            if message is None:
                break
            text = message.data.decode().replace(world.mine.id, TENANT).replace(world.mine.site, SITE)
            found.append((kind, json.loads(text)))
    return found


async def test_a_second_flow_is_published_and_serves(world: World, nats: Nats) -> None:
    known = await configured(world)
    centre = Centre()
    for kind, value in await published(world, nats):
        centre.put(kind, value["id"], value)
    centre.agent("1001", usual=Behaviour(answer_after=2.0, hang_up_after=10.0), skills={known["skill"]: 5})
    file = {code: known[code].replace(world.mine.id, TENANT) for code in PROMPTS}
    centre.agent("1002", skills={known["skill"]: 1})
    steps = (
        UntilAsked(), Press("7"), UntilHears(file["sales.news"]), UntilAsked(), Press("*"), UntilAlone(),
        UntilHears(file["sales.ask"]), Press("8"),
    )  # fmt: skip
    caller = Customer(centre.switch, tenant=TENANT, called=NUMBER, calling="13800000001", steps=steps)
    centre.run(120)
    (answered,) = centre.facts(OfferAnswered)
    (survey,) = centre.facts(SurveyAnswered)
    assert (answered.agent, survey.survey, survey.answer, survey.agent) == ("a1001", "recommend", 10, "a1001")
    heard = [seen.detail for seen in caller.seen if seen.what == "hears"]
    assert [detail for detail in heard if detail in file.values()][:2] == [file["sales.hello"], file["sales.menu"]]
    assert caller.ended
