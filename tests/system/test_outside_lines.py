"""A line to an operator, set up over the API of a running product: it registers, and a desk phone calls out by it as its agent may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.switches.agents import Agent
from tests.switches.gateways import Gateway
from tests.switches.speaking import frames_of, rendered
from tests.system.stack import PASSWORD, Api, Stack, eventually

from yitong.sim.voices import Sound, speech, tone

NAME = {"zh-CN": "运营商", "en": "Operator"}
MOBILE, ABROAD = "13911112222", "0044207946000"
pytestmark = pytest.mark.timeout(300)


async def true(what: Callable[[], object], why: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why
        await asyncio.sleep(0.02)


@asynccontextmanager
async def opened(agent: Agent) -> AsyncIterator[Agent]:
    await agent.open()
    try:
        yield agent
    finally:
        agent.close()


def set_up(admin: Api, port: int, code: str = "operator", extension: str = "1003") -> None:
    """What an administrator does: the line, and what an agent may call."""
    site = admin("GET", "/me")["site"]["id"]
    admin("POST", "/config/trunks", expect=201, json={
        "code": code, "name": NAME, "site": site, "host": "127.0.0.1", "port": port, "username": "line1", "password": "s3cret-line",
        "register": True, "rewrite_called": [{"pattern": "1[3-9].", "prepend": "+86"}], "caller_number": "02196900",
    })  # fmt: skip
    user = next(one for one in admin("GET", "/config/users")["items"] if one["extension"] == extension)
    names = ("username", "name", "language", "roles", "extension", "team", "site", "skills")
    body = {name: user[name] for name in names} | {"may_call": ["mobile"]}
    admin("PUT", f"/config/users/{user['id']}", json=body, headers={"If-Match": f'"{user["version"]}"'})


def trunk_up(stack: Stack) -> bool:
    figures = httpx.get(f"{stack.base}/metrics", timeout=5.0, trust_env=False).text
    return any("trunk_up" in row and "operator" in row and row.rstrip().endswith(" 1.0") for row in figures.splitlines())


@pytest.mark.req("H44", "H48", "H54", "H66")
async def test_a_desk_phone_calls_out_by_a_line_that_was_just_set_up(stack: Stack, api: Callable[[str], Api]) -> None:
    server, supervisor, desk = ("127.0.0.1", stack.sip_port), api("1100"), api("1003")
    gateway, phone = Gateway("operator", server), Agent("1003", server, PASSWORD)
    async with opened(gateway), opened(phone):
        gateway.line = ("line1", "s3cret-line")
        set_up(api("admin"), gateway.port)
        await true(lambda: gateway.registrations, "the line did not register")
        phone.register()
        await true(lambda: phone.registered == 200, "the phone did not register")
        await true(lambda: trunk_up(stack), "the line is not told to be up")
        phone.call(ABROAD)
        await true(lambda: 403 in phone.responses, "a call abroad was not refused")
        told = await asyncio.to_thread(api("admin"), "GET", "/security")
        assert [one["account"] for one in told["refused"] if one["kind"] == "number_class"] == ["1003"]
        phone.call(MOBILE)
        await true(lambda: gateway.ringing is not None, "the operator's side was not rung")
        invitation = gateway.invitations[-1]
        assert (invitation.uri.user, invitation.from_.uri.user) == ("+8613911112222", "02196900")
        gateway.pick_up()
        await true(lambda: phone.dialog is not None, "the phone is not connected")
        await true(lambda: len(gateway.rtp.heard) > 20 and len(phone.rtp.heard) > 20, "no speech both ways")
        busy = await asyncio.to_thread(supervisor, "GET", "/agents")
        assert next(one["state"] for one in busy["items"] if one["extension"] == "1003") == "busy"
        phone.hang_up()
        await true(lambda: gateway.released or gateway.heard("BYE"), "the operator's side was not released")
        contact = await asyncio.to_thread(newest_own, desk)
        assert (contact["direction"], contact["called"], contact["outcome"]) == ("out", MOBILE, "answered")
        detail = await asyncio.to_thread(desk, "GET", f"/contacts/{contact['id']}")
        assert [segment["kind"] for segment in detail["segments"]] == ["dial", "agent"]
        assert len(detail["recordings"]) == 1
        assignment = next(one["assignment"] for one in detail["segments"] if one.get("assignment"))
        await asyncio.to_thread(desk, "PUT", f"/me/assignments/{assignment}/wrap_up", 204, json={"note": "自拨"})


@pytest.mark.req("H71", "O21", "A22", "A23")
async def test_an_agent_calls_out_and_the_talk_is_a_contact(stack: Stack, api: Callable[[str], Api]) -> None:
    """Asked over the API, as the desk does: the own telephone, the number, the talk, its recording, its work afterwards."""
    server, admin, desk = ("127.0.0.1", stack.sip_port), api("admin"), api("1004")
    gateway, phone = Gateway("second", server), Agent("1004", server, PASSWORD)
    async with opened(gateway), opened(phone):
        gateway.line = ("line1", "s3cret-line")
        await asyncio.to_thread(set_up, admin, gateway.port, "second", "1004")
        phone.register()
        await true(lambda: phone.registered == 200 and gateway.registrations, "phone or line did not register")
        await asyncio.to_thread(desk, "POST", "/me/calls", 403, json={"number": ABROAD})
        made = await asyncio.to_thread(patient_call, desk)
        await true(lambda: phone.ringing is not None, "the agent's own telephone does not ring")
        assert "answer-after=0" in str(phone.invitations[-1].get("Call-Info"))
        phone.pick_up()
        await true(lambda: gateway.ringing is not None, "the operator's side was not rung")
        gateway.pick_up()
        await true(lambda: len(gateway.rtp.heard) > 50 and len(phone.rtp.heard) > 50, "no speech both ways")
        await asyncio.to_thread(desk, "POST", f"/me/assignments/{made}/hang_up", 204)
        await true(lambda: gateway.released or gateway.heard("BYE"), "the operator's side was not released")
        await asyncio.to_thread(desk, "PUT", f"/me/assignments/{made}/wrap_up", 204, json={"note": "回访"})
        contact = await asyncio.to_thread(newest_own, desk)
        assert (contact["direction"], contact["called"], contact["outcome"]) == ("out", MOBILE, "answered")
        detail = await asyncio.to_thread(desk, "GET", f"/contacts/{contact['id']}")
        assert [segment["kind"] for segment in detail["segments"]] == ["dial", "agent"]
        assert len(detail["recordings"]) == 1
        assert detail["recordings"][0]["milliseconds"] > 500
        await busy_is_busy(desk, phone, gateway)
        await a_machine_gets_the_prompt_after_its_beep(desk, phone, gateway)


async def busy_is_busy(desk: Api, phone: Agent, gateway: Gateway) -> None:
    """占线: what the operator says is the contact's result."""
    gateway.answers, gateway.headers = 480, [("Reason", "Q.850;cause=17")]
    await asyncio.to_thread(patient_call, desk)
    await true(lambda: phone.ringing is not None, "the agent's own telephone does not ring")
    phone.pick_up()
    contact = await asyncio.to_thread(newest_ended, desk, "not_reached")
    assert (contact["direction"], contact["cause"], contact["answered"]) == ("out", "busy", False)
    gateway.answers, gateway.headers = 0, []


async def a_machine_gets_the_prompt_after_its_beep(desk: Api, phone: Agent, gateway: Gateway) -> None:
    """机器拾音: a greeting and a beep; the prompt follows, and the agent has talked with nobody."""
    byes = len(gateway.heard("BYE"))
    made = await asyncio.to_thread(patient_call, desk, prompt="thanks", after_beep=True)
    await true(lambda: phone.ringing is not None, "the agent's own telephone does not ring")
    phone.pick_up()
    await true(lambda: gateway.ringing is not None, "the operator's side was not rung")
    gateway.rtp.script.extend(frames_of(rendered((Sound(500), speech(5_000), Sound(300), tone(1_000, 800), Sound(200)), noise=40.0)))
    gateway.pick_up()
    await true(lambda: not gateway.rtp.script, "the greeting was not spoken")
    await true(lambda: sum(frame.count(frame[:1]) < 150 for frame in gateway.rtp.heard[-25:]) > 15, "the prompt is not heard")
    contact = await asyncio.to_thread(newest_ended, desk, "machine", 40.0)
    await true(lambda: len(gateway.heard("BYE")) > byes, "the operator's side was not released")
    detail = await asyncio.to_thread(desk, "GET", f"/contacts/{contact['id']}")
    told = {event["type"]: event for event in detail["events"]}
    assert told["contact.answerer_heard"]["payload"]["who"] == "machine"
    assert told["contact.answerer_heard"]["payload"]["milliseconds"] <= 4_000
    assert told["contact.greeting_heard"]["cause"] in ("beep", "silence")
    await asyncio.to_thread(desk, "PUT", f"/me/assignments/{made}/wrap_up", 204, json={"note": "留言"})


def newest_ended(desk: Api, outcome: str, seconds: float = 10.0) -> dict[str, Any]:
    """The newest contact, once it is over with that outcome."""

    def over() -> dict[str, Any] | None:
        items = desk("GET", "/contacts", params={"limit": 1})["items"]
        return items[0] if items and items[0]["ended_at"] and items[0]["outcome"] == outcome else None

    return eventually(over, seconds, f"no contact with the outcome {outcome}")


def patient_call(desk: Api, **more: object) -> str:
    """The right to call is there as soon as its configuration has come round, and what was before is over."""
    for _ in range(50):
        try:
            return str(desk("POST", "/me/calls", expect=201, json={"number": MOBILE, **more})["assignment"])
        except AssertionError as error:
            if not any(code in str(error) for code in ("number_not_allowed", "no_telephone", "wrong_state")):
                raise
            time.sleep(0.1)
    raise AssertionError("the agent may still not call")


def newest_own(desk: Api) -> dict[str, Any]:
    """The newest contact, once it is one that called out, is closed and has its recording: those before it came in."""

    def closed() -> dict[str, Any] | None:
        items = desk("GET", "/contacts", params={"limit": 1})["items"]
        return items[0] if items and items[0]["direction"] == "out" and items[0]["ended_at"] and items[0]["recording"] else None

    return eventually(closed, 10.0, "no closed contact")
