"""The facts behind the security page: asked of the switches that live, shown to whom they belong, a ban lifted with its audit entry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.web.world import World

from yitong.app.process import Heartbeat
from yitong.ct.security import AskSecurity, RefusalKind, SecurityStanding, subject
from yitong.ct.switches.soft.defence import Defence
from yitong.ct.switches.soft.directory import Directory
from yitong.kit.clock import SystemClock
from yitong.sip.guard import MAXIMUM_TRIES

SOURCE, NODE = "198.51.100.7", "switch.one"


@pytest.fixture
async def defence(world: World) -> AsyncIterator[Defence]:
    """A switch's defence at the end of the wire, with its heartbeat; a second switch of before says nothing any more."""
    made = Defence(Directory(), SystemClock())

    async def answer(_: str, ask: AskSecurity) -> SecurityStanding:
        return made.asked(ask, {f"{world.mine.id}/phone/1001", f"{world.other.id}/phone/1002"})

    subscription = await world.nats.answer(subject(NODE), AskSecurity, answer)
    figures = {
        "media_alarm disk_full": 1.0,
        "media_alarm ports_low": 0.0,
        "disk_used_percent": 85.4,
        "disk_silent_seconds": 2.1,
        "descriptors_percent": 91.0,
        "memory_percent": 93.5,
        "overloaded": 1.0,
        "journal_fails": 0.0,
        f"trunk_up {world.mine.id}/trunk/a": 0.0,
        f"trunk_up {world.other.id}/trunk/b": 0.0,
    }
    beat = Heartbeat(process="switch", node=NODE, pid=1, state="ok", reason="", figures=figures)
    await world.nats.publish("health.switch.one", beat)
    admin = await world.headers("admin")

    async def known() -> bool:
        return bool((await world.ask("GET", "/security", admin)).json()["switches"])

    end = asyncio.get_running_loop().time() + 20
    while not await known():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.05)
    yield made
    await subscription.unsubscribe()


def guess(defence: Defence) -> None:
    for _ in range(MAXIMUM_TRIES):
        defence.guard.failed(SOURCE, SystemClock().monotonic())


async def test_an_administrator_sees_bans_refusals_suspects_and_alarms(world: World, defence: Defence) -> None:
    guess(defence)
    defence.refused(RefusalKind.WRONG_PASSWORD, SOURCE, account="1001", tenant=world.mine.id)
    defence.refused(RefusalKind.WRONG_PASSWORD, SOURCE, account="1002", tenant=world.other.id)
    defence.refused(RefusalKind.NOT_THERE, SOURCE)
    seen = (await world.ask("GET", "/security", await world.headers("admin"))).json()
    assert [(one["node"], one["answers"]) for one in seen["switches"]] == [(NODE, True)]
    assert [(ban["source"], ban["reason"], ban["tries"], ban["node"]) for ban in seen["bans"]] == [
        (SOURCE, "wrong_passwords", MAXIMUM_TRIES, NODE)
    ]
    assert seen["bans"][0]["until"] > seen["bans"][0]["since"] > "2020"
    assert {(one["kind"], one["account"]) for one in seen["refused"]} == {("wrong_password", "1001"), ("not_there", "")}
    assert seen["counts"] == {"wrong_password": 2, "not_there": 1}
    assert seen["suspects"] == [{"node": NODE, "account": "1001", "reason": "abroad_today"}]
    alarms = {one["code"]: one["reason"] for one in seen["alarms"] if one["process"] == "switch"}
    assert alarms == dict.fromkeys(
        ["accounts_over_toll", "descriptors_filling", "disk_filling", "disk_full", "memory_filling", "overloaded", "sources_silenced"], ""
    ) | {"trunks_down": "a"}  # fmt: skip
    assert world.other.id not in str(seen)


async def test_a_ban_is_lifted_by_right_and_with_its_entry(world: World, defence: Defence) -> None:
    guess(defence)
    admin, body = await world.headers("admin"), {"source": SOURCE}
    for who in ("1001", "1100"):
        assert (await world.ask("GET", "/security", await world.headers(who))).status_code == 403
        assert (await world.ask("POST", "/security/bans/lift", await world.headers(who), json=body)).status_code == 403
    lifted = await world.ask("POST", "/security/bans/lift", admin, json=body)
    assert lifted.status_code == 204, lifted.text
    assert (await world.ask("GET", "/security", admin)).json()["bans"] == []
    again = await world.ask("POST", "/security/bans/lift", admin, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "not_banned")
    entries = (await world.ask("GET", "/config/audit", admin)).json()["items"]
    assert [(one["action"], one["object"]) for one in entries if one["kind"] == "source"] == [("ban.lifted", SOURCE)]
