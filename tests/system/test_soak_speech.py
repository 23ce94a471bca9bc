"""A flow speaks to a real telephone what was typed on it, in Chinese and in English, with the speech engine (``make soak`` installs it)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.system.hearing import RATE, Ear, Samples, heard_at, prompt, sound
from tests.system.phones import Phone
from tests.system.stack import Api, Stack, eventually

from yitong.domains.ivr.speech.kokoro import Kokoro

pytestmark = [pytest.mark.soak, pytest.mark.baresip, pytest.mark.timeout(900)]
NAME = {"zh-CN": "订单", "en": "Orders"}
NUMBER, CALLER = "96907", "13600136007"
TEXT = {"zh-CN": "您好，您的订单{vars.order}已经发货，预计明天送达。", "en": "Hello. Your order number {vars.order} is on its way."}
LANGUAGES = {"1": "zh-CN", "2": "en"}
CALLS = [("1", "2048"), ("1", "365"), ("2", "2048"), ("2", "365"), ("1", "2048")]
DOCUMENT: dict[str, Any] = {
    "schema_version": 1, "name": NAME, "start": "which",
    "steps": {
        "which": {"kind": "menu", "prompts": ["menu"], "keys": ["1", "2"],
                  "next": {"1": "chinese", "2": "english", "timeout": "end", "wrong": "end"}},
        "chinese": {"kind": "set", "values": {"language": "'zh-CN'"}, "next": {"done": "order"}},
        "english": {"kind": "set", "values": {"language": "'en'"}, "next": {"done": "order"}},
        "order": {"kind": "collect", "prompts": ["number.1"], "name": "order", "maximum": 10, "first_seconds": 30,
                  "next": {"done": "told", "timeout": "end", "wrong": "end"}},
        "told": {"kind": "say", "text": TEXT, "otherwise": ["thanks"], "next": {"done": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


def configure(admin: Api) -> None:
    site = admin("GET", "/me")["site"]["id"]
    flow = admin("POST", "/config/flows", expect=201, json={"code": "orders", "name": NAME, "document": DOCUMENT})["id"]
    admin("POST", f"/config/flows/{flow}/publish")
    admin("POST", "/config/numbers", expect=201, json={"number": NUMBER, "name": NAME, "flow": flow, "site": site})


def answered(probe: Phone) -> bool:
    """Whether the switch knows the number already."""
    probe.dial(NUMBER)
    return probe.has("CALL_ESTABLISHED", 3.0)


def called(caller: Phone, keys: str) -> Samples:
    """What is heard in a call in which ``keys`` are typed at once, until the flow hangs up."""
    caller.dial(NUMBER)
    caller.wait("CALL_ESTABLISHED", 20.0)
    caller.press(keys)
    caller.wait("CALL_CLOSED", 60.0)
    return sound(caller.heard)


def spoken(home: Path) -> set[Path]:
    return set(home.glob("prompts/*/spoken/*.wav"))


@pytest.mark.req("H32")
def test_what_a_caller_typed_is_spoken_to_him(stack: Stack, api: Callable[[str], Api], phone: Callable[..., Phone]) -> None:
    assert Kokoro().available(), "the speech engine is not installed: make soak installs it"
    configure(api("admin"))
    eventually(lambda: _ready(stack), 60.0, "the worker's engine does not speak")
    probe = phone("13600136008", tone=440)
    eventually(lambda: answered(probe), 20.0, "the new number does not answer")
    probe.close()
    caller, heard, made = phone(CALLER, tone=440), list[Ear](), list[Path]()
    for number, (key, order) in enumerate(CALLS):
        before = spoken(stack.home)
        heard.append(_answer(caller, f"{key}{order}#"))
        new = spoken(stack.home) - before
        assert len(new) == (number < len(CALLS) - 1), "the last call asks for what was spoken already"
        made += new
    seconds = [_judge(heard, number, sound(path)) for number, path in enumerate(made)]
    assert len(heard_at(heard[-1], sound(made[0]))) == 1, "what is kept is not heard"
    assert not any("2048" in line for line in stack.log.read_text(errors="replace").splitlines() if "speech" in line)
    print("spoken:", ", ".join(f"{LANGUAGES[key]} {order} {length:.1f} s" for (key, order), length in zip(CALLS, seconds, strict=False)))


def _answer(caller: Phone, keys: str) -> Ear:
    """What is heard when it was ready in time: on a machine that others use a sentence takes longer than a caller waits for it. Then he
    hears what stands in its place; it is made all the same, and the next call has it."""
    for _ in range(4):
        ear = Ear(called(caller, keys))
        if not heard_at(ear, prompt("thanks")) and not heard_at(ear, prompt("thanks", "en")):
            return ear
        print(f"{keys} was not ready in time")
    raise AssertionError(f"{keys}: four calls, and no speech")


def _ready(stack: Stack) -> bool:
    processes = httpx.get(f"{stack.base}/healthz", timeout=5.0, trust_env=False).json()["processes"]
    return any(one["figures"].get("speech_ready") for one in processes)


def _judge(heard: list[Ear], number: int, wanted: Samples) -> float:
    """A sentence was heard once in its own call and in no other with another value or language; it is speech. Its length in seconds."""
    asked = CALLS[number]
    for place, ear in enumerate(heard):
        times = len(heard_at(ear, wanted))
        assert times == (CALLS[place] == asked), f"{asked} is heard {times} times in the call {CALLS[place]}"
    (at,) = heard_at(heard[number], wanted)
    part = heard[number].heard[round(at * RATE) : round(at * RATE) + len(wanted)]
    seconds = len(wanted) / RATE
    assert 2.0 < seconds < 8.0, f"{seconds} s are not that sentence"
    assert len(part) > 0.95 * len(wanted), "it was cut off"
    assert _syllables(part) >= 4, "it does not rise and fall as speech does"
    return seconds


def _syllables(part: Samples) -> int:
    """How often it becomes loud: parts of 50 ms above the mean loudness after parts below half of it."""
    block = RATE // 20
    loud = np.sqrt(np.mean(part[: len(part) // block * block].reshape(-1, block) ** 2, axis=1))
    assert loud.max() > 500, "it is silence"
    level, rises, low = float(loud.mean()), 0, True
    for value in loud:
        if low and value > level:
            rises, low = rises + 1, False
        elif value < level / 2:
            low = True
    return rises
