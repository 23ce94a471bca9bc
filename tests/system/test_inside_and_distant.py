"""Two agents call each other at real telephones (H72); an agent asks a distant one at an outside number while he serves (T50).

And calls are led to flows by who calls and by the line that they come by (H50, H51).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.switches.agents import Agent
from tests.system.desks import dial_for_a_person
from tests.system.phones import Phone
from tests.system.stack import PASSWORD, Api, Stack, eventually
from tests.system.test_outside_lines import opened, true
from tests.system.test_several_at_a_desk import all_hear, everybody_on_a_break, phone_hears

pytestmark = [pytest.mark.baresip, pytest.mark.timeout(300)]
CUSTOMER, DISTANT, NUMBER = "13910010055", "13622220000", "96970"
NAME = {"zh-CN": "异地", "en": "Distant"}


def port_of(folder: Path) -> int:
    found = re.search(r"sip_listen 127.0.0.1:(\d+)", (folder / "config").read_text())
    assert found
    return int(found[1])


def states(admin: Api) -> dict[str, str]:
    return {one["extension"]: one["state"] for one in admin("GET", "/agents")["items"]}


@pytest.mark.req("H72")
def test_agents_call_each_other_and_are_offered_nothing(api: Callable[[str], Api], phone: Callable[..., Phone]) -> None:
    everybody_on_a_break(api)
    desk, other_desk, admin = api("1003"), api("1004"), api("1100")
    own, other = phone("1003", password=PASSWORD, tone=700), phone("1004", password=PASSWORD, tone=1000)
    for one in (own, other):
        one.wait_registered()
    assert desk("POST", "/me/inside_calls", expect=404, json={"number": "1999"})["code"] == "not_found"
    desk("POST", "/me/inside_calls", expect=201, json={"number": "1004"})
    own.wait("CALL_INCOMING", 15.0)
    own.accept()
    other.wait("CALL_INCOMING", 15.0)
    other_desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    other.accept()
    all_hear(own=(lambda: phone_hears(own), ["second"]), other=(lambda: phone_hears(other), ["first"]))
    assert {states(admin)[extension] for extension in ("1003", "1004")} == {"busy"}
    assert api("1002")("POST", "/me/inside_calls", expect=409, json={"number": "1004"})["code"] in ("agent_busy", "no_telephone")
    customer = phone(CUSTOMER, tone=440)
    dial_for_a_person(customer)
    eventually(lambda: admin("GET", "/queues")["items"][0]["waiting"] >= 1, 15.0, "the customer does not wait")
    assert states(admin)["1004"] == "busy"
    own.hang_up()
    other.wait("CALL_CLOSED", 10.0)
    other.wait("CALL_INCOMING", 15.0)
    customer.hang_up()
    other_desk("PUT", "/me/state", expect=204, json={"state": "not_ready"})
    other.wait("CALL_CLOSED", 10.0)
    own.dial("1004")  # the same from the telephone itself
    other.wait("CALL_INCOMING", 15.0)
    other.accept()
    own.wait("CALL_ESTABLISHED", 15.0)
    assert {states(admin)[extension] for extension in ("1003", "1004")} == {"busy"}
    own.hang_up()
    other.wait("CALL_CLOSED", 10.0)
    eventually(lambda: states(admin)["1003"] != "busy", 10.0, "the agent is still busy")
    everybody_on_a_break(api)


def assignment_of(supervisor: Api) -> str:
    """The agent's part in the customer's newest contact."""
    items = supervisor("GET", "/contacts", params={"number": CUSTOMER, "limit": 1})["items"]
    segments = supervisor("GET", f"/contacts/{items[0]['id']}")["segments"] if items and not items[0]["ended_at"] else []
    return next((str(one["assignment"]) for one in segments if one.get("assignment")), "")


@pytest.mark.req("T50")
def test_a_distant_agent_is_consulted_during_service(api: Callable[[str], Api], phone: Callable[..., Phone], tmp_path: Path) -> None:
    """The customer is on hold, hears music, and is back with the agent afterwards."""
    everybody_on_a_break(api)
    admin, desk = api("admin"), api("1003")
    distant = phone(DISTANT, tone=1000)
    site = admin("GET", "/me")["site"]["id"]
    admin("POST", "/config/trunks", expect=201, json={
        "code": "distant", "name": NAME, "site": site, "host": "127.0.0.1", "port": port_of(tmp_path / f"0-{DISTANT}"),
        "prefixes": [{"prefix": "1362222", "price": "0"}],
    })  # fmt: skip
    user = next(one for one in admin("GET", "/config/users")["items"] if one["extension"] == "1003")
    names = ("username", "name", "language", "roles", "extension", "team", "site", "skills")
    body = {name: user[name] for name in names} | {"may_call": ["mobile"]}
    admin("PUT", f"/config/users/{user['id']}", json=body, headers={"If-Match": f'"{user["version"]}"'})
    own, customer = phone("1003", password=PASSWORD, tone=700), phone(CUSTOMER, tone=440)
    own.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    dial_for_a_person(customer)
    own.wait("CALL_INCOMING", 20.0)
    own.accept()
    all_hear(customer=(lambda: phone_hears(customer), ["first"]))
    talk = eventually(lambda: assignment_of(api("1100")), 10.0, "no assignment is told")
    desk("POST", f"/me/assignments/{talk}/hold", expect=204)
    all_hear(customer=(lambda: phone_hears(customer), ["something"]))

    def consulted() -> bool:
        try:
            desk("POST", f"/me/assignments/{talk}/consult", expect=204, json={"number": DISTANT})
        except AssertionError:
            return False
        return True

    eventually(consulted, 10.0, "the distant agent cannot be called")
    distant.wait("CALL_INCOMING", 15.0)
    distant.accept()
    all_hear(
        own=(lambda: phone_hears(own), ["second"]), distant=(lambda: phone_hears(distant), ["first"]),
        customer=(lambda: phone_hears(customer), ["something"]),
    )  # fmt: skip
    desk("POST", f"/me/assignments/{talk}/reconnect", expect=204)
    distant.wait("CALL_CLOSED", 10.0)
    all_hear(customer=(lambda: phone_hears(customer), ["first"]), own=(lambda: phone_hears(own), ["customer"]))
    customer.hang_up()
    own.wait("CALL_CLOSED", 10.0)
    everybody_on_a_break(api)


FLOW = {"schema_version": 1, "name": NAME, "start": "end", "steps": {"end": {"kind": "hang_up"}}}


async def flow_of(stack: Stack, admin: Api, calling: str, bind: str = "127.0.0.1") -> str:
    """Which flow a caller is led to; empty when he is not answered (yet)."""
    caller = Agent(calling, ("127.0.0.1", stack.sip_port), bind=bind)
    async with opened(caller):
        caller.call(NUMBER)
        await true(lambda: any(status >= 200 for status in caller.responses), "no final answer")
        if 200 not in caller.responses:
            return ""
        await true(lambda: caller.released, "the flow does not hang up")
    for _ in range(100):
        items = await asyncio.to_thread(admin, "GET", "/contacts", params={"number": calling, "limit": 1})
        if items["items"] and items["items"][0]["ended_at"]:
            detail = await asyncio.to_thread(admin, "GET", f"/contacts/{items['items'][0]['id']}")
            return next(str(one["payload"]["flow"]) for one in detail["events"] if one["type"] == "flow.started")
        await asyncio.sleep(0.1)
    raise AssertionError("no contact")


@pytest.mark.req("H50", "H51")
async def test_calls_are_led_to_flows_by_who_calls_and_by_the_line(stack: Stack, api: Callable[[str], Api]) -> None:
    """One number of ours: whoever calls, callers from 1379, and whoever comes by the eastern line (the line goes before the caller)."""
    admin = api("admin")

    def configure() -> dict[str, str]:
        site, flows = admin("GET", "/me")["site"]["id"], {}
        line = admin("POST", "/config/trunks", expect=201, json={
            "code": "east", "name": NAME, "site": site, "addresses": ["127.0.0.2/32"], "numbers": [NUMBER],
        })["id"]  # fmt: skip
        ways: tuple[tuple[str, dict[str, Any]], ...] = (("anybody", {}), ("known", {"calling": "1379"}), ("eastern", {"trunk": line}))
        for name, way in ways:
            flow = admin("POST", "/config/flows", expect=201, json={"code": f"by_{name}", "name": NAME, "document": FLOW})["id"]
            admin("POST", f"/config/flows/{flow}/publish")
            admin("POST", "/config/numbers", expect=201, json={"number": NUMBER, "name": NAME, "flow": flow, "site": site} | way)
            flows[flow] = name
        return flows

    flows = await asyncio.to_thread(configure)

    async def led(calling: str, bind: str = "127.0.0.1") -> str:
        return flows.get(await flow_of(stack, admin, calling, bind), "")

    for _ in range(50):
        if await led("13700000001") == "anybody" and await led("13790000001", "127.0.0.2") == "eastern":
            break
        await asyncio.sleep(0.2)
    assert await led("13700000002") == "anybody"
    assert await led("13790000002") == "known"
    assert await led("13790000003", "127.0.0.2") == "eastern"
    assert await led("13700000003", "127.0.0.2") == "eastern"
