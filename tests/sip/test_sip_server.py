"""The server side with bytes: retransmissions, merged requests, strangers, where answers go."""

# ruff: noqa: E501 - one form a line reads best

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from yitong.sip.core import Flow, Settings
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import AckReceived, BadMessage, Cancelled, CloseFlow, Event, RequestReceived
from yitong.sip.message import Response, parse

SOURCE = Flow("udp", "main", "192.0.2.9", 5080)


class Server:
    def __init__(self) -> None:
        numbers = count(1)
        self.endpoint = Endpoint(Settings(host="192.0.2.1", ports={"udp": 5060, "ws": 8089}), lambda: f"t{next(numbers)}")
        self.now = 0.0

    def send(self, data: bytes, flow: Flow = SOURCE) -> list[tuple[Response, Flow]]:
        self.endpoint.receive(data, flow, self.now)
        return self.sent()

    def sent(self) -> list[tuple[Response, Flow]]:
        out = []
        for data, flow in self.endpoint.datagrams_to_send():
            message = parse(data)
            assert isinstance(message, Response)
            out.append((message, flow))
        return out

    def events(self) -> list[Event]:
        out = []
        while (event := self.endpoint.next_event()) is not None:
            out.append(event)
        return out

    def wait(self, seconds: float) -> list[tuple[Response, Flow]]:
        end = self.now + seconds
        while (deadline := self.endpoint.next_deadline()) is not None and deadline <= end:
            self.now = deadline
            self.endpoint.handle_timer(self.now)
        self.now = end
        return self.sent()


@pytest.fixture
def server() -> Server:
    return Server()


def request(method: str = "INVITE", *, branch: str = "z9hG4bK1", tag: str = "", cseq: int = 1, call_id: str = "c1", via: str = ";rport", sent_by: str = "192.0.2.9:5080",
            to_method: str = "", from_tag: str = "f", extra: str = "", transport: str = "UDP") -> bytes:  # fmt: skip
    to = f"<sip:96900@192.0.2.1>{f';tag={tag}' if tag else ''}"
    return (
        f"{method} sip:96900@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {sent_by};branch={branch}{via}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:a@192.0.2.9>;tag={from_tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {to_method or method}\r\n"
        f"Contact: <sip:a@192.0.2.9:5080>\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode()


def open_invite(server: Server, data: bytes | None = None) -> Any:
    server.send(data or request())
    (event,) = server.events()
    assert isinstance(event, RequestReceived)
    return event


def statuses(sent: list[tuple[Response, Flow]]) -> list[int]:
    return [response.status for response, _ in sent]


def test_30_copies_of_an_invite_are_one_call(server: Server) -> None:
    """Case X1 as the endpoint sees it."""
    event = open_invite(server)
    for _ in range(29):
        assert server.send(request()) == []
    assert server.events() == []
    server.endpoint.respond(event.transaction, 486, server.now)
    ((first, _),) = server.sent()
    again = [response.encode() for _ in range(5) for response, _ in server.send(request())]
    assert again == [first.encode()] * 5
    assert server.send(request("ACK", tag=first.to.tag)) == []
    assert server.send(request()) == []
    assert server.wait(100) == []
    assert server.endpoint.transactions == 0


def test_an_invite_that_waits_is_told_100_and_then_its_copies_too(server: Server) -> None:
    open_invite(server)
    assert statuses(server.wait(0.2)) == [100]
    assert statuses(server.send(request())) == [100]


def test_a_final_answer_is_repeated_until_its_ack_and_given_up_after_32_seconds(server: Server) -> None:
    event = open_invite(server)
    server.endpoint.respond(event.transaction, 486, server.now)
    assert len(server.wait(31.9)) == 11
    assert server.wait(5) == []
    assert server.endpoint.transactions == 0


def test_the_same_request_by_another_way_is_a_loop(server: Server) -> None:
    open_invite(server)
    assert statuses(server.send(request(branch="z9hG4bK2"))) == [482]


def test_a_branch_of_rfc_2543_is_matched_by_the_whole(server: Server) -> None:
    data = request(branch="1")
    event = open_invite(server, data)
    assert server.send(data) == []
    server.endpoint.respond(event.transaction, 486, server.now)
    ((answer, _),) = server.sent()
    assert server.send(request("ACK", branch="1", tag=answer.to.tag)) == []
    assert server.wait(2) == []


def test_a_request_without_its_dialog_is_refused_and_a_stray_ack_met_with_silence(server: Server) -> None:
    """Case X2."""
    for number, method in enumerate(("BYE", "UPDATE", "INFO", "PRACK", "NOTIFY", "REFER", "INVITE")):
        assert statuses(server.send(request(method, tag="nobody", branch=f"z9hG4bKx{number}"))) == [481]
    server.wait(0.0)
    assert server.send(request("ACK", tag="nobody", branch="z9hG4bKy")) == []
    assert (
        server.send(
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKq\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 BYE\r\n\r\n"
        )
        == []
    )
    assert server.events() == []


def confirmed(server: Server) -> Any:
    event = open_invite(server)
    server.endpoint.respond(event.transaction, 200, server.now)
    ((answer, _),) = server.sent()
    server.send(request("ACK", branch="z9hG4bKack", tag=answer.to.tag))
    (ack,) = server.events()
    assert isinstance(ack, AckReceived)
    return ack.dialog


@pytest.mark.parametrize("method", ["BYE", "INVITE", "REFER", "INFO"])
def test_a_stranger_with_call_id_and_one_tag_changes_nothing(server: Server, method: str) -> None:
    """Case R10."""
    dialog = confirmed(server)
    before = dialog.snapshot()
    for number, tags in enumerate(({"tag": dialog.local_tag, "from_tag": "guess"}, {"tag": "guess", "from_tag": "f"}, {"from_tag": "f"})):
        sent = server.send(request(method, branch=f"z9hG4bKs{number}", cseq=9 + number, **tags))
        assert "tag" not in tags or statuses(sent) == [481]
    assert dialog.snapshot() == before


def test_requests_in_a_dialog_keep_their_order(server: Server) -> None:
    dialog = confirmed(server)
    server.send(request("INFO", tag=dialog.local_tag, branch="z9hG4bKi1", cseq=5))
    assert len(server.events()) == 1
    assert statuses(server.send(request("INFO", tag=dialog.local_tag, branch="z9hG4bKi2", cseq=4))) == [500]


def test_a_second_invite_while_one_is_open_is_refused(server: Server) -> None:
    dialog = confirmed(server)
    server.send(request(tag=dialog.local_tag, branch="z9hG4bKr1", cseq=2))
    ((answer, _),) = server.send(request(tag=dialog.local_tag, branch="z9hG4bKr2", cseq=3))
    assert answer.status == 500
    assert answer.get("Retry-After") == "2"


def test_bye_for_a_call_that_just_ended_is_taken(server: Server) -> None:
    dialog = confirmed(server)
    server.endpoint.request_in_dialog(dialog, "BYE", server.now)
    list(server.endpoint.datagrams_to_send())
    assert statuses(server.send(request("BYE", tag=dialog.local_tag, branch="z9hG4bKb", cseq=2))) == [200]
    assert server.events() == []


def test_cancel_ends_the_ringing_and_a_stranger_cannot(server: Server) -> None:
    event = open_invite(server)
    server.endpoint.respond(event.transaction, 180, server.now)
    server.sent()
    assert statuses(server.send(request("CANCEL", branch="z9hG4bKother"))) == [481]
    assert statuses(server.send(request("CANCEL"))) == [200, 487]
    (cancelled,) = server.events()
    assert isinstance(cancelled, Cancelled)
    assert not server.endpoint.respond(event.transaction, 200, server.now)
    assert len(server.endpoint.dialogs) == 0


def test_cancel_after_the_answer_changes_nothing(server: Server) -> None:
    event = open_invite(server)
    server.endpoint.respond(event.transaction, 200, server.now)
    server.sent()
    assert statuses(server.send(request("CANCEL"))) == [200]
    assert server.events() == []
    assert len(server.endpoint.dialogs) == 1


@pytest.mark.parametrize(
    ("via", "sent_by", "port"),
    [
        (";rport", "192.0.2.9:5080", 5080),
        (";rport", "10.0.0.7:9999", 5080),
        ("", "192.0.2.9:5099", 5099),
        ("", "10.0.0.7", 5060),
        (";rport=1", "192.0.2.9:1", 5080),
    ],
)
def test_answers_find_their_way(server: Server, via: str, sent_by: str, port: int) -> None:
    """Case X10: rport, no rport, another port than the source's."""
    event = open_invite(server, request(via=via, sent_by=sent_by))
    server.endpoint.respond(event.transaction, 486, server.now)
    ((answer, flow),) = server.sent()
    assert (flow.host, flow.port) == ("192.0.2.9", port)
    line = answer.need("Via")
    assert (f"rport={SOURCE.port}" in line) == ("rport" in via)
    assert ("received=192.0.2.9" in line) == ("rport" in via or not sent_by.startswith("192.0.2.9"))


def test_answers_to_a_page_go_back_on_its_connection(server: Server) -> None:
    page = Flow("ws", "77", "198.51.100.3", 50123)
    server.send(request(sent_by="df7jal23ls0d.invalid", transport="WS", via=""), page)
    (event,) = server.events()
    assert isinstance(event, RequestReceived)
    server.endpoint.respond(event.transaction, 200, server.now)
    ((answer, flow),) = server.sent()
    assert flow == page
    assert answer.need("Contact") == "<sip:192.0.2.1:8089;transport=ws>"
    (dialog,) = list(server.endpoint.dialogs)
    server.endpoint.request_in_dialog(dialog, "BYE", server.now)
    ((data, way),) = list(server.endpoint.datagrams_to_send())
    assert way == page
    assert data.startswith(b"BYE sip:a@192.0.2.9:5080 SIP/2.0\r\nVia: SIP/2.0/WS 192.0.2.1:8089;branch=")


def test_keep_alives_are_answered_on_connections_only(server: Server) -> None:
    for transport, answered in (("tcp", True), ("ws", True), ("udp", False)):
        flow = Flow(transport, "1", "192.0.2.9", 1)
        server.endpoint.receive(b"\r\n\r\n", flow, 0.0)
        assert list(server.endpoint.datagrams_to_send()) == ([(b"\r\n", flow)] if answered else [])


@pytest.mark.case("P7")
def test_half_a_message_closes_its_connection_after_32_seconds(server: Server) -> None:
    """Case P7 as the endpoint sees it."""
    flow = Flow("tcp", "1", "192.0.2.9", 1)
    server.endpoint.receive(request()[:50], flow, 0.0)
    server.wait(20)
    server.endpoint.receive(b"x", flow, server.now)
    assert server.events() == []
    server.wait(12.1)
    (event,) = server.events()
    assert isinstance(event, CloseFlow)
    assert server.send(request(branch="z9hG4bKother", call_id="c9")) == []  # others live


def test_a_message_in_single_bytes_is_taken(server: Server) -> None:
    flow = Flow("tcp", "1", "192.0.2.9", 1)
    for byte in request(transport="TCP"):
        server.endpoint.receive(bytes([byte]), flow, 0.0)
    assert [type(event) for event in server.events()] == [RequestReceived]
    assert server.wait(0.0) == []
    assert server.endpoint.next_deadline() == pytest.approx(0.1)


def test_what_cannot_be_read_is_answered_and_logged_once(server: Server) -> None:
    ((answer, _),) = server.send(request().replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"))
    assert answer.status == 400
    (event,) = server.events()
    assert isinstance(event, BadMessage)
    assert event.status == 400
    assert server.endpoint.transactions == 0


def test_too_many_transactions_are_refused_with_503() -> None:
    server = Server()
    server.endpoint = Endpoint(Settings(host="192.0.2.1", maximum_transactions=3), lambda: "t")
    for number in range(3):
        server.send(request(branch=f"z9hG4bK{number}", call_id=f"c{number}"))
    ((answer, _),) = server.send(request(branch="z9hG4bKmore", call_id="more"))
    assert (answer.status, answer.get("Retry-After")) == (503, "10")


def test_the_dialog_takes_its_route_and_target(server: Server) -> None:
    event = open_invite(server, request(extra="Record-Route: <sip:p1@192.0.2.7;lr>, <sip:p2@192.0.2.6;lr>\r\n"))
    server.endpoint.respond(event.transaction, 200, server.now)
    ((answer, _),) = server.sent()
    assert answer.all("Record-Route") == ["<sip:p1@192.0.2.7;lr>, <sip:p2@192.0.2.6;lr>"]
    (dialog,) = list(server.endpoint.dialogs)
    assert dialog.route_set == ("<sip:p1@192.0.2.7;lr>", "<sip:p2@192.0.2.6;lr>")
    bye = dialog.request("BYE", "SIP/2.0/UDP h;branch=z9hG4bKb")
    assert bye.uri_text == "sip:a@192.0.2.9:5080"
    assert bye.all("Route") == list(dialog.route_set)


def test_a_strict_router_stands_in_the_request_line(server: Server) -> None:
    event = open_invite(server, request(extra="Record-Route: <sip:p1@192.0.2.7>\r\nRecord-Route: <sip:p2@192.0.2.6;lr>\r\n"))
    server.endpoint.respond(event.transaction, 200, server.now)
    (dialog,) = list(server.endpoint.dialogs)
    bye = dialog.request("BYE", "SIP/2.0/UDP h;branch=z9hG4bKb")
    assert bye.uri_text == "sip:p1@192.0.2.7"
    assert bye.all("Route") == ["<sip:p2@192.0.2.6;lr>", "<sip:a@192.0.2.9:5080>"]


def test_a_request_that_its_user_never_answers_is_forgotten(server: Server) -> None:
    server.send(request("OPTIONS"))
    assert server.wait(33) == []
    assert server.endpoint.transactions == 0
