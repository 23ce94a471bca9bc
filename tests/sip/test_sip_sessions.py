"""Session timers (RFC 4028), reliable provisional answers (RFC 3262) and UPDATE (RFC 3311) between two endpoints."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from tests.sip.conftest import Lose, Wire

from yitong.sip.core import Terms
from yitong.sip.dialog import Agreed
from yitong.sip.events import (
    AckReceived,
    Event,
    RefreshWanted,
    RequestReceived,
    ResponseReceived,
    SessionExpired,
    TransactionTimedOut,
)
from yitong.sip.message import Request, Response
from yitong.sip.timers_session import longer

OPTIONS = frozenset({"timer", "100rel"})
BODY = b"v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nt=0 0\r\n"
SDP = "application/sdp"


class Talk:
    """``a`` calls ``b``; ``b`` answers with what ``answers`` says, each after a moment."""

    def __init__(self, wire: Wire, a: dict[str, Any], b: dict[str, Any], answers: tuple[tuple[int, bytes], ...] = ((200, BODY),)) -> None:
        self.wire, self.answers = wire, answers
        for side, given in ((wire.a, a), (wire.b, b)):
            settings = side.endpoint.core.settings
            fields = {name: getattr(settings, name) for name in settings.__struct_fields__}
            side.endpoint.core.settings = type(settings)(**{**fields, **given})
        wire.on(wire.a, self._a)
        wire.on(wire.b, self._b)
        self.dialog: Any = None
        self.statuses: list[int] = []

    def begin(self, **more: Any) -> None:
        self.client = self.wire.a.endpoint.request(
            "INVITE", "sip:b@10.0.0.2", self.wire.flow(self.wire.b), self.wire.now, from_="<sip:a@10.0.0.1>", to="<sip:b@10.0.0.2>",
            body=BODY, content_type=SDP, **more,
        )  # fmt: skip
        self.wire.run(3.0)

    def _a(self, event: Event) -> None:
        wire = self.wire
        if isinstance(event, ResponseReceived) and event.transaction.method == "INVITE":
            self.statuses.append(event.response.status)
            if 200 <= event.response.status < 300 and event.dialog is not None:
                self.dialog = event.dialog
                wire.a.endpoint.ack(event.transaction, event.dialog, wire.now)
        elif isinstance(event, RequestReceived):
            wire.a.endpoint.respond(event.transaction, 200, wire.now)

    def _b(self, event: Event) -> None:
        wire = self.wire
        if not isinstance(event, RequestReceived):
            return
        if event.request.method == "INVITE":
            for status, body in self.answers:
                wire.b.endpoint.respond(event.transaction, status, wire.now, body=body, content_type=SDP if body else "")
        else:
            wire.b.endpoint.respond(event.transaction, 200, wire.now)


def statuses(events: list[Event], method: str) -> list[int]:
    """The answers to requests of a method."""
    return [one.response.status for one in events if isinstance(one, ResponseReceived) and one.transaction.method == method]


def test_both_agree_and_the_caller_refreshes(wire: Wire) -> None:
    talk = Talk(wire, {"session": Terms(600, 90), "supported": OPTIONS}, {"session": Terms(120, 90), "supported": OPTIONS})
    talk.begin()
    assert wire.sent("10.0.0.1", "INVITE")[0].get("Session-Expires") == "600"
    assert wire.sent("10.0.0.2", 200)[0].get("Session-Expires") == "120;refresher=uac"
    assert wire.sent("10.0.0.2", 200)[0].get("Require") == "timer"
    wire.run(130.0)
    updates = wire.sent("10.0.0.1", "UPDATE")
    assert [one.get("Session-Expires") for one in updates] == ["120;refresher=uac"] * 2
    wire.run(3600.0)
    assert not wire.a.of(SessionExpired)
    assert not wire.b.of(SessionExpired)
    assert len(wire.sent("10.0.0.1", "UPDATE")) == 62


def test_a_dead_caller_is_noticed_by_who_waits_and_a_dead_callee_by_who_refreshes(wire: Wire) -> None:
    talk = Talk(wire, {"session": Terms(90, 90), "supported": OPTIONS}, {"session": Terms(90, 90), "supported": OPTIONS})
    talk.begin()
    wire.lose = lambda data, number: True
    wire.run(80.0)
    assert len(wire.b.of(SessionExpired)) == 1
    assert [one.transaction.method for one in wire.a.events if isinstance(one, TransactionTimedOut)] == ["UPDATE"]


def test_too_short_a_session_is_refused_with_the_least_that_is_taken(wire: Wire) -> None:
    talk = Talk(wire, {"session": Terms(90, 90), "supported": OPTIONS}, {"session": Terms(1800, 300), "supported": OPTIONS})
    talk.begin()
    (refused,) = wire.sent("10.0.0.2", 422)
    assert refused.get("Min-SE") == "300"
    assert isinstance(refused, Response)
    wire.a.endpoint.retry(talk.client, wire.now, headers=longer(refused))
    wire.run(1.0)
    assert wire.sent("10.0.0.2", 200)[0].get("Session-Expires") == "300;refresher=uac"


def test_a_side_without_timers_is_refreshed_by_us(wire: Wire) -> None:
    """Without UPDATE by a re-INVITE of the user's, whatever side called."""
    talk = Talk(wire, {"session": Terms(90, 90), "supported": OPTIONS}, {"allow": "INVITE, ACK, BYE, CANCEL"})
    talk.begin()
    wire.run(60.0)
    assert talk.dialog.session == Agreed(90, True)
    assert [one.dialog for one in wire.a.events if isinstance(one, RefreshWanted)] == [talk.dialog]
    wire.run(20.0)
    assert len(wire.a.of(SessionExpired)) == 1

    other = Wire()
    talk = Talk(other, {"allow": "INVITE, UPDATE"}, {"session": Terms(90, 90), "supported": OPTIONS})
    talk.begin()
    other.run(300.0)
    assert len(other.sent("10.0.0.2", "UPDATE")) == 6
    assert not other.b.of(SessionExpired)


def test_who_answers_with_an_error_is_alive_and_who_knows_no_dialog_is_not(wire: Wire) -> None:
    talk = Talk(wire, {"session": Terms(90, 90), "supported": OPTIONS}, {"session": Terms(90, 90), "supported": OPTIONS})
    talk.begin()
    wire.on(wire.b, lambda event: _refuse(wire, event, 500))
    wire.run(300.0)
    assert not wire.a.of(SessionExpired)
    dialog = next(iter(wire.b.endpoint.dialogs))
    wire.b.endpoint.dialogs.end(dialog)
    wire.run(50.0)
    assert not list(wire.a.endpoint.dialogs)
    assert not len(wire.a.endpoint.sessions)


def _refuse(wire: Wire, event: Event, status: int) -> None:
    if isinstance(event, RequestReceived):
        wire.b.endpoint.respond(event.transaction, status, wire.now)


def test_a_session_goes_on_after_a_restart(wire: Wire) -> None:
    talk = Talk(wire, {"session": Terms(90, 90), "supported": OPTIONS}, {"session": Terms(90, 90), "supported": OPTIONS})
    talk.begin()
    (snapshot,) = wire.b.endpoint.snapshot()
    fresh = Wire().b.endpoint
    fresh.restore(snapshot, 5000.0)
    fresh.handle_timer(5061.0)
    event = fresh.next_event()
    assert isinstance(event, SessionExpired)


# --- RFC 3262 ---------------------------------------------------------------------------------------------------------------------------


def test_early_media_is_sent_reliably_and_the_answer_waits_for_its_prack(wire: Wire) -> None:
    talk = Talk(wire, {"supported": OPTIONS}, {"supported": OPTIONS}, ((180, b""), (183, BODY), (200, b"")))
    talk.begin()
    assert talk.statuses == [180, 183, 200]
    (early,) = wire.sent("10.0.0.2", 183)
    assert (early.get("Require"), early.get("RSeq")) == ("100rel", "1")
    (prack,) = wire.sent("10.0.0.1", "PRACK")
    assert prack.get("RAck") == f"1 {talk.client.request.cseq.number} INVITE"
    order = [one.method if isinstance(one, Request) else one.status for _, one in wire.log]
    assert order.index("PRACK") < order.index(200)
    assert len(wire.b.of(AckReceived)) == 1


@pytest.mark.parametrize("seed", range(5))
def test_provisional_answers_survive_loss(make_wire: Callable[..., Wire], seed: int) -> None:
    losses = random.Random(seed)
    lose: Lose = lambda data, number: losses.random() < 0.3  # noqa: E731
    wire = make_wire(lose=lose, seed=seed)
    wire.duplicate, wire.jitter = 0.2, 0.2
    talk = Talk(wire, {"supported": OPTIONS}, {"supported": OPTIONS}, ((183, BODY), (180, BODY), (200, b"")))
    talk.begin(headers=[("Require", "100rel")])
    wire.run(100.0)
    assert talk.statuses[-1] == 200
    assert [status for status in talk.statuses if status > 100] == [183, 180, 200]
    assert wire.a.endpoint.transactions == wire.b.endpoint.transactions == 0


def test_a_required_prack_that_never_comes_ends_the_call(wire: Wire) -> None:
    talk = Talk(wire, {}, {"supported": OPTIONS}, ((180, b""),))
    talk.begin(headers=[("Require", "100rel")])
    wire.run(40.0)
    assert len(wire.sent("10.0.0.2", 180)) == 7  # at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s
    assert talk.statuses[-1] == 504
    assert len(wire.b.of(TransactionTimedOut)) == 1


@pytest.mark.parametrize("rack", ["2 1 INVITE", "1 9 INVITE", "1 1 UPDATE", "x", ""])
def test_a_prack_of_nothing_is_refused(wire: Wire, rack: str) -> None:
    talk = Talk(wire, {"supported": OPTIONS}, {"supported": OPTIONS}, ((183, BODY),))
    wire.lose = lambda data, number: data.startswith(b"PRACK")
    talk.begin()
    wire.lose = None
    dialog = next(iter(wire.a.endpoint.dialogs))
    wire.a.endpoint.request_in_dialog(dialog, "PRACK", wire.now, headers=[("RAck", rack)] if rack else [])
    wire.run(0.1)
    assert statuses(wire.a.events, "PRACK") == [481 if rack.count(" ") == 2 else 400]


# --- RFC 3311 ---------------------------------------------------------------------------------------------------------------------------


def test_update_changes_an_early_session_once_its_offer_is_answered(wire: Wire) -> None:
    talk = Talk(wire, {"supported": OPTIONS}, {"supported": OPTIONS}, ((183, BODY),))
    talk.begin()
    for side in (wire.a, wire.b):
        dialog = next(iter(side.endpoint.dialogs))
        side.endpoint.request_in_dialog(dialog, "UPDATE", wire.now, body=BODY, content_type=SDP)
        wire.run(0.5)
        assert statuses(side.events, "UPDATE") == [200]


def test_update_with_an_offer_waits_for_the_answer_of_the_first_one(wire: Wire) -> None:
    """§5.2: 500 with Retry-After to who offered twice, 491 to who offers against an offer; without a body always 200."""
    talk = Talk(wire, {}, {}, ((180, b""),))
    talk.begin()
    expected = {wire.a.host: 500, wire.b.host: 491}
    for side in (wire.a, wire.b):
        dialog = next(iter(side.endpoint.dialogs))
        for body in (BODY, b""):
            side.endpoint.request_in_dialog(dialog, "UPDATE", wire.now, body=body, content_type=SDP if body else "")
            wire.run(0.5)
        assert statuses(side.events, "UPDATE") == [expected[side.host], 200]
