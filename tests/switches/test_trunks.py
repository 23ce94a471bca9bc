"""The soft switch and its operators over real sockets: challenges, silence, overload, registration, numbers, rights (A24 T52 H48)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.figures import figure
from tests.switches.gateways import Gateway, StreamGateway
from tests.switches.rigs import CALLED, MUSIC, TENANT
from tests.switches.situations import answered_caller, make, new_id
from tests.switches.soft_rig import SITE, SoftFar, SoftRig

from yitong.ct import services
from yitong.ct.events import Delivered, Established, Failed
from yitong.ct.model import Cause, StandingOrder
from yitong.ct.switches.soft.outside import Health
from yitong.sip.uri import Uri

MOBILE = "13911112222"


async def dial(soft: SoftRig, number: str = MOBILE, **fields: Any) -> str:
    """Ring an outside number for a caller; its connection."""
    far: SoftFar = await answered_caller(soft)  # type: ignore[assignment]
    target = services.Target(connection=new_id(), number=number)
    order = StandingOrder(wait_seconds=30.0, music=MUSIC)
    soft.ask(make(services.Route, connection=far.connection, targets=(target,), order=order, **fields))
    return target.connection


def failures(soft: SoftRig) -> list[Failed]:
    return [event for event in soft.events if isinstance(event, Failed)]


async def answers(soft: SoftRig, gateway: Gateway, connection: str) -> None:
    await soft.true(lambda: gateway.ringing is not None)
    gateway.pick_up()
    await soft.until(Established, connection=connection)


async def test_a_challenge_is_answered_in_the_invite_and_in_the_bye(soft: SoftRig) -> None:
    gateway = await soft.operator("out", username="line1", auth_user="auth1", password="s3cret")
    gateway.line = ("auth1", "s3cret")
    connection = await dial(soft)
    await answers(soft, gateway, connection)
    assert gateway.challenged == 1
    assert len({request.call_id for request in gateway.invitations}) == 1
    soft.ask(make(services.Clear, connection=connection))
    await soft.true(lambda: any(b"Proxy-Authorization: Digest" in data for data in gateway.heard("BYE")))
    assert gateway.challenged == 2
    assert not failures(soft)


async def test_wrong_credentials_are_tried_once_and_the_next_trunk_has_the_call(soft: SoftRig) -> None:
    first = await soft.operator("a", username="line1", password="wrong")
    first.line = ("line1", "right")
    second = await soft.operator("b", order=2)
    await answers(soft, second, await dial(soft))
    assert first.challenged == 2
    assert not failures(soft)


async def test_a_trunk_that_calls_every_nonce_stale_is_left(soft: SoftRig) -> None:
    first = await soft.operator("a", username="line1", password="s3cret")
    first.line, first.stale = ("line1", "s3cret"), True
    second = await soft.operator("b", order=2)
    await answers(soft, second, await dial(soft))
    assert first.challenged == 4


@pytest.mark.case("R8")
async def test_who_calls_by_a_trunk_but_is_not_its_host_does_not_get_its_password(soft: SoftRig) -> None:
    await soft.operator("out", username="line1", password="s3cret", addresses=["127.0.0.2"])
    soft.configure("trunk", "demo", {"code": "demo", "site": SITE, "addresses": ["192.0.2.1"]})
    soft.configure("number", "n1", {"number": CALLED, "site": SITE})
    thief = Gateway("thief", soft.server, "127.0.0.2")
    await thief.open()
    soft.agents.append(thief)
    thief.line = ("line1", "s3cret")
    thief.call(CALLED)
    told = await soft.until(Delivered, incoming=True, device=f"{TENANT}/trunk/out")
    soft.ask(make(services.Answer, connection=told.connection))
    await soft.true(lambda: thief.dialog is not None)
    soft.ask(make(services.Clear, connection=told.connection))
    await soft.true(lambda: bool(thief.heard("BYE")))
    await soft.settle(0.5)
    assert thief.challenged == 1
    assert not any(b"Authorization" in data for data in thief.datagrams)
    figure("R8", "who calls by a trunk's number, but is not its host, and challenges our BYE, gets no password")


@pytest.mark.req("T52")
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_the_next_trunk_has_the_call_when_one_cannot(soft: SoftRig, status: int) -> None:
    first = await soft.operator("a")
    first.answers = status
    second = await soft.operator("b", order=2)
    connection = await dial(soft)
    await answers(soft, second, connection)
    assert len(first.invitations) == 1
    assert not failures(soft)
    told = await soft.until(Delivered, connection=connection)
    assert told.device == f"{TENANT}/trunk/b"


@pytest.mark.req("T52")
async def test_a_trunk_that_says_nothing_is_left_in_under_two_seconds(soft: SoftRig) -> None:
    first = await soft.operator("a")
    second = await soft.operator("b", order=2)
    first.silent = True
    before = time.monotonic()
    connection = await dial(soft)
    await soft.true(lambda: second.ringing is not None)
    seconds = time.monotonic() - before
    assert seconds < 2.0
    await answers(soft, second, connection)
    assert not failures(soft)
    trunks = soft.switch.trunks
    assert trunks.outside.trunks[f"{TENANT}/trunk/a"].health is Health.DOWN
    states = {f"trunk_up {TENANT}/trunk/a": 0.0, f"trunk_up {TENANT}/trunk/b": 1.0}
    assert trunks.figures() == {"trunks": 2.0, "trunks_down": 1.0, "passwords_closed": 0.0} | states
    invited = len(first.heard("INVITE"))
    again = await dial(soft)
    await answers(soft, second, again)
    assert len(first.heard("INVITE")) - invited <= 3, "only what is still sent again of the first call"


async def test_a_late_ringing_trunk_is_cancelled(soft: SoftRig) -> None:
    first = await soft.operator("a")
    second = await soft.operator("b", order=2)
    first.silent = True
    connection = await dial(soft)
    await soft.true(lambda: second.ringing is not None)
    first.silent = False
    await soft.true(lambda: bool(first.cancels))
    await answers(soft, second, connection)
    assert not failures(soft)


async def test_what_the_next_trunk_says_early_is_heard_instead(soft: SoftRig) -> None:
    first, second = await soft.operator("a"), await soft.operator("b", order=2)
    connection = await dial(soft)
    await soft.true(lambda: first.ringing is not None)
    first.early()
    lines = soft.switch.lines.all
    await soft.true(lambda: (heard := lines[connection].early_remote) is not None and heard.rtp_port == first.rtp.port)
    first.refuse(503)
    await soft.true(lambda: second.ringing is not None)
    assert not soft.switch.function.table.connections[connection].early, "who waits hears nothing of the first one any more"
    second.early()
    await soft.true(lambda: (heard := lines[connection].early_remote) is not None and heard.rtp_port == second.rtp.port)
    await answers(soft, second, connection)
    assert not failures(soft)


async def test_when_every_trunk_fails_the_call_is_told_once_with_the_last_cause(soft: SoftRig) -> None:
    for code in ("a", "b"):
        (await soft.operator(code)).answers = 503
    connection = await dial(soft)
    told = await soft.until(Failed, connection=connection)
    assert (told.cause, told.sip_status) == (Cause.OVERLOADED, 503)
    assert len(failures(soft)) == 1


async def test_a_busy_number_is_not_tried_by_another_trunk(soft: SoftRig) -> None:
    first, second = await soft.operator("a"), await soft.operator("b", order=2)
    first.answers = 486
    told = await soft.until(Failed, connection=await dial(soft))
    assert told.cause is Cause.BUSY
    assert second.invitations == []


async def test_an_overloaded_trunk_rests_as_long_as_it_says(soft: SoftRig) -> None:
    first, second = await soft.operator("a"), await soft.operator("b", order=2)
    first.answers, first.headers = 503, [("Retry-After", "60")]
    for _ in range(2):
        await answers(soft, second, await dial(soft))
    assert len(first.invitations) == 1


@pytest.mark.req("A24", "H48")
async def test_the_cheapest_trunk_gets_the_number_and_the_caller_as_it_wants_them(soft: SoftRig) -> None:
    await soft.operator("dear", prefixes=[{"prefix": "", "price": "0.30"}])
    cheap = await soft.operator(
        "cheap", prefixes=[{"prefix": "13", "price": "0.08"}, {"prefix": "", "price": "0.50"}], username="line1", domain="operator.example",
        rewrite_called=[{"pattern": "1[3-9]XXXXXXXXX", "prepend": "+86"}], rewrite_calling=[{"pattern": CALLED, "prepend": "+8621"}],
        codecs=["PCMU"],
    )  # fmt: skip
    connection = await dial(soft, calling=CALLED)
    await soft.true(lambda: cheap.ringing is not None)
    invitation = cheap.invitations[-1]
    assert invitation.uri.user == "+8613911112222"
    assert str(invitation.from_.uri) == f"sip:+8621{CALLED}@operator.example"
    assert b"RTP/AVP 0 101" in invitation.body
    await answers(soft, cheap, connection)
    assert cheap.rtp.codec == 0


async def test_a_withheld_caller_is_told_to_the_operator_alone(soft: SoftRig) -> None:
    gateway = await soft.operator("out", caller_id="withheld", caller_number="96900")
    await dial(soft, calling="13800138000")
    await soft.true(lambda: gateway.ringing is not None)
    invitation = gateway.invitations[-1]
    assert str(invitation.from_.uri) == "sip:anonymous@anonymous.invalid"
    assert invitation.get("Privacy") == "id"
    assert "96900" in (invitation.get("P-Asserted-Identity") or "")
    assert b"13800138000" not in invitation.encode()


async def test_a_strange_calling_number_is_replaced_by_ours(soft: SoftRig) -> None:
    gateway = await soft.operator("out", caller_number=CALLED)
    await dial(soft, calling="1001")
    await soft.true(lambda: gateway.ringing is not None)
    assert gateway.invitations[-1].from_.uri.user == CALLED


async def test_a_full_trunk_is_left_out_but_never_for_an_emergency(soft: SoftRig) -> None:
    soft.configure("tenant", TENANT, {"code": TENANT})
    gateway = await soft.operator("out", channels=1)
    await answers(soft, gateway, await dial(soft))
    told = await soft.until(Failed, connection=await dial(soft))
    assert told.cause is Cause.UNREACHABLE
    await answers(soft, gateway, await dial(soft, "110"))
    assert gateway.invitations[-1].uri.user == "110"


# --- registration ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["line1", "line-1.east", "+862196900"])
async def test_a_line_registers_renews_and_takes_calls_for_the_number_in_to(soft: SoftRig, line: str) -> None:
    gateway = Gateway("operator", soft.server)
    await gateway.open()
    soft.agents.append(gateway)
    gateway.line, gateway.grants = (line, "s3cret"), 1
    soft.configure("trunk", "demo", {"code": "demo", "site": SITE, "addresses": ["192.0.2.1"]})
    fields = {"host": "127.0.0.1", "port": gateway.port, "username": line, "password": "s3cret", "register": True}
    soft.configure("trunk", "reg", {"code": "reg", "site": SITE, **fields})
    soft.configure("number", "n1", {"number": CALLED, "site": SITE})
    trunks = soft.switch.trunks.outside.trunks
    await soft.true(lambda: bool(gateway.registrations) and trunks[f"{TENANT}/trunk/reg"].registered is True)
    contact = Uri.parse(gateway.registrations[0].strip("<>"))
    assert (contact.user, contact.port) == (line, soft.server[1])
    gateway.bring("13800138000", CALLED)
    told = await soft.until(Delivered, incoming=True)
    assert (told.called, told.device) == (CALLED, f"{TENANT}/trunk/reg")


async def test_a_line_that_is_taken_out_ends_its_registration(soft: SoftRig) -> None:
    gateway = Gateway("operator", soft.server)
    await gateway.open()
    soft.agents.append(gateway)
    gateway.line = ("line1", "s3cret")
    fields = {"host": "127.0.0.1", "port": gateway.port, "username": "line1", "password": "s3cret", "register": True}
    soft.configure("trunk", "reg", {"code": "reg", "site": SITE, **fields})
    trunks = soft.switch.trunks.outside.trunks
    await soft.true(lambda: f"{TENANT}/trunk/reg" in trunks and trunks[f"{TENANT}/trunk/reg"].registered is True)
    soft.configure("trunk", "reg", {"code": "reg", "site": SITE, **fields, "weight": 2})
    await soft.true(lambda: len(gateway.registrations) == 2 and trunks[f"{TENANT}/trunk/reg"].registered is True)
    assert not any(b"Expires: 0\r\n" in data for data in gateway.heard("REGISTER")), "it is the same line"
    soft.switch.configure(f"{TENANT}.trunk.reg", None)
    await soft.true(lambda: len(gateway.registrations) == 3)
    assert b"Expires: 0\r\n" in gateway.heard("REGISTER")[-1]
    assert b"Authorization: Digest" in gateway.heard("REGISTER")[-1]


async def test_a_refused_registration_is_no_way_out_while_there_is_another(soft: SoftRig) -> None:
    other = await soft.operator("b", order=2)
    gateway = await soft.operator("reg", username="line1", password="wrong", register=True)
    gateway.line = ("line1", "right")
    soft.configure("trunk", "reg", {
        "code": "reg", "site": SITE, "host": "127.0.0.1", "port": gateway.port, "username": "line1", "password": "bad", "register": True,
    })  # fmt: skip
    await soft.true(lambda: gateway.challenged >= 2)
    await answers(soft, other, await dial(soft))
    assert gateway.invitations == []


async def test_a_trunk_over_tcp(soft: SoftRig) -> None:
    gateway = StreamGateway("out", soft.server)
    await gateway.open()
    soft.agents.append(gateway)
    gateway.line = ("line1", "s3cret")
    fields = {"host": "127.0.0.1", "port": gateway.port, "transport": "tcp", "username": "line1", "password": "s3cret", "register": True}
    soft.configure("trunk", "out", {"code": "out", "site": SITE, **fields})
    await soft.true(lambda: bool(gateway.registrations))
    assert "transport=tcp" in gateway.registrations[0]
    connection = await dial(soft)
    await answers(soft, gateway, connection)
    soft.ask(make(services.Clear, connection=connection))
    await soft.true(lambda: gateway.challenged == 3)


async def test_a_trunk_whose_stream_cannot_be_opened_is_left(soft: SoftRig) -> None:
    other = await soft.operator("b", order=2)
    closed = {"code": "a", "site": SITE, "host": "127.0.0.1", "port": 9, "transport": "tcp"}
    soft.configure("trunk", "a", closed)
    health = soft.switch.trunks.outside.trunks
    await soft.true(lambda: f"{TENANT}/trunk/a" in health and health[f"{TENANT}/trunk/a"].health is Health.DOWN)
    other.answers = 503
    told = await soft.until(Failed, connection=await dial(soft))
    assert told.cause is Cause.UNREACHABLE
    assert len(failures(soft)) == 1


async def test_a_host_by_name_is_looked_up_beside_the_calls(soft: SoftRig) -> None:
    gateway = await soft.operator("out", host="localhost")
    await answers(soft, gateway, await dial(soft))


async def test_no_password_shows_in_logs(soft: SoftRig, capfd: pytest.CaptureFixture[str]) -> None:
    gateway = await soft.operator("out", username="line1", password="geheim-0815")
    gateway.line = ("line1", "other")
    await soft.until(Failed, connection=await dial(soft))
    out, err = capfd.readouterr()
    assert "refuses our credentials" in out + err
    assert "geheim-0815" not in out + err
    assert MOBILE not in out + err


# --- rights of phones -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "status"), [("13911112222", 403), ("0044207", 403), ("62345678", 180), ("110", 180), ("abc", 404)])
async def test_a_phone_calls_the_classes_that_its_agent_may(soft: SoftRig, number: str, status: int) -> None:
    await soft.operator("out")
    soft.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
    soft.configure("agent", "agent-1001", {"extension": "1001", "may_call": ["local"]})
    phone = await soft.phone("1001")
    await phone.call(number)
    await soft.true(lambda: status in phone.agent.responses)


async def test_a_tenants_own_classes_decide(soft: SoftRig) -> None:
    await soft.operator("out")
    soft.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
    soft.configure("number_class", "c1", {"code": "local", "patterns": ["62."]})
    soft.configure("agent", "agent-1001", {"extension": "1001", "may_call": ["local"]})
    phone = await soft.phone("1001")
    await phone.call("63345678")
    await soft.true(lambda: 403 in phone.agent.responses)
    await phone.call("62345678")
    await soft.true(lambda: 180 in phone.agent.responses)


@pytest.mark.case("K1")
async def test_an_outside_call_outlives_the_switch(soft: SoftRig) -> None:
    gateway = await soft.operator("out", username="line1", password="s3cret")
    gateway.line = ("line1", "s3cret")
    connection = await dial(soft)
    await answers(soft, gateway, connection)
    await soft.switch.close()
    await soft.start()
    fields = {"host": "127.0.0.1", "port": gateway.port, "username": "line1", "password": "s3cret"}
    soft.configure("trunk", "out", {"code": "out", "site": SITE, **fields})
    assert connection in {one.connection for one in soft.snapshot().connections}
    soft.ask(make(services.Clear, connection=connection))
    await soft.true(lambda: any(b"Proxy-Authorization: Digest" in data for data in gateway.heard("BYE")))
