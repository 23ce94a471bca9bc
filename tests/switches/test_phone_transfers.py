"""Transfers that telephones do by themselves: REFER, blind and attended, INVITE with Replaces; and who may not."""

from __future__ import annotations

import time

import pytest
from tests.figures import figure
from tests.switches.agents import SDP, Agent
from tests.switches.ears import Ears
from tests.switches.rigs import CALLED, TENANT
from tests.switches.situations import make, new_id, talking
from tests.switches.soft_rig import SoftFar, SoftPhone, SoftRig
from tests.switches.wire import Wire

from yitong.ct import services
from yitong.ct.events import CallCleared, CallsJoined, ConnectionCleared, Established, Held, TransferAsked, Transferred
from yitong.ct.model import Cause
from yitong.sip.digest import Credentials, authorize
from yitong.sip.events import ResponseReceived
from yitong.sip.negotiation import make_offer


class Three:
    """A customer who talks with an agent, and a colleague's telephone."""

    def __init__(self, rig: SoftRig, far: SoftFar, agent: SoftPhone, other: SoftPhone, connection: str) -> None:
        self.rig, self.far, self.agent, self.other, self.connection = rig, far, agent, other, connection
        self.ears = Ears(rig, customer=far, agent=agent, colleague=other)


async def three(soft: SoftRig) -> Three:
    other = await soft.phone("1002")
    made = await talking(soft)
    assert isinstance(made.far, SoftFar)
    assert isinstance(made.phone, SoftPhone)
    found = Three(soft, made.far, made.phone, other, made.agent)
    await found.ears.hear(customer="agent", agent="customer")
    return found


def refer(agent: Agent, to: str, **headers: str) -> list[int]:
    """Send a REFER in the agent's dialog; its final answers come into the list."""
    assert agent.dialog is not None
    got: list[int] = []
    before = agent._response

    def heard(event: ResponseReceived) -> None:
        status = event.response.status
        if event.transaction.method == "REFER" and status in (401, 407):
            header = authorize(event.transaction.request, event.response, Credentials(agent.user, agent.password), "c1")
            if header is not None:
                agent.endpoint.retry(event.transaction, time.monotonic(), headers=[header])
                return
        if event.transaction.method == "REFER":
            got.append(status)
        before(event)

    agent._response = heard  # type: ignore[method-assign]
    given = [("Refer-To", to), *((name.replace("_", "-"), value) for name, value in headers.items())]
    agent.endpoint.request_in_dialog(agent.dialog, "REFER", time.monotonic(), headers=[one for one in given if one[1]])
    agent.pump()
    return got


def told(agent: Agent) -> list[str]:
    """What the NOTIFYs of the telephone said."""
    return [one.body.decode().strip() for one in agent.requests if one.method == "NOTIFY"]


async def test_a_blind_transfer_by_a_telephone(soft: SoftRig) -> None:
    made = await three(soft)
    agent = made.agent.agent
    answers = refer(agent, f"<sip:1002@127.0.0.1:{soft.server[1]}>", Referred_By="<sip:1001@127.0.0.1>")
    await soft.true(lambda: told(agent) == ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing"])
    assert answers == [202]
    await made.ears.hear(customer="agent", agent="customer")  # nobody is alone before the colleague answers
    await made.other.pick_up()
    await soft.until(Transferred, connection=made.connection)
    await soft.true(lambda: agent.released)
    assert told(agent)[-1] == "SIP/2.0 200 OK"
    last = [one for one in agent.requests if one.method == "NOTIFY"][-1]
    assert last.get("Subscription-State") == "terminated;reason=noresource"
    assert (last.get("Event") or "").startswith("refer;id=")
    assert last.get("Content-Type") == "message/sipfrag;version=2.0"
    await made.ears.hear(customer="colleague", colleague="customer")


async def test_a_transfer_that_nobody_takes_leaves_the_call_as_it_was(soft: SoftRig) -> None:
    made = await three(soft)
    made.other.is_busy()
    refer(made.agent.agent, "<sip:1002@127.0.0.1>")
    await soft.true(lambda: told(made.agent.agent)[-1:] == ["SIP/2.0 486 Busy Here"])
    await made.ears.hear(customer="agent", agent="customer")
    assert not made.agent.agent.released
    made.other.agent.mode = "ring"
    refer(made.agent.agent, "<tel:1002>")  # and again, by a tel URI
    await made.other.pick_up()
    await made.ears.hear(customer="colleague", colleague="customer")


async def test_who_transfers_may_hang_up_at_once(soft: SoftRig) -> None:
    made = await three(soft)
    answers = refer(made.agent.agent, "<sip:1002@127.0.0.1>", Refer_Sub="false", Supported="norefersub")
    await soft.true(lambda: answers == [202])
    made.agent.agent.hang_up()
    await soft.until(ConnectionCleared, connection=made.connection)
    await made.other.pick_up()
    await made.ears.hear(customer="colleague", colleague="customer")
    assert told(made.agent.agent) == []
    assert not soft.switch.answering._referring._open


async def test_a_held_caller_is_transferred(soft: SoftRig) -> None:
    """As desk phones do it: they hold before they ask."""
    made = await three(soft)
    await made.agent.hold()
    await soft.until(Held, connection=made.connection)
    refer(made.agent.agent, "<sip:1002@127.0.0.1>")
    await made.other.pick_up()
    await made.ears.hear(customer="colleague", colleague="customer")


async def consulting(made: Three) -> Agent:
    """The agent's telephone holds and calls the colleague on its second line, an agent object of its own with the same account."""
    rig = made.rig
    await made.agent.hold()
    second = Agent("1001", rig.server, "secret")
    rig.agents.append(await second.open())
    second.call("1002")
    await made.other.pick_up()
    await rig.true(lambda: second.dialog is not None)
    return second


def replaces(second: Agent, **changes: str) -> str:
    assert second.dialog is not None
    values = {"call": second.dialog.call_id, "to": second.dialog.remote_tag, "from": second.dialog.local_tag, **changes}
    return f"{values['call']}%3Bto-tag%3D{values['to']}%3Bfrom-tag%3D{values['from']}"


async def test_an_attended_transfer_by_a_telephone(soft: SoftRig) -> None:
    made = await three(soft)
    second = await consulting(made)
    made.ears.add("second", SoftPhone(soft, second, "1001"))
    await made.ears.hear(colleague="second", second="colleague")
    refer(made.agent.agent, f"<sip:1002@127.0.0.1?Replaces={replaces(second)}&Require=replaces>")
    joined = await soft.until(CallsJoined, connection=made.connection)
    await soft.true(lambda: made.agent.agent.released and second.released)
    assert told(made.agent.agent) == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
    await made.ears.hear(customer="colleague", colleague="customer")
    await soft.until(CallCleared, call=joined.former_call)
    assert {one.call for one in soft.snapshot().connections} == {made.far.call}
    assert {one.connection for one in soft.snapshot().connections} == {made.far.connection, *joined.connections}
    made.other.agent.hang_up()
    await soft.until(CallCleared, call=made.far.call)
    assert not soft.switch.lines.all
    assert not soft.switch.sound.rows


async def test_calls_that_two_workers_mix_are_not_joined(soft: SoftRig, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await three(soft)
    second = await consulting(made)
    monkeypatch.setattr(soft.switch.sound, "together", lambda connections: False)
    refer(made.agent.agent, f"<sip:1002@127.0.0.1?Replaces={replaces(second)}>")
    await soft.true(lambda: told(made.agent.agent)[-1:] == ["SIP/2.0 503 Service Unavailable"])
    assert len(soft.snapshot().connections) == 4
    assert not [event for event in soft.events if isinstance(event, CallsJoined)]


async def test_a_customer_who_hangs_up_ends_the_transfer(soft: SoftRig) -> None:
    """Nothing of it stays behind, whoever leaves first."""
    made = await three(soft)
    refer(made.agent.agent, "<sip:1002@127.0.0.1>")
    await soft.true(made.other.is_ringing)
    await made.far.hang_up()
    await soft.true(lambda: bool(made.other.agent.cancels))
    await soft.until(CallCleared, call=made.far.call)
    assert not soft.switch.answering._referring._open


async def test_both_calls_may_be_on_hold_and_the_tags_the_other_way_round(soft: SoftRig) -> None:
    made = await three(soft)
    second = await consulting(made)
    second.reinvite(hold=True)
    await soft.true(lambda: second.reinvited > 0)
    assert second.dialog is not None
    turned = replaces(second, **{"to": second.dialog.local_tag, "from": second.dialog.remote_tag})
    refer(made.agent.agent, f"<sip:1002@127.0.0.1?Replaces={turned}>")
    await made.ears.hear(customer="colleague", colleague="customer")


async def test_a_restarted_switch_knows_the_joined_call(soft: SoftRig) -> None:
    """What was joined stays joined in the journal: one call, two lines."""
    made = await three(soft)
    second = await consulting(made)
    refer(made.agent.agent, f"<sip:1002@127.0.0.1?Replaces={replaces(second)}>")
    await soft.until(CallCleared)
    rows = [soft.switch.sound.record_of(one.connection) for one in soft.snapshot().connections]
    lines = [line.record() for line in soft.switch.lines.all.values()]
    assert {row.call for row in rows if row is not None} == {line.call for line in lines} == {made.far.call}


@pytest.mark.case("R10")
@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("<sip:1002@127.0.0.1?Replaces=nobody%3Bto-tag%3Da%3Bfrom-tag%3Db>", 481),
        ("<sip:1002@127.0.0.1?Replaces=broken>", 400),
        ("<sip:+0081123456@127.0.0.1>", 404),
        ("<mailto:a@b>", 416),
        ("<sip:1002@127.0.0.1;method=BYE>", 603),
        ("", 400),
        ("<sip:1002@127.0.0.1>, <sip:1003@127.0.0.1>", 400),
        ("<sip:1003@127.0.0.1>", 404),
    ],
)
async def test_what_a_telephone_may_not_refer_to(soft: SoftRig, to: str, status: int) -> None:
    made = await three(soft)
    answers = refer(made.agent.agent, to)
    await soft.true(lambda: answers == [status])
    await made.ears.hear(customer="agent", agent="customer")
    assert told(made.agent.agent) == []


@pytest.mark.case("R10")
async def test_nobody_transfers_the_call_of_another(soft: SoftRig) -> None:
    """A trunk, a stranger who knows the whole dialog but not the password, a telephone with another one's dialog, and no dialog at all."""
    made = await three(soft)
    agent = made.agent.agent
    assert refer_waits(made.far.agent, "<sip:1002@127.0.0.1>")
    await soft.true(lambda: bool(made.far.agent.refer_answers))  # type: ignore[attr-defined]
    assert made.far.agent.refer_answers == [403]  # type: ignore[attr-defined]

    assert agent.dialog is not None
    stranger = Wire(soft.server, "127.0.0.9")
    dialog = agent.dialog
    answer = await stranger.ask(
        "REFER", dialog.target, user="1001", call_id=dialog.call_id, tag=dialog.local_tag, to_tag=dialog.remote_tag, cseq=900,
        headers=("Refer-To: <sip:1002@127.0.0.1>",),
    )  # fmt: skip
    assert answer is not None
    assert answer.status == 407
    dialogless = await stranger.ask("REFER", CALLED, headers=("Refer-To: <sip:1002@127.0.0.1>",))
    assert dialogless is not None
    assert dialogless.status == 407
    allowed, _ = await stranger.authorized("REFER", CALLED, "1002", "secret", user="1002", headers=("Refer-To: <sip:1002@127.0.0.1>",))
    assert allowed is not None
    assert allowed.status == 403
    stranger.close()

    third = await soft.phone("1003")
    second = await consulting(made)
    third.agent.call("1002")
    await soft.true(lambda: made.other.agent.ringing is not None)
    made.other.agent.pick_up()
    await soft.true(lambda: third.agent.dialog is not None)
    answers = refer(third.agent, f"<sip:1002@127.0.0.1?Replaces={replaces(second)}>")
    await soft.true(lambda: answers == [403])
    assert not [event for event in soft.events if isinstance(event, Transferred)]
    figure("R10", "REFER of a trunk, of a stranger who knows the dialog, outside of one, and with another's dialog in Replaces: refused")


def refer_waits(agent: Agent, to: str) -> bool:
    agent.refer_answers = refer(agent, to)  # type: ignore[attr-defined]
    return True


async def test_an_outside_number_is_transferred_to_by_who_may_call_it(soft: SoftRig) -> None:
    gateway = await soft.gateway("out")
    soft.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
    made = await three(soft)
    answers = refer(made.agent.agent, "<sip:13911112222@127.0.0.1>")
    await soft.true(lambda: answers == [403])
    soft.configure("agent", "agent-1001", {"extension": "1001", "site": "s1", "may_call": ["mobile"]})
    answers = refer(made.agent.agent, "<sip:13911112222@127.0.0.1>")
    await soft.true(lambda: answers == [202])
    await soft.true(gateway.is_ringing)
    assert gateway.called_shown() == "13911112222"


# --- INVITE with Replaces ---------------------------------------------------------------------------------------------------------------


async def takes_over(soft: SoftRig, user: str, named: str, password: str = "secret") -> Agent:
    """A telephone calls to take the place of a dialog."""
    agent = Agent(user, soft.server, password)
    soft.agents.append(await agent.open())
    agent.invite = agent.endpoint.request(
        "INVITE", f"sip:127.0.0.1:{soft.server[1]}", agent.flow, time.monotonic(), from_=f"<sip:{user}@127.0.0.1>",
        to="<sip:127.0.0.1>", headers=[("Replaces", named), ("Require", "replaces")], body=make_offer(agent._local).encode(),
        content_type=SDP,
    )  # fmt: skip
    agent.pump()
    await soft.true(lambda: any(status >= 200 and status not in (401, 407) for status in agent.responses))
    return agent


def names(agent: Agent, extra: str = "") -> str:
    """Replaces for a dialog as its far side (us) sees it."""
    assert agent.dialog is not None
    return f"{agent.dialog.call_id};to-tag={agent.dialog.remote_tag};from-tag={agent.dialog.local_tag}{extra}"


async def test_an_agent_goes_on_at_another_telephone(soft: SoftRig) -> None:
    made = await three(soft)
    taker = await takes_over(soft, "1001", names(made.agent.agent))
    made.ears.add("second", SoftPhone(soft, taker, "1001"))
    await made.ears.hear(customer="second", second="customer")
    await soft.true(lambda: made.agent.agent.released)
    cleared = await soft.until(ConnectionCleared, connection=made.connection)
    assert cleared.cause is Cause.TRANSFERRED
    taker.hang_up()
    await soft.until(CallCleared, call=made.far.call)


@pytest.mark.parametrize("user", ["1001", "1002"], ids=["who consults", "who is consulted"])
async def test_in_a_consultation_one_goes_on_at_another_telephone(soft: SoftRig, user: str) -> None:
    """The customer waits on, the two talk on; whoever came back is with the customer."""
    made = await three(soft)
    asked = make(services.Consult, connection=made.connection, target=services.Target(connection=new_id(), device=made.other.device))
    soft.ask(asked)
    await made.other.pick_up()
    await made.ears.hear(agent="colleague", colleague="agent")
    old, stays = (made.agent, "colleague") if user == "1001" else (made.other, "agent")
    taker = await takes_over(soft, user, names(old.agent))
    made.ears.add("second", SoftPhone(soft, taker, user))
    await made.ears.hear(**{"second": stays, stays: "second"})
    await soft.true(lambda: old.agent.released)
    mine = (await soft.until(Transferred)).to_connection if user == "1001" else made.connection
    soft.ask(make(services.Reconnect, connection=mine))
    back = "second" if user == "1001" else "agent"
    await made.ears.hear(**{"customer": back, back: "customer"})
    assert len(soft.snapshot().connections) == 2


async def test_a_ringing_call_is_taken_at_another_telephone(soft: SoftRig) -> None:
    caller, ringing = await soft.phone("1003"), await soft.phone("1001")
    await caller.call("1001")
    await soft.true(ringing.is_ringing)
    transaction = ringing.agent.ringing
    assert transaction is not None
    assert transaction.dialog is not None
    named = f"{transaction.dialog.call_id};to-tag={transaction.dialog.remote_tag};from-tag={transaction.dialog.local_tag};early-only"
    taker = await takes_over(soft, "1001", named)
    assert taker.responses[-1] == 200
    ears = Ears(soft, customer=caller, second=SoftPhone(soft, taker, "1001"))
    await ears.hear(customer="second", second="customer")
    await soft.true(lambda: bool(ringing.agent.cancels))
    assert len([event for event in soft.events if isinstance(event, Established)]) == 2


@pytest.mark.parametrize(
    ("user", "extra", "call", "status"),
    [("1002", "", "", 403), ("1001", ";early-only", "", 486), ("1001", "", "unknown", 481), ("1001", ", x;to-tag=a;from-tag=b", "", 400)],
)
async def test_who_may_not_take_a_place(soft: SoftRig, user: str, extra: str, call: str, status: int) -> None:
    made = await three(soft)
    named = names(made.agent.agent, extra)
    taker = await takes_over(soft, user, named.replace(named.partition(";")[0], call) if call else named)
    assert taker.responses[-1] == status
    await made.ears.hear(customer="agent", agent="customer")


async def test_a_telephone_gives_a_customer_to_a_number_of_a_flow(soft: SoftRig) -> None:
    """Core is asked, and takes him; the telephone goes on talking until it is released."""
    made = await three(soft)
    answers = refer(made.agent.agent, f"<sip:{CALLED}@127.0.0.1>")
    asked = await soft.until(TransferAsked, number=CALLED)
    await soft.true(lambda: answers == [202])
    await made.ears.hear(customer="agent", agent="customer")
    soft.ask(make(services.Clear, connection=asked.connection, cause=Cause.TRANSFERRED))
    await soft.true(lambda: made.agent.agent.released)


async def test_a_call_between_telephones_goes_into_no_flow(soft: SoftRig) -> None:
    one, two = await soft.phone("1001"), await soft.phone("1002")
    await one.call("1002")
    await two.pick_up()
    await soft.true(lambda: one.agent.dialog is not None)
    answers = refer(one.agent, f"<sip:{CALLED}@127.0.0.1>")
    await soft.true(lambda: answers == [403])
