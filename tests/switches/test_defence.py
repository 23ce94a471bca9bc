"""What the switch tells of its defence: bans with their reason, refusals by kind, suspect accounts; and a ban that is lifted."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.figures import figure
from tests.switches.rigs import CALLED, TENANT
from tests.switches.soft_rig import SITE, SoftRig, account
from tests.switches.wire import Wire

from yitong.ct.security import AskSecurity, BanReason, Refusal, RefusalKind, SecurityStanding, Suspect
from yitong.ct.switches.soft.defence import MOST, Defence
from yitong.ct.switches.soft.directory import Directory
from yitong.kit.clock import ManualClock
from yitong.sip import guessing
from yitong.sip.guard import MAXIMUM_PROBES, MAXIMUM_TRIES, SILENCE_SECONDS

STRANGER = "127.0.0.9"


@pytest.fixture
def wire(soft: SoftRig) -> Iterator[Wire]:
    """A stranger: the suite's trunk calls from elsewhere."""
    soft.configure("trunk", "demo", {"code": "demo", "addresses": ["127.0.0.8/32"], "site": SITE})
    made = Wire(soft.server, STRANGER)
    yield made
    made.close()


def told(rig: SoftRig, act: str = "look", source: str = "") -> SecurityStanding:
    ask = AskSecurity(act="lift", source=source) if act == "lift" else AskSecurity()
    return rig.switch.gate.defence.asked(ask, rig.switch.tolls.over)


def lines(standing: SecurityStanding) -> dict[RefusalKind, Refusal]:
    return {one.kind: one for one in standing.refused}


@pytest.mark.case("R17")
async def test_a_ban_is_told_with_its_reason_and_can_be_lifted(soft: SoftRig, wire: Wire) -> None:
    for number in range(MAXIMUM_PROBES):
        wire.send(wire.build("REGISTER", user=f"{3000 + number}", to=f"sip:{3000 + number}@127.0.0.1"))
    await soft.true(lambda: bool(told(soft).bans))
    again = Wire(soft.server, STRANGER)  # which has none of the answers of before
    again.send(again.build("OPTIONS"))
    await soft.true(lambda: told(soft).bans[0].dropped > 0)
    assert await again.receive(0.1) is None
    (ban,) = told(soft).bans
    assert (ban.source, ban.reason, ban.tries) == (STRANGER, BanReason.LOOKS_AROUND, MAXIMUM_PROBES)
    assert (ban.until - ban.since) / 1e6 == pytest.approx(SILENCE_SECONDS)
    assert lines(told(soft))[RefusalKind.NOT_THERE].count == MAXIMUM_PROBES
    assert not told(soft, "lift", "192.0.2.1").lifted
    assert told(soft, "lift", STRANGER).lifted
    answer = await again.ask("OPTIONS")
    again.close()
    assert answer is not None
    assert answer.status == 200
    assert told(soft).bans == []
    figure(
        "R17", f"after {MAXIMUM_PROBES} unknown extensions in a row: silence for ten minutes, listed with reason and count; lifted at once"
    )


async def test_refusals_are_told_by_kind_with_accounts_of_ours_alone(soft: SoftRig, wire: Wire) -> None:
    soft.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    soft.configure("account", "a1002", json.loads(account("1002")) | {"srtp": "required"})
    await soft.operator("out")
    for user, password in (("1001", "wrong"), ("2999", "wrong"), ("1002", "secret")):
        await wire.authorized("REGISTER", "", user, password, user=user, to=f"sip:{user}@127.0.0.1")
    await wire.authorized("REGISTER", "", "1001", "secret", user="1001", to="sip:1002@127.0.0.1")
    await wire.authorized("INVITE", "0044207946000", "1001", "secret", user="1001")
    standing = told(soft)
    found = {(one.kind, one.source, one.account, one.tenant) for one in standing.refused}
    assert {
        (RefusalKind.WRONG_PASSWORD, STRANGER, "1001", TENANT), (RefusalKind.WRONG_PASSWORD, STRANGER, "", ""),
        (RefusalKind.UNENCRYPTED, STRANGER, "1002", TENANT), (RefusalKind.SOMEBODY_ELSE, STRANGER, "1001", TENANT),
        (RefusalKind.NUMBER_CLASS, "", "1001", TENANT),
    } <= found  # fmt: skip
    assert standing.counts["wrong_password"] == 2
    assert not [one for one in standing.refused if "0044" in f"{one}" or "2999" in one.account]
    assert standing.refused[0].last >= standing.refused[-1].last


def test_suspects_are_told_and_a_flood_keeps_the_list_short() -> None:
    clock, directory = ManualClock(), Directory()
    directory.put(f"{TENANT}.account.a1001", account("1001"))
    defence = Defence(directory, clock)
    who = directory.identity("yitong", "1001")
    assert who is not None
    for number in range(guessing.MAXIMUM_TRIES):
        defence.guessing.failed("yitong/1001", who.digest.ha1_sha256, f"192.0.2.{number % guessing.MAXIMUM_SOURCES}", float(number))
    for number in range(MOST + 50):
        defence.refused(RefusalKind.NOT_THERE, f"10.0.{number // 250}.{number % 250}")
    for _ in range(MAXIMUM_TRIES):
        defence.guard.failed("2001:db8::7", clock.monotonic())
    standing = defence.asked(AskSecurity(), {f"{TENANT}/phone/1003"})
    assert standing.suspects == [
        Suspect(tenant=TENANT, account="1001", reason="guessed"), Suspect(tenant=TENANT, account="1003", reason="abroad_today"),
    ]  # fmt: skip
    assert (len(standing.refused), standing.counts["not_there"]) == (MOST, MOST + 50)
    assert [(ban.source, ban.reason, ban.tries) for ban in standing.bans] == [("2001:db8::/64", BanReason.WRONG_PASSWORDS, MAXIMUM_TRIES)]
    clock.advance(SILENCE_SECONDS)
    assert defence.asked(AskSecurity(), set()).bans == []


async def test_a_call_that_waits_for_nobody_is_no_refusal(soft: SoftRig) -> None:
    caller = await soft.agent("13900000000")
    caller.call(CALLED)
    await soft.true(lambda: bool(caller.responses))
    assert told(soft).refused == []
