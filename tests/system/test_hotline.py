"""The whole way with real telephones: greeting, menu, wait, agent, talk, survey; then the ledger and the recording tell it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.system.hearing import Ear, heard_at, heard_whole, prompt, sound, sound_so_far
from tests.system.phones import Phone, loudness
from tests.system.stack import PASSWORD, PATIENCE, Api, Stack, eventually
from tests.tcp import peers

from yitong.contact.ledger import Batch
from yitong.kit.nats import Nats
from yitong.media import wav

pytestmark = [pytest.mark.baresip, pytest.mark.timeout(300)]
CALLER = "13800138000"
QUEUE = {"zh-CN": "客户服务", "en": "Customer service"}
NUMBERS = {1: "number.1", 2: "number.2", 3: "number.3", 4: "number.4", 5: "number.5", 6: "number.6", 7: "number.7", 8: "number.8"}


def newest(supervisor: Api, number: str = CALLER) -> dict[str, Any]:
    """The newest contact of a number, once it is closed."""

    def closed() -> dict[str, Any] | None:
        items = supervisor("GET", "/contacts", params={"number": number, "limit": 1})["items"]
        return items[0] if items and items[0]["ended_at"] else None

    return eventually(closed, 10.0, "no closed contact")


def journey(admin: Api, number: str) -> list[dict[str, Any]]:
    """The events so far of the newest contact of a number."""
    items = admin("GET", "/contacts", params={"number": number, "limit": 1})["items"]
    return list(admin("GET", f"/contacts/{items[0]['id']}")["events"]) if items else []


def steps(admin: Api, number: str) -> list[str]:
    """The steps of the flow that the caller has entered."""
    return [event["payload"]["step"] for event in journey(admin, number) if event["type"] == "flow.step_entered"]


def finish(desk: Api, events: list[dict[str, Any]], next_state: str, **more: str) -> None:
    """End the agent's work after the call."""
    assignment = next(event["payload"]["assignment"] for event in events if event["type"] == "acd.contact_offered")
    desk("PUT", f"/me/assignments/{assignment}/wrap_up", expect=204, json={"next_state": next_state, **more})


def follows(supervisor: Api, contact: dict[str, Any], file: Path) -> None:
    """Three seconds of a recording are played while the two still talk."""

    def running() -> list[dict[str, Any]]:
        return list(supervisor("GET", f"/contacts/{contact['id']}")["running"])

    (one,) = eventually(running, 10.0, "nothing is being recorded")
    link = supervisor("POST", one["links"].removeprefix("/api/v1"), expect=201, json={"use": "follow", "begin": True})
    heard = b""
    with supervisor._client.stream("GET", link["url"].removeprefix("/api/v1")) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_bytes()
        while len(heard) < 44 + 3 * 32_000:
            heard += next(pieces)
    assert running(), "the talk is over"
    file.write_bytes(wav.header(len(heard) - 44) + heard[44:])
    assert loudness(file, 440, channel=0) > 0.5
    assert loudness(file, 1000, channel=1) > 0.5


@pytest.mark.req("G5", "H1", "H14", "H15", "H17", "H18", "H29", "H30", "H34", "H40", "O25", "O39", "O41", "O42", "O43", "T2")
@pytest.mark.parametrize(("transport", "codec"), [("udp", "PCMA"), ("tcp", "PCMU")])
def test_a_call_from_greeting_to_survey(
    stack: Stack, phone: Callable[..., Phone], api: Callable[[str], Api], tmp_path: Path, transport: str, codec: str
) -> None:
    desk, supervisor, admin = api("1001"), api("1100"), api("admin")
    agent = phone("1001", password=PASSWORD, tone=1000, transport=transport, codec=codec)
    agent.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    caller = phone(CALLER, tone=440, transport=transport, codec=codec)
    before = len(admin("GET", "/contacts", params={"number": CALLER})["items"])
    caller.dial("96900")
    caller.wait("CALL_ESTABLISHED")
    eventually(lambda: len(admin("GET", "/contacts", params={"number": CALLER})["items"]) > before, 10.0, "no contact")
    eventually(lambda: "menu" in steps(admin, CALLER), 10.0, "the caller is not in the menu")
    caller.press("0")
    ringing = agent.wait("CALL_INCOMING", 15.0)
    assert CALLER in ringing["peeruri"]
    agent.accept()
    agent.wait("CALL_ESTABLISHED")
    time.sleep(1.5)
    follows(supervisor, admin("GET", "/contacts", params={"number": CALLER, "limit": 1})["items"][0], tmp_path / "live.wav")
    agent.hang_up()
    time.sleep(1.0)
    caller.press("1")
    caller.wait("CALL_CLOSED", 20.0)

    finish(desk, journey(admin, CALLER), "not_ready", note="说明清楚")
    contact = newest(supervisor)
    detail = supervisor("GET", f"/contacts/{contact['id']}")
    assert [segment["kind"] for segment in detail["segments"]] == ["ivr", "queue", "agent", "survey"]
    assert detail["survey"] == 1
    types = [event["type"] for event in detail["events"]]
    assert (
        types.index("contact.arrived")
        < types.index("acd.contact_queued")
        < types.index("acd.offer_answered")
        < types.index("contact.ended")
    )
    offered = next(event["payload"]["assignment"] for event in detail["events"] if event["type"] == "acd.contact_offered")
    assert [segment["assignment"] for segment in detail["segments"]] == ["", "", offered, ""]
    recording = eventually(lambda: supervisor("GET", f"/contacts/{contact['id']}")["recordings"], 3.0, "no recording")[0]
    file = tmp_path / "recording.wav"
    file.write_bytes(supervisor("GET", f"/recordings/{recording['id']}"))
    assert loudness(file, 440, channel=0) > 0.8
    assert loudness(file, 1000, channel=1) > 0.8
    assert loudness(file, 1000, channel=0) < 0.01
    (kept,) = (stack.home / "recordings").rglob(f"{recording['id']}*")
    sealed, plain = kept.read_bytes(), file.read_bytes()
    assert sealed.startswith(b"YTSEAL1")
    assert not any(plain[at : at + 640] in sealed for at in range(64_000, len(plain) - 640, 6_401)), "plain on disk"
    assert supervisor("GET", f"/recordings/{recording['id']}") == plain
    agent.close()
    assert loudness(agent.heard, 440) > 0.8
    caller.close()
    ear = Ear(sound(caller.heard))
    assert len(heard_at(ear, prompt("welcome"))) == 1, "the caller did not hear the greeting"
    assert not heard_at(ear, prompt("welcome", "en"))


@pytest.mark.req("H27", "H28")
async def test_a_module_is_added_beside_the_running_ones(stack: Stack, phone: Callable[..., Phone]) -> None:
    """A stranger to the product: it knows the address of NATS and the form of the facts, and does something new with each call."""
    number, rang, left = "13800138009", asyncio.Event(), asyncio.Event()
    calls: Counter[str] = Counter()

    async def hear(subject: str, batch: Batch) -> None:
        for event in batch.events:
            if event.type == "contact.arrived":
                calls[event.payload["number"]] += 1
                rang.set()
            elif event.type == "contact.ended":
                left.set()

    before = {name: stack.pids(name) for name in ("switch", "core", "web", "worker")}
    urls = msgspec.json.decode((stack.home / "run" / "urls.json").read_bytes())
    module = await Nats.connect(urls["nats_url"], "added")
    try:
        await module.subscribe("ledger.>", Batch, hear)
        await module.connection.flush()  # the telephone below keeps this thread to itself
        caller = phone(number, tone=440)
        caller.dial("96900")
        await asyncio.to_thread(caller.wait, "CALL_ESTABLISHED")
        await asyncio.wait_for(rang.wait(), 10.0 * PATIENCE)
        caller.hang_up()
        await asyncio.wait_for(left.wait(), 10.0 * PATIENCE)
    finally:
        await module.close()
    assert calls == {"96900": 1}
    assert {name: stack.pids(name) for name in before} == before, "nothing was started again for it"
    carried = {name: int(urls["nats_url"].rpartition(":")[2]) in peers(pids[0]) for name, pids in before.items()}
    assert carried == dict.fromkeys(before, True), "tiers that are not joined by TCP"


@pytest.mark.req("A13", "A14", "G50", "H2", "H29")
def test_what_callers_hear_in_the_menu_and_while_they_wait(phone: Callable[..., Phone], api: Callable[[str], Api]) -> None:
    """One is served; the second hears the information and then waits as the next; the third waits behind him."""
    desk, admin = api("1001"), api("admin")
    agent = phone("1001", password=PASSWORD, tone=1000)
    agent.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    served, second, third = (phone(number, tone=440) for number in ("13800138001", "13800138002", "13800138003"))
    for caller in (served, second):
        caller.dial("96900")
        caller.wait("CALL_ESTABLISHED")
    served.press("0")
    agent.wait("CALL_INCOMING", 15.0)
    agent.accept()
    agent.wait("CALL_ESTABLISHED")

    listen_to_the_information(second, admin)
    eventually(lambda: waiting(admin) == 1, 10.0, "the second does not wait")
    third.dial("96900")
    third.wait("CALL_ESTABLISHED")
    third.press("0")
    eventually(lambda: waiting(admin) == 2, 10.0, "the third does not wait")
    told = [eventually(partial(announced, admin, caller.user), 20.0, "no announcement") for caller in (second, third)]
    for caller, announcement in zip((second, third), told, strict=True):
        last = spoken_wait(announcement["wait_seconds"])[-1]
        eventually(partial(music_again, caller, last), 15.0, "what was announced is not spoken, or no music after it")
    agent.hang_up()
    served.hang_up()
    finish(desk, journey(admin, served.user), "ready")
    ringing = agent.wait("CALL_INCOMING", 15.0)
    assert second.user in ringing["peeruri"], "the second caller is not the next"
    eventually(lambda: "acd.contact_offered" in [event["type"] for event in journey(admin, second.user)], 5.0, "no notice of the offer")
    third.hang_up()
    agent.accept()
    agent.wait("CALL_ESTABLISHED")
    agent.hang_up()
    eventually(lambda: "survey" in steps(admin, second.user), 10.0, "the second is not asked")
    eventually(lambda: heard_whole(second.heard, "survey"), 15.0, "the question is not heard to its end")
    second.press("2")
    second.wait("CALL_CLOSED", 20.0)
    finish(desk, journey(admin, second.user), "not_ready")

    contact = newest(admin, second.user)
    detail = admin("GET", f"/contacts/{contact['id']}")
    assert (detail["survey"], [key["keys"] for key in detail["keys"]]) == (2, ["1", "0", "2"])
    for one in (second, third):
        one.close()
    check_the_second(Ear(sound(second.heard)), told[0])
    check_the_third(Ear(sound(third.heard)), told[1])


def listen_to_the_information(caller: Phone, admin: Api) -> None:
    """Hear the menu, press 1, hear the information and the menu again, press 0."""
    for times, key in ((1, "1"), (2, "0")):
        eventually(lambda times=times: heard_whole(caller.heard, "menu") == times, 20.0, "the menu is not heard")  # type: ignore[misc]
        assert steps(admin, caller.user).count("menu") == times
        caller.press(key)


def music_again(caller: Phone, code: str) -> bool:
    """Whether a waiting caller hears music after that prompt."""
    ear = Ear(sound_so_far(caller.heard))
    spoken, music = heard_at(ear, prompt(code)), heard_at(ear, prompt("music")[:24_000])
    return bool(spoken and music) and music[-1] > spoken[-1]


def waiting(admin: Api) -> int:
    """How many wait in the queue of the hotline."""
    return int(next(queue for queue in admin("GET", "/queues")["items"] if queue["name"] == QUEUE)["waiting"])


def announced(admin: Api, number: str) -> dict[str, Any] | None:
    """What a waiting caller was told first."""
    return next((event["payload"] for event in journey(admin, number) if event["type"] == "acd.position_announced"), None)


def check_the_second(ear: Ear, told: dict[str, Any]) -> None:
    """Greeting, menu, information, menu, music, place and wait, music, question, thanks, farewell: in this order."""
    (welcome,) = heard_at(ear, prompt("welcome"))
    (information,) = heard_at(ear, prompt("information"))
    first_menu, second_menu = heard_at(ear, prompt("menu"))
    music = heard_at(ear, prompt("music")[:24_000])
    (place,) = heard_at(ear, prompt("queue.next"))
    wait = [heard_at(ear, prompt(code))[0] for code in spoken_wait(told["wait_seconds"])]
    (question,) = heard_at(ear, prompt("survey"))
    (thanks,) = heard_at(ear, prompt("thanks"))
    (farewell,) = heard_at(ear, prompt("goodbye"))
    assert told["position"] == 1
    story = [welcome, first_menu, information, second_menu, music[0], place, *wait, music[-1], question, thanks, farewell]
    assert story == sorted(story), story
    assert len(music) >= 2, "no music after the announcement"


def check_the_third(ear: Ear, told: dict[str, Any]) -> None:
    """Music, then how many wait before him and how long."""
    music = heard_at(ear, prompt("music")[:24_000])
    codes = ["queue.before", NUMBERS[told["position"] - 1], "queue.after", *spoken_wait(told["wait_seconds"])]
    assert told["position"] == 2
    before, wait = heard_at(ear, prompt(codes[0]))[0], heard_at(ear, prompt(codes[-1]))[-1]
    places = [[at for at in heard_at(ear, prompt(code)) if before <= at <= wait] for code in codes]
    assert all(places), dict(zip(codes, places, strict=True))
    assert music[0] < before < wait < music[-1], (music, before, wait)


def spoken_wait(seconds: float) -> list[str]:
    """The prompts that tell an expected wait."""
    if seconds <= 60:
        return ["queue.wait_soon"]
    return ["queue.wait_before", NUMBERS[-(-round(seconds) // 60)], "queue.wait_minutes"]
