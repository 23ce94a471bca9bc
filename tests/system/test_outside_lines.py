"""A line to an operator, set up over the API of a running product: it registers, a desk phone calls out by it as its agent may, and
customers in the public network call in."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from tests.switches.agents import Agent
from tests.switches.gateways import Gateway
from tests.switches.speaking import frames_of, rendered
from tests.system.stack import PASSWORD, PATIENCE, Api, Stack, eventually
from tests.system.test_hotline import steps
from tests.system.test_several_at_a_desk import everybody_on_a_break
from websockets.asyncio.client import connect

from yitong.sim.voices import Sound, speech, tone

NAME = {"zh-CN": "运营商", "en": "Operator"}
MOBILE, ABROAD, CUSTOMER = "13911112222", "0044207946000", "02155667788"
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


def line_of(code: str) -> str:
    """The user name with which a line registers."""
    return f"line-{code}"


def set_up(admin: Api, port: int, code: str = "operator", extension: str = "1003") -> None:
    """What an administrator does: the line, and what an agent may call."""
    site = admin("GET", "/me")["site"]["id"]
    admin("POST", "/config/trunks", expect=201, json={
        "code": code, "name": NAME, "site": site, "host": "127.0.0.1", "port": port, "username": line_of(code), "password": "s3cret-line",
        "register": True, "rewrite_called": [{"pattern": "1[3-9].", "prepend": "+86"}], "caller_number": "02196900",
    })  # fmt: skip
    user = next(one for one in admin("GET", "/config/users")["items"] if one["extension"] == extension)
    names = ("username", "name", "language", "roles", "extension", "team", "site", "skills")
    body = {name: user[name] for name in names} | {"may_call": ["mobile"]}
    admin("PUT", f"/config/users/{user['id']}", json=body, headers={"If-Match": f'"{user["version"]}"'})


def trunk_up(stack: Stack) -> bool:
    figures = httpx.get(f"{stack.base}/metrics", timeout=5.0, trust_env=False).text
    return any("trunk_up" in row and "operator" in row and row.rstrip().endswith(" 1.0") for row in figures.splitlines())


async def shown(stack: Stack, desk: Api) -> dict[str, Any]:
    """What stands on the agent's desk of the contact that he is offered."""
    url, protocol = stack.base.replace("http", "ws", 1) + "/api/v1/live", websockets.Subprotocol("yitong.live.v1")
    async with connect(url, subprotocols=[protocol], proxy=None) as live:
        await live.send(json.dumps({"type": "hello", "token": desk.token, "topics": {"desk": None}}))
        async for message in live:
            told = json.loads(message)
            if told["type"] == "snapshot":
                return next(one for one in told["data"]["assignments"].values() if one["state"] == "offered")
    raise AssertionError("no desk")


async def a_customer_calls_in(stack: Stack, api: Callable[[str], Api], gateway: Gateway, phone: Agent) -> None:
    """From an ordinary telephone, through the operator's gateway and the registered line, the flow and the queue, to the agent's phone."""
    desk, admin = api("1003"), api("admin")
    await asyncio.to_thread(everybody_on_a_break, api)
    await asyncio.to_thread(desk, "PUT", "/me/state", 204, json={"state": "ready"})
    gateway.rtp.frame, phone.rtp.frame = bytes([0x2A]) * 160, bytes([0x2B]) * 160
    gateway.bring(CUSTOMER, "96900")
    await true(lambda: gateway.dialog is not None, "the line's call is not answered")
    await asyncio.to_thread(eventually, lambda: "menu" in steps(admin, CUSTOMER), 15.0, "the customer is not in the menu")
    await gateway.rtp.press("0")
    await true(lambda: phone.ringing is not None, "the agent is not rung")
    assert phone.invitations[-1].from_.uri.user == CUSTOMER
    told = await shown(stack, desk)
    assert (told["calling"], told["called"], told["line"]) == (CUSTOMER, "96900", NAME), told
    phone.pick_up()
    await true(lambda: gateway.rtp.heard[-1:] == [phone.rtp.frame], "the customer does not hear the agent")
    await true(lambda: phone.rtp.heard[-1:] == [gateway.rtp.frame], "the agent does not hear the customer")
    gateway.hang_up()
    await true(lambda: phone.released, "the agent's phone is not released")
    await asyncio.to_thread(desk, "PUT", f"/me/assignments/{told['id']}/wrap_up", 204, json={"note": "来电", "next_state": "not_ready"})
    detail = await asyncio.to_thread(admin, "GET", f"/contacts/{told['contact']}")
    arrived = next(one["payload"] for one in detail["events"] if one["type"] == "contact.arrived")
    assert (arrived["trunk"], arrived["number"], detail["calling"]) == ("operator", "96900", CUSTOMER)


@pytest.mark.req("A11", "A12", "G1", "H44", "H48", "H54", "H66", "T1")
async def test_a_line_that_was_just_set_up_carries_calls_out_and_in(stack: Stack, api: Callable[[str], Api]) -> None:
    server, supervisor, desk = ("127.0.0.1", stack.sip_port), api("1100"), api("1003")
    gateway, phone = Gateway("operator", server), Agent("1003", server, PASSWORD)
    async with opened(gateway), opened(phone):
        gateway.line = (line_of("operator"), "s3cret-line")
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
        await a_customer_calls_in(stack, api, gateway, phone)


@pytest.mark.req("H71", "O21", "A22", "A23")
async def test_an_agent_calls_out_and_the_talk_is_a_contact(stack: Stack, api: Callable[[str], Api]) -> None:
    """Asked over the API, as the desk does: the own telephone, the number, the talk, its recording, its work afterwards."""
    server, admin, desk = ("127.0.0.1", stack.sip_port), api("admin"), api("1004")
    gateway, phone = Gateway("second", server), Agent("1004", server, PASSWORD)
    async with opened(gateway), opened(phone):
        gateway.line = (line_of("second"), "s3cret-line")
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
    for _ in range(round(50 * PATIENCE)):
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
