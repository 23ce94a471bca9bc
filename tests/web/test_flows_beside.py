"""An agent lets his customer into a flow, sends into the call and takes the customer back, by HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.web.centre import Centre, until
from tests.web.world import NAME, World

CARD: dict[str, Any] = {
    "schema_version": 1, "name": {"zh-CN": "卡业务", "en": "Card"}, "start": "card",
    "data": {"amount": {"zh-CN": "金额", "en": "Amount"}, "card": {"zh-CN": "卡号", "en": "Card"}},
    "entries": {
        "card": {"name": {"zh-CN": "输入卡号", "en": "Card number"}, "beside": True, "takes": ["amount"], "returns": ["card"]},
        "bye": {"name": {"zh-CN": "结束语", "en": "Goodbye"}},
    },
    "steps": {
        "card": {"kind": "collect", "prompts": ["hello"], "name": "card", "maximum": 4, "first_seconds": 30,
                 "next": dict.fromkeys(("done", "timeout", "wrong"), "back")},
        "back": {"kind": "return", "next": {"nowhere": "bye"}},
        "bye": {"kind": "hang_up"},
    },
}  # fmt: skip


async def published(world: World, document: dict[str, Any]) -> tuple[int, Any]:
    admin = await world.headers("admin")
    made = await world.ask("POST", "/config/flows", admin, json={"code": "card", "name": NAME, "document": document})
    assert made.status_code == 201, made.text
    answer = await world.ask("POST", f"/config/flows/{made.json()['id']}/publish", {**admin, "If-Match": made.headers["etag"]})
    return answer.status_code, {**answer.json(), "id": made.json()["id"]}


async def test_a_customer_goes_into_a_flow_and_is_taken_back(world: World, centre: Centre) -> None:
    await centre.start_worker()
    who, talk = await centre.talking("1001")
    status, flow = await published(world, CARD)
    assert status == 200, flow

    async def entries() -> list[dict[str, Any]]:
        return list((await world.ask("GET", "/me/entries", who)).json()["items"])

    async with asyncio.timeout(10):
        while not await entries():
            await asyncio.sleep(0.05)
    bye, card = await entries()
    assert (card["step"], card["name"]["en"], card["beside"], bye["beside"]) == ("card", "Card number", True, False)
    assert [one["name"] for one in (*card["takes"], *card["returns"])] == ["amount", "card"]

    async def ask(verb: str, **body: Any) -> tuple[int, str]:
        answer = await world.ask("POST", f"/me/assignments/{talk}/{verb}", who, json=body)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    wanted = {"flow": flow["id"], "step": "card"}
    assert await ask("flow", flow=flow["id"], step="nothing") == (422, "unknown_entry")
    assert await ask("flow", flow=flow["id"], step="bye") == (422, "not_beside")
    assert await ask("flow", **wanted, values={"pin": "1"}) == (422, "unknown_value")
    assert await ask("send", fax="nothing") == (422, "unknown_fax")
    assert await ask("send", prompt="nothing") == (422, "unknown_prompt")
    assert await ask("take_back") == (409, "wrong_state")
    assert await ask("flow", **wanted, values={"amount": "120.37"}) == (204, "")
    (assignment,) = centre.assignments("1001")
    await until(lambda: assignment.detour is not None and assignment.detour.state == "there")
    assert await ask("hold") == (409, "wrong_state")
    assert await ask("take_back") == (204, "")
    await until(lambda: assignment.detour is None)
    told = await centre.facts("contact.attribute_set")
    assert [one.payload["name"] for one in told] == ["amount"]
    assert "120.37" not in repr(told)
    sendable = (await world.ask("GET", "/me/sendable", who)).json()["items"]
    assert {"kind": "fax", "code": "tariff"} in [{"kind": one["kind"], "code": one["code"]} for one in sendable]
    assert all("." not in one["code"] for one in sendable if one["kind"] == "prompt")


async def test_what_is_wrong_with_an_entry_is_said(world: World, centre: Centre) -> None:
    wrong = {**CARD, "data": {}, "help": {"key": "1", "step": "card"}, "steps": {
        **CARD["steps"], "back": {"kind": "queue", "queue": "service",
                                  "next": dict.fromkeys(("served", "timeout", "full", "no_agents"), "bye")},
    }}  # fmt: skip
    status, answer = await published(world, wrong)
    assert status == 422
    problems = answer["parameters"]["problems"]
    assert {"flow.unnamed_data", "flow.no_return", "flow.not_beside_an_agent"} <= {one["code"] for one in problems}
    assert not [one for one in problems if one["message"].startswith("flow.")], "each has its sentence"
