"""What strangers get from the soft switch at its sockets (cases R1, R3 to R7, R9, R10, X1, X2, X10, P5 to P7, M9)."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator

import pytest
from tests.figures import figure
from tests.switches.rigs import CALLED, CALLING, TENANT
from tests.switches.situations import answered_caller, make, new_id, talking
from tests.switches.soft_rig import SITE, Media, SoftRig, account
from tests.switches.wire import SDP, Wire

from yitong.ct import services
from yitong.ct.events import Delivered, Originated
from yitong.sip.digest import ha1


@pytest.fixture
def wires(soft: SoftRig) -> Iterator[dict[str, Wire]]:
    """Sockets at several loopback addresses, made when asked for."""

    class Wires(dict[str, Wire]):
        def __missing__(self, address: str) -> Wire:
            self[address] = Wire(soft.server, address)
            return self[address]

    made = Wires()
    yield made
    for wire in made.values():
        wire.close()


def delivered(rig: SoftRig) -> list[Delivered]:
    return [event for event in rig.events if isinstance(event, Delivered)]


async def knows_1001(rig: SoftRig) -> None:
    """An account and no trunk for 127.0.0.9."""
    rig.configure("trunk", "demo", {"code": "demo", "addresses": ["127.0.0.1/32"], "site": SITE})
    rig.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    rig.switch.configure(f"{TENANT}.account.a1002", account("1002"))


@pytest.mark.case("R4")
async def test_the_destination_decides(soft: SoftRig, wires: dict[str, Wire]) -> None:
    await knows_1001(soft)
    home, away = wires["127.0.0.1"], wires["127.0.0.9"]
    for number, user in (("1001", "stranger"), ("1001", "1001"), ("7777", "1001"), ("0013800138000", "x"), (f"{CALLED}9", "x"), ("", "x")):
        response = await home.ask("INVITE", number, user=user, body=SDP)
        assert response is not None
        assert response.status == 407, number
    response = await away.ask("INVITE", CALLED, body=SDP)
    assert response is not None
    assert response.status == 407
    assert not delivered(soft)
    home.send(home.build("INVITE", CALLED, user="1001", body=SDP, headers=("P-Asserted-Identity: <sip:1100@x>", "Diversion: <sip:9@x>")))
    told = await soft.until(Delivered, incoming=True)
    assert told.device == f"{TENANT}/trunk/demo"
    figure("R4", "strangers' calls from a trunk's address and elsewhere: challenged, whatever From, P-Asserted-Identity and Diversion say")


@pytest.mark.case("R3")
async def test_known_and_unknown_get_the_same_answer(soft: SoftRig, wires: dict[str, Wire]) -> None:
    await knows_1001(soft)
    wire = wires["127.0.0.1"]
    shapes: dict[str, set[str]] = {}
    seconds: dict[str, list[float]] = {}
    for _ in range(25):
        for user in ("1001", "4711"):
            began = time.monotonic()
            response = await wire.ask("REGISTER", user=user, to=f"sip:{user}@127.0.0.1")
            seconds.setdefault(user, []).append(time.monotonic() - began)
            assert response is not None
            shapes.setdefault(user, set()).add(f"{response.status} {[name for name, _ in response.headers]}")
            invited = await wire.ask("INVITE", user, user=user, body=SDP)
            assert invited is not None
            shapes[user].add(f"{invited.status} {[name for name, _ in invited.headers]}")
    assert shapes["1001"] == shapes["4711"]
    apart = abs(statistics.median(seconds["1001"]) - statistics.median(seconds["4711"]))
    assert apart < 0.02
    figure("R3", f"the medians of 25 answers to a known and an unknown user are {apart * 1000:.2f} ms apart; same status, same headers")


async def test_unknown_number_is_told_after_authentication(soft: SoftRig, wires: dict[str, Wire]) -> None:
    await knows_1001(soft)
    response, _ = await wires["127.0.0.1"].authorized("INVITE", "7777", "1001", "secret", user="1001", body=SDP)
    assert response is not None
    assert response.status == 404


@pytest.mark.case("R1")
async def test_guessing_is_silenced_for_the_guesser_alone(soft: SoftRig, wires: dict[str, Wire]) -> None:
    await knows_1001(soft)
    guesser = wires["127.0.0.7"]
    looked = 0
    for number in range(40):
        data = guesser.build("REGISTER", user="1001", to="sip:1001@127.0.0.1", call_id=f"guess{number}")
        guesser.send(data)
        challenge = await guesser.final(0.3)
        if challenge is None:
            break
        response, _ = await guesser.authorized("REGISTER", "", "1001", f"wrong{number}", user="1001", to="sip:1001@127.0.0.1")
        if response is None:
            break
        assert response.status in (401, 403)
        looked += 1
    assert looked <= 30
    silenced = soft.switch.gate.guard.silenced(soft.switch.clock.monotonic())
    assert [source for source, _ in silenced] == ["127.0.0.7"], "the figure that an operator's alarm watches"
    figure("R1", f"the guesser had {looked} answers, then silence; the owner registered at once")
    assert await guesser.ask("OPTIONS") is None
    response, _ = await wires["127.0.0.1"].authorized("REGISTER", "", "1001", "secret", user="1001", to="sip:1001@127.0.0.1")
    assert response is not None
    assert response.status == 200


@pytest.mark.case("R5")
async def test_nobody_registers_for_another(soft: SoftRig, wires: dict[str, Wire]) -> None:
    phone = await soft.phone("1001")
    soft.switch.configure(f"{TENANT}.account.a1002", account("1002"))
    wire = wires["127.0.0.1"]
    for contact in ("<sip:evil@127.0.0.1:9>", "*"):
        extra = (f"Contact: {contact}", "Expires: 0") if contact == "*" else ()
        response, _ = await wire.authorized("REGISTER", "", "1002", "secret", user="1002", to="sip:1001@127.0.0.1", headers=extra)
        assert response is not None
        assert response.status == 403
    target = soft.switch.registrations.target(phone.device)
    assert target is not None
    assert target[1].port == phone.agent.endpoint.core.settings.ports["udp"]
    figure("R5", "another's To with own password, with a Contact and with *: 403, the binding unchanged")


@pytest.mark.case("R6")
async def test_replayed_credentials_are_refused(soft: SoftRig, wires: dict[str, Wire]) -> None:
    await knows_1001(soft)
    wire, thief = wires["127.0.0.1"], wires["127.0.0.8"]
    response, data = await wire.authorized("REGISTER", "", "1001", "secret", user="1001", to="sip:1001@127.0.0.1")
    assert response is not None
    assert response.status == 200
    fresh = data.replace(b"branch=z9hG4bK", b"branch=z9hG4bKagain").replace(b"CSeq: 2", b"CSeq: 3")
    for sender in (wire, thief):
        sender.send(fresh.replace(b"again", str(sender.port).encode()).replace(b"CSeq: 3", f"CSeq: {sender.port}".encode()))
        answer = await sender.final()
        assert answer is not None
        assert answer.status == 401
    other = fresh.replace(b"REGISTER", b"INVITE").replace(b"z9hG4bKagain", b"z9hG4bKother")
    wire.send(other)
    answer = await wire.final()
    assert answer is not None
    assert answer.status in (400, 407)
    figure("R6", "credentials sent again by their owner's address, by another one, and with another method: refused")


@pytest.mark.case("R7")
@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "NOTIFY", "INFO"])
async def test_other_methods_are_refused(soft: SoftRig, wires: dict[str, Wire], method: str) -> None:
    response = await wires["127.0.0.1"].ask(method, "1001")
    assert response is not None
    assert response.status in (407, 481)


@pytest.mark.case("R9")
async def test_a_phones_caller_id_is_its_own(soft: SoftRig) -> None:
    first, second = await soft.phone("1001"), await soft.phone("1002")
    first.agent.user = "13800000000"
    first.agent.password = ""
    first.agent.call("1002")
    await soft.true(lambda: 407 in first.agent.responses)
    assert not second.agent.invitations
    first.agent.user, first.agent.password = "1001", "secret"
    first.agent.call("1002")
    await soft.true(lambda: bool(second.agent.invitations))
    shown = second.agent.invitations[-1]
    assert shown.from_.uri.user == "1001"
    assert shown.get("P-Asserted-Identity") is None


@pytest.mark.case("R10")
@pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE", "INFO", "REFER"])
async def test_a_stranger_with_one_tag_does_not_touch_a_call(soft: SoftRig, wires: dict[str, Wire], method: str) -> None:
    made = await talking(soft)
    line = soft.switch.lines.all[made.agent]
    assert line.dialog is not None
    wire = wires["127.0.0.6"]
    for tags in ({"tag": "guess", "to_tag": line.dialog.local_tag}, {"tag": line.dialog.remote_tag, "to_tag": "guess"}):
        response = await wire.ask(method, "1001", call_id=line.dialog.call_id, cseq=900, **tags)
        assert response is not None
        assert response.status == 481
    assert len(soft.snapshot().connections) == 2


@pytest.mark.case("X1")
async def test_thirty_copies_are_one_call(soft: SoftRig, wires: dict[str, Wire]) -> None:
    wire = wires["127.0.0.1"]
    data = wire.build("INVITE", CALLED, user=CALLING, body=SDP)
    for _ in range(30):
        wire.send(data)
    told = await soft.until(Delivered, incoming=True)
    soft.ask(make(services.Answer, connection=told.connection))
    first = await wire.final()
    assert first is not None
    assert first.status == 200
    for _ in range(5):
        wire.send(data)
    request = wire.build("INVITE", CALLED)
    assert request
    again = await wire.final()
    assert again is not None
    assert again.encode() == first.encode()
    assert len(delivered(soft)) == 1
    assert len(soft.snapshot().connections) == 1
    figure("X1", "35 copies of one INVITE: one call, every answer the same bytes")


@pytest.mark.case("X2")
@pytest.mark.parametrize("method", ["BYE", "UPDATE", "INFO", "PRACK", "NOTIFY", "INVITE", "REFER"])
async def test_requests_of_no_dialog(soft: SoftRig, wires: dict[str, Wire], method: str) -> None:
    response = await wires["127.0.0.1"].ask(method, "1001", to_tag="nowhere")
    assert response is not None
    assert response.status == 481


@pytest.mark.case("X2")
async def test_stray_ack_and_answer_meet_silence(soft: SoftRig, wires: dict[str, Wire]) -> None:
    wire = wires["127.0.0.1"]
    wire.send(wire.build("ACK", CALLED))
    wire.send(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
              b"Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")  # fmt: skip
    assert await wire.receive(0.3) is None
    response = await wire.ask("OPTIONS")
    assert response is not None
    assert response.status == 200
    figure("X2", "seven methods of no dialog: 481; a stray ACK and a stray answer: silence, OPTIONS answered after them")


@pytest.mark.case("X10")
async def test_answers_find_their_way(soft: SoftRig, wires: dict[str, Wire]) -> None:
    behind, plain = wires["127.0.0.1"], wires["127.0.0.2"]
    behind.send(behind.build("OPTIONS", via="Via: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKnat;rport"))
    response = await behind.final()
    assert response is not None
    assert response.via.params["received"] == "127.0.0.1"
    assert response.via.params["rport"] == str(behind.port)
    other = wires["127.0.0.3"]
    plain.send(plain.build("OPTIONS", via=f"Via: SIP/2.0/UDP 127.0.0.2:{plain.port};branch=z9hG4bKplain"))
    assert await plain.final() is not None
    assert await other.receive(0.05) is None


@pytest.mark.case("P5")
async def test_answers_copy_what_they_must(soft: SoftRig, wires: dict[str, Wire]) -> None:
    wire = wires["127.0.0.1"]
    data = wire.build("OPTIONS", headers=("Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;x=y, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKb",))
    wire.send(data)
    response = await wire.final()
    assert response is not None
    lines = data.decode().split("\r\n")
    for name in ("From", "Call-ID", "CSeq"):
        assert f"{name}: {response.get(name)}" in lines
    assert response.all("Via")[1] == "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;x=y, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKb"
    assert response.to.tag
    figure("P5", "Via list, From, Call-ID and CSeq copied exactly, To with a tag, over the wire and in 100 generated requests")


@pytest.mark.case("P6")
async def test_odd_names_reach_core_as_text(soft: SoftRig, wires: dict[str, Wire]) -> None:
    wire = wires["127.0.0.1"]
    names = ["张三".encode("gbk"), b"\xff\xfe", "<b>张</b>".encode()]
    for name in names:
        data = wire.build("INVITE", CALLED, user=CALLING, body=SDP)
        wire.send(data.replace(b"From: <", b'From: "' + name + b'" <'))
    await soft.true(lambda: len(delivered(soft)) == 3)
    for event in delivered(soft):
        assert event.calling == CALLING
        event.calling_name.encode("utf-8")
        assert not any(ord(character) < 32 for character in event.calling_name)
    figure("P6", "GBK, broken UTF-8 and HTML in names: the calls come in, the names are one line of text")


@pytest.mark.case("P7")
async def test_tcp_in_pieces_and_in_heaps(soft: SoftRig, wires: dict[str, Wire]) -> None:
    wire = wires["127.0.0.1"]
    options = wire.build("OPTIONS", call_id="BR", via="Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKBR").decode()
    good, goods = await asyncio.open_connection(*soft.server)
    slow, slows = await asyncio.open_connection(*soft.server)
    huge, huges = await asyncio.open_connection(*soft.server)
    for byte in options.replace("BR", "slow").encode():
        slows.write(bytes([byte]))
        await slows.drain()
    goods.write("".join(options.replace("BR", f"p{number}") for number in range(5)).encode())
    huges.write(b"INVITE sip:x SIP/2.0\r\nContent-Length: 999999\r\n\r\n" + b"x" * 1_000_000)
    assert b"SIP/2.0 200" in await asyncio.wait_for(slow.read(4096), 2)
    received = b""
    while received.count(b"SIP/2.0 200") < 5:
        received += await asyncio.wait_for(good.read(65536), 2)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(huge.readexactly(1_000_000), 2)
    for writer in (goods, slows, huges):
        writer.close()
    response = await wire.ask("OPTIONS")
    assert response is not None
    figure("P7", "bytewise, five at once, 1 MB without end: each connection for itself, the endless one closed")


async def test_codecs_that_we_do_not_speak(soft: SoftRig, wires: dict[str, Wire]) -> None:
    wire = wires["127.0.0.1"]
    for body, status in (
        (SDP.replace("8 0 101", "18"), 488),
        ("v=0\r\nnonsense", 400),
        (SDP.replace("IP4 127.0.0.1\r\nt", "IP4 224.0.0.1\r\nt"), 488),
        (SDP.replace("IP4 127.0.0.1\r\nt", "IP6 2001:db8::9\r\nt"), 488),
    ):
        response = await wire.ask("INVITE", CALLED, body=body)
        assert response is not None
        assert response.status == status
    assert not delivered(soft)


M_LINE = "m=audio 40000 RTP/AVP 8 0 101\r\n"
ABSURD = {
    "rate 0": SDP.replace("8 0 101", "8 101") + "a=rtpmap:8 PCMA/0\r\n",
    "1000 m-lines": SDP + M_LINE * 999,
    "port 0": SDP.replace("audio 40000", "audio 0"),
    "port 70000": SDP.replace("audio 40000", "audio 70000"),
    "no common codec": SDP.replace("8 0 101", "18 101"),
    "only keys": SDP.replace("8 0 101", "101"),
    "everybody": SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 255.255.255.255"),
    "no address": SDP.replace("c=IN IP4 127.0.0.1\r\n", ""),
    "a name": SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 localhost"),
}


@pytest.mark.case("M9")
@pytest.mark.parametrize("what", ABSURD)
async def test_an_absurd_offer_is_refused(soft: SoftRig, wires: dict[str, Wire], what: str) -> None:
    wire = wires["127.0.0.1"]
    response = await wire.ask("INVITE", CALLED, user=CALLING, body=ABSURD[what])
    assert response is not None
    assert response.status in (400, 488)
    assert not delivered(soft)
    assert not soft.switch.sound.rows
    response = await wire.ask("OPTIONS")
    assert response is not None
    assert response.status == 200


@pytest.mark.case("M9")
@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (SDP + "a=ptime:0\r\n", "a=ptime:20"),
        (SDP + "a=ptime:99999\r\n", "a=sendrecv"),
        (SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"), "a=recvonly"),
        (SDP + "m=video 40002 RTP/AVP 31\r\n" * 31, "m=video 0 RTP/AVP 31"),
    ],
    ids=["ptime 0", "ptime 99999", "c=0.0.0.0", "32 m-lines"],
)
async def test_an_odd_offer_is_a_call(soft: SoftRig, wires: dict[str, Wire], body: str, answer: str) -> None:
    wire = wires["127.0.0.1"]
    wire.send(wire.build("INVITE", CALLED, user=CALLING, body=body))
    told = await soft.until(Delivered, incoming=True)
    soft.ask(make(services.Answer, connection=told.connection))
    response = await wire.final()
    assert response is not None
    assert response.status == 200
    assert answer in response.body.decode().split("\r\n")


@pytest.mark.case("M9")
async def test_a_first_offer_of_the_very_port_that_it_is_given_is_refused(soft: SoftRig, media: Media, wires: dict[str, Wire]) -> None:
    """Whoever guesses the port of the row that his call gets would have it talk to itself."""
    wire = wires["127.0.0.1"]
    for _ in range(3):
        wire.send(wire.build("INVITE", CALLED, user=CALLING, body=SDP.replace("40000", str(media.next_port()))))
        told = await soft.until(Delivered, incoming=True)
        soft.ask(make(services.Answer, connection=told.connection))
        response = await wire.final()
        assert response is not None
        assert response.status == 488
        await soft.true(lambda: not soft.switch.sound.rows and not soft.snapshot().connections)


@pytest.mark.case("M9")
async def test_our_own_media_port_is_refused_and_the_call_goes_on(soft: SoftRig) -> None:
    made = await talking(soft)
    row = soft.switch.sound.rows[made.agent]
    assert row.opened is not None
    phone = soft.agents[0]
    assert phone.dialog is not None
    own = SDP.replace("40000", str(row.opened.rtp_port))
    phone.endpoint.request_in_dialog(phone.dialog, "INVITE", time.monotonic(), body=own.encode(), content_type="application/sdp")
    phone.pump()
    await soft.true(lambda: 488 in phone.responses)
    assert len(soft.snapshot().connections) == 2
    before = len(phone.rtp.arrivals)
    await soft.true(lambda: len(phone.rtp.arrivals) > before + 10)


async def test_guest_calls_its_number_once(soft: SoftRig) -> None:
    name = "guest-1"
    fields = {"username": name, "realm": "yitong", "kind": "guest", "number": CALLED, "site": SITE, "expires_at": 0}
    fields |= {"ha1_md5": ha1("MD5", name, "yitong", "pw"), "ha1_sha256": ha1("SHA-256", name, "yitong", "pw")}
    soft.configure("trunk", "demo", {"code": "demo", "addresses": [], "site": SITE})
    soft.switch.configure(f"{TENANT}.page.{name}", json.dumps(fields).encode())
    guest = await soft.agent(name, "pw")
    guest.register()
    await soft.true(lambda: guest.registered == 403)
    guest.call("1001")
    await soft.true(lambda: 403 in guest.responses)
    guest.call(CALLED)
    told = await soft.until(Delivered, incoming=True)
    assert (told.kind.value, told.device) == ("guest", f"{TENANT}/guest/{name}")
    second = await soft.agent(name, "pw")
    second.call(CALLED)
    await soft.true(lambda: 486 in second.responses)


async def test_removed_account_is_gone_at_once(soft: SoftRig) -> None:
    phone = await soft.phone("1001")
    soft.switch.configure(f"{TENANT}.account.a1001", None)
    assert soft.switch.registrations.target(phone.device) is None
    far = await answered_caller(soft)
    target = services.Target(connection=new_id(), device=phone.device)
    soft.ask(make(services.Route, connection=far.connection, targets=(target,)))
    await soft.settle(0.1)
    assert not [event for event in soft.events if isinstance(event, Originated)]
    assert not [one for one in phone.agent.requests if one.method == "INVITE"]


async def test_published_numbers_name_their_trunk_by_id_or_not_at_all(soft: SoftRig, wires: dict[str, Wire]) -> None:
    wire = wires["127.0.0.1"]
    soft.configure("trunk", "id-of-demo", {"code": "demo2", "addresses": ["127.0.0.1/32"], "site": None, "numbers": []})
    soft.configure("number", "n2", {"number": "10001", "trunk": "id-of-demo", "site": SITE, "calling": None})
    soft.configure("number", "n3", {"number": "10002", "trunk": None, "site": SITE})
    soft.configure("number", "n4", {"number": "10003", "trunk": "id-of-another", "site": SITE})
    for number in ("10001", "10002"):
        wire.send(wire.build("INVITE", number, user=CALLING, body=SDP))
        told = await soft.until(Delivered, called=number)
        assert told.site == SITE
    refused = await wire.ask("INVITE", "10003", user=CALLING, body=SDP)
    assert refused is not None
    assert refused.status == 407
