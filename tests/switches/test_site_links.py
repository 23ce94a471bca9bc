"""Links to other sites of ours (T49): a switch whose link leads to itself is both sides of one. What goes along, who is believed."""

from __future__ import annotations

import time

import pytest
from tests.ports import free_port
from tests.switches.agents import SDP, Agent
from tests.switches.ears import Ears
from tests.switches.rigs import CALLED, CALLING, TENANT
from tests.switches.situations import answered_caller, make, new_id
from tests.switches.soft_rig import SITE, SoftFar, SoftRig

from yitong.ct import services
from yitong.ct.events import CallCleared, Delivered, Established, Failed
from yitong.sip import user_to_user
from yitong.sip.message import Header, Request
from yitong.sip.negotiation import make_offer

SECRET, THERE = "one-word-for-both", "81002"


def link(soft: SoftRig, **fields: object) -> None:
    soft.configure("trunk", "l1", {
        "code": "link", "site": SITE, "host": "127.0.0.1", "port": soft.switch.transports.ports["tcp"], "transport": "tcp",
        "username": "north", "password": SECRET, "link": True, "distant": [{"number": "8XXXX"}],
        "rewrite_called": [{"pattern": "8XXXX", "strip": 1}], **fields,
    })  # fmt: skip


async def dialled(soft: SoftRig, number: str = THERE, data: str = "who it is") -> tuple[SoftFar, str]:
    """A caller for whom a number is rung; its connection."""
    far = await answered_caller(soft)
    assert isinstance(far, SoftFar)
    target = services.Target(connection=new_id(), number=number, data=data)
    soft.ask(make(services.Route, connection=far.connection, targets=(target,), calling=CALLING))
    return far, target.connection


@pytest.mark.req("T49")
async def test_a_call_goes_to_a_person_at_the_other_site_with_what_is_known(soft: SoftRig) -> None:
    link(soft)
    there = await soft.phone("1002")
    far, connection = await dialled(soft)
    came = await soft.until(Delivered, incoming=True, linked=True)
    assert (came.called, came.calling, came.data, came.device) == ("1002", CALLING, "who it is", f"{TENANT}/trunk/link")
    shown = next(one for one in soft.snapshot().connections if one.connection == came.connection)
    assert (shown.linked, shown.data) == (True, "who it is"), "a core that was away sees it, too"
    soft.ask(make(services.Route, connection=came.connection, targets=(services.Target(connection=new_id(), device=there.device),)))
    await there.pick_up()
    await soft.until(Established, connection=connection)
    await Ears(soft, customer=far, colleague=there).hear(customer="colleague", colleague="customer")
    assert not any(one.data for one in soft.snapshot().connections)
    await far.hang_up()
    await soft.until(CallCleared, call=came.call)


@pytest.mark.req("T49")
async def test_who_does_not_take_it_there_is_told_here(soft: SoftRig) -> None:
    link(soft)
    there = await soft.phone("1002")
    _, connection = await dialled(soft)
    came = await soft.until(Delivered, incoming=True, linked=True)
    soft.ask(make(services.Route, connection=came.connection, targets=(services.Target(connection=new_id(), device=there.device),)))
    await soft.until(Delivered, connection=connection)
    soft.ask(make(services.Clear, connection=came.connection))
    assert (await soft.until(Failed, connection=connection)).sip_status == 603
    _, nobody = await dialled(soft, "81999")
    assert (await soft.until(Failed, connection=nobody)).sip_status == 404


async def test_what_goes_along_goes_by_links_alone(soft: SoftRig) -> None:
    """And by a link goes nothing else than the numbers there."""
    link(soft)
    operator = await soft.operator("out")
    await dialled(soft, "13911112222")
    await soft.true(lambda: operator.ringing is not None)
    assert operator.invitations[-1].get(user_to_user.NAME) is None
    link(soft, port=free_port())
    _, other = await dialled(soft)
    await soft.until(Failed, connection=other)
    assert len(operator.invitations) == 1, "not even when nobody is at the other end"


def stranger(agent: Agent, number: str) -> None:
    """An INVITE that says what only a link may say."""
    headers: list[Header] = [user_to_user.told("a lie", "yitong-site"), ("P-Asserted-Identity", "<sip:10086@127.0.0.1>")]
    agent.invite = agent.endpoint.request(
        "INVITE", f"sip:{number}@127.0.0.1", agent.flow, time.monotonic(), from_=f"<sip:{agent.user}@127.0.0.1>",
        to=f"<sip:{number}@127.0.0.1>",
        headers=headers, body=make_offer(agent._local).encode(), content_type=SDP,
    )  # fmt: skip
    agent.pump()


@pytest.mark.req("T49")
async def test_a_link_trusts_nobody_else(soft: SoftRig) -> None:
    """Not its address alone, not a password alone, not what a carrier passes on."""
    link(soft, addresses=["127.0.0.1"])
    await soft.phone("1002")
    agents = {
        "no password": (Agent("north", soft.server), "1002"), "a wrong one": (Agent("north", soft.server, "guess"), "1002"),
        "another address": (Agent("north", soft.server, SECRET, "127.0.0.2"), "1002"),
        "a telephone": (Agent("1002", soft.server, "secret"), "1002"),
    }  # fmt: skip
    for agent, number in agents.values():
        soft.agents.append(await agent.open())
        stranger(agent, number)
    await soft.true(lambda: all(any(status >= 400 for status in agents[name][0].responses) for name in ("no password", "a wrong one")))
    await soft.true(lambda: 403 in agents["another address"][0].responses)
    carrier = Agent("13800000009", soft.server)
    soft.agents.append(await carrier.open())
    stranger(carrier, CALLED)
    came = await soft.until(Delivered, incoming=True, called=CALLED)
    assert (came.linked, came.data) == (False, "")
    assert not [one for one in soft.events if isinstance(one, Delivered) and one.linked]


async def test_a_link_does_not_lead_out_again(soft: SoftRig) -> None:
    """Whoever comes by it reaches people and numbers here, no carrier; and it may not register."""
    link(soft)
    operator = await soft.operator("out")
    agent = Agent("north", soft.server, SECRET)
    soft.agents.append(await agent.open())
    stranger(agent, "13911112222")
    await soft.true(lambda: 404 in agent.responses)
    agent.register()
    await soft.true(lambda: agent.registered == 403)
    assert not operator.invitations


async def test_a_telephone_may_dial_numbers_of_the_other_site(soft: SoftRig) -> None:
    """Whatever classes its agent may call."""
    link(soft)
    phone, there = await soft.phone("1001"), await soft.phone("1002")
    await phone.call(THERE)
    came = await soft.until(Delivered, incoming=True, linked=True)
    assert (came.called, came.calling, came.data) == ("1002", "1001", "")
    soft.ask(make(services.Route, connection=came.connection, targets=(services.Target(connection=new_id(), device=there.device),)))
    await there.pick_up()
    await Ears(soft, customer=phone, colleague=there).hear(customer="colleague", colleague="customer")


def test_user_to_user_is_read_as_the_standard_says() -> None:
    def request(*values: str) -> Request:
        return Request("INVITE", "sip:a@b", headers=[(user_to_user.NAME, value) for value in values])

    name, value = user_to_user.told("王 4711", "yitong-site")
    assert name.lower() == "user-to-user"
    assert user_to_user.heard(request(value), "yitong-site") == "王 4711"
    assert user_to_user.heard(request(value), "isdn-uui") == ""
    assert user_to_user.heard(request("6869;purpose=yitong-site"), "yitong-site") == "hi"
    for wrong in (
        "zz;purpose=yitong-site",
        "616;purpose=yitong-site",
        "ff;purpose=yitong-site",
        "",
        ";;=",
        "61" * 4000 + ";purpose=yitong-site",
    ):
        assert user_to_user.heard(request(wrong), "yitong-site") == ""
    with pytest.raises(ValueError, match="too much"):
        user_to_user.told("x" * 4000, "yitong-site")
