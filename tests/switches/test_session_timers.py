"""Telephones that vanish without a word, noticed by session timers (RFC 4028, case X5): whoever refreshes, by UPDATE or re-INVITE."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.figures import figure
from tests.switches.agents import Agent
from tests.switches.rigs import CALLED, TENANT
from tests.switches.situations import make, new_id, routed
from tests.switches.soft_rig import Media, SoftFar, SoftPhone, SoftRig, account, home_of

from yitong.ct import services
from yitong.ct.events import ConnectionCleared, Delivered, Established
from yitong.ct.model import Cause
from yitong.sip.core import Terms
from yitong.sip.states import Timings

TIMERS = frozenset({"timer"})


@pytest.fixture
async def brief(media: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    """The soft switch with sessions of four seconds."""
    made = await SoftRig(home_of(tmp_path), media, session=Terms(4, 2), timings=Timings(t1=0.05, t2=0.2, t4=0.25)).start()
    yield made
    await made.close()


async def phone(rig: SoftRig, number: str, **settings: object) -> SoftPhone:
    """A registered telephone whose endpoint is set up so."""
    rig.switch.configure(f"{TENANT}.account.a{number}", account(number))
    agent = Agent(number, rig.server, "secret")
    agent.settings = settings
    rig.agents.append(await agent.open())
    agent.register()
    await rig.true(lambda: agent.registered == 200)
    return SoftPhone(rig, agent, number)


async def calls(rig: SoftRig, **settings: object) -> SoftFar:
    """An answered caller whose endpoint is set up so."""
    agent = Agent("13800138000", rig.server)
    agent.settings = settings
    rig.agents.append(await agent.open())
    agent.call(CALLED)
    told = await rig.until(Delivered, incoming=True)
    rig.ask(make(services.Answer, connection=told.connection))
    await rig.true(lambda: agent.dialog is not None)
    return SoftFar(rig, agent, told.connection, told.call)


async def talking(rig: SoftRig, one: SoftPhone, far: SoftFar) -> str:
    (connection,) = await routed(rig, far, one)
    await one.pick_up()
    await rig.until(Established, connection=connection)
    return connection


def refreshes(agent: Agent, method: str) -> int:
    return len([one for one in agent.requests if one.method == method and one.get("Session-Expires")])


async def test_we_refresh_by_update_where_it_is_taken_and_by_invite_where_not(brief: SoftRig) -> None:
    old = await phone(brief, "1001", allow="INVITE, ACK, BYE, CANCEL, OPTIONS")
    far = await calls(brief)
    connection = await talking(brief, old, far)
    await brief.true(lambda: refreshes(far.agent, "UPDATE") >= 2)
    await brief.true(lambda: len([one for one in old.agent.requests if one.method == "INVITE"]) >= 3)
    assert not [event for event in brief.events if isinstance(event, ConnectionCleared)]
    again = [one for one in old.agent.requests if one.method == "INVITE"][1]
    assert again.body == [one for one in old.agent.requests if one.method == "INVITE"][2].body
    assert connection in {one.connection for one in brief.snapshot().connections}


async def test_they_refresh(brief: SoftRig) -> None:
    far = await calls(brief, session=Terms(4, 2), supported=TIMERS)
    assert far.agent.dialog is not None
    assert far.agent.dialog.session is not None
    assert far.agent.dialog.session.ours
    before = time.monotonic()
    await brief.settle(4.5)
    assert time.monotonic() - before > 4
    assert not [event for event in brief.events if isinstance(event, ConnectionCleared)]


@pytest.mark.case("X5")
@pytest.mark.parametrize("theirs", [True, False])
async def test_a_caller_that_vanishes_is_gone_with_its_session(brief: SoftRig, theirs: bool) -> None:
    settings: dict[str, object] = {"session": Terms(4, 2), "supported": TIMERS} if theirs else {}
    far = await calls(brief, **settings)
    began = time.monotonic()
    far.agent.close()
    event = await brief.until(ConnectionCleared, connection=far.connection)
    assert event.cause is Cause.SIGNALLING_LOST
    taken = time.monotonic() - began
    figure("X5", f"a caller that vanished was gone after {taken:.1f} s of a session of 4 s ({'its' if theirs else 'our'} refresh)")


async def test_too_short_sessions_are_agreed_upwards(brief: SoftRig) -> None:
    """A telephone takes no session under ten seconds: it answers 422, and we call again."""
    picky = await phone(brief, "1001", session=Terms(20, 10), supported=TIMERS)
    far = await calls(brief)
    connection = new_id()
    brief.ask(make(services.Route, connection=far.connection, targets=(services.Target(connection=connection, device=picky.device),)))
    await picky.pick_up()
    await brief.until(Established, connection=connection)
    assert picky.agent.invitations[-1].get("Session-Expires") == "10"
    assert picky.agent.dialog is not None
    assert picky.agent.dialog.session is not None
    assert picky.agent.dialog.session.seconds == 10


async def test_a_caller_that_wants_too_short_a_session_is_told_the_least(brief: SoftRig) -> None:
    agent = Agent("13800138000", brief.server)
    agent.settings = {"session": Terms(1, 1), "supported": TIMERS}
    brief.agents.append(await agent.open())
    agent.call(CALLED)
    await brief.true(lambda: 422 in agent.responses)


async def test_a_page_is_asked_for_no_session(soft: SoftRig) -> None:
    """Its connection says by itself when it is gone; the default of telephones is half an hour."""
    one = await soft.phone("1001")
    far = await calls(soft)
    await talking(soft, one, far)
    assert one.agent.invitations[-1].get("Session-Expires") == "1800"
    assert "timer" not in soft.switch.endpoint.core.supported(soft.agents[0].flow._replace(transport="wss"))
