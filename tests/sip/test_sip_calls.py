"""Whole calls between two endpoints on a virtual wire: the UAS and UAC cores, transactions and dialogs together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from yitong.sip.dialog import DialogState
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import AckReceived, Cancelled, Event, RequestReceived, ResponseReceived, TransactionFailed, TransactionTimedOut
from yitong.sip.grammar import SipError


def invite(wire: Any, **more: Any) -> Any:
    return wire.a.endpoint.request(
        "INVITE", "sip:96900@10.0.0.2", wire.flow(wire.b), wire.now, from_="<sip:alice@10.0.0.1>", to="<sip:96900@10.0.0.2>", **more
    )


def answering(wire: Any, status: int = 200) -> Callable[[Event], None]:
    """A callee that rings and answers; BYE and others are taken."""

    def handler(event: Event) -> None:
        if isinstance(event, RequestReceived):
            endpoint: Endpoint = wire.b.endpoint
            if event.request.method == "INVITE" and event.dialog is None:
                endpoint.respond(event.transaction, 180, wire.now)
            endpoint.respond(event.transaction, status, wire.now)

    return handler


def acknowledging(wire: Any) -> Callable[[Event], None]:
    def handler(event: Event) -> None:
        if isinstance(event, ResponseReceived) and event.transaction.method == "INVITE" and 200 <= event.response.status < 300:
            if not event.transaction.cancelled:
                assert event.dialog is not None
                wire.a.endpoint.ack(event.transaction, event.dialog, wire.now)
        elif isinstance(event, RequestReceived):
            wire.a.endpoint.respond(event.transaction, 200, wire.now)

    return handler


@pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
def test_a_call_is_set_up_and_ended(make_wire: Any, transport: str) -> None:
    wire = make_wire(transport)
    wire.on(wire.a, acknowledging(wire))
    wire.on(wire.b, answering(wire))
    invite(wire)
    wire.run(1)
    assert [e.response.status for e in wire.a.of(ResponseReceived)] == [180, 200]
    assert len(wire.b.of(AckReceived)) == 1
    (dialog,) = list(wire.a.endpoint.dialogs)
    assert dialog.state is DialogState.CONFIRMED
    (theirs,) = list(wire.b.endpoint.dialogs)
    assert theirs.id == (dialog.call_id, dialog.remote_tag, dialog.local_tag)
    wire.b.endpoint.request_in_dialog(theirs, "BYE", wire.now)
    wire.run(60)
    assert [e.response.status for e in wire.b.of(ResponseReceived)] == [200]
    assert len(wire.a.endpoint.dialogs) == len(wire.b.endpoint.dialogs) == 0
    assert wire.a.endpoint.transactions == wire.b.endpoint.transactions == 0
    assert wire.a.endpoint.next_deadline() is None


def test_lost_answers_are_sent_again_until_the_ack(make_wire: Any) -> None:
    wire = make_wire(lose=lambda data, n: data.startswith(b"SIP/2.0 200") and n < 7)
    wire.on(wire.a, acknowledging(wire))
    wire.on(wire.b, answering(wire))
    invite(wire)
    wire.run(10)
    assert len(wire.sent("10.0.0.2", 200)) > 2
    assert len(wire.b.of(AckReceived)) == 1
    assert len([e for e in wire.a.of(ResponseReceived) if e.response.status == 200]) == 1


def test_a_2xx_nobody_acknowledges_is_given_up_after_32_seconds(make_wire: Any) -> None:
    """Case X4 as the endpoint sees it."""
    wire = make_wire(lose=lambda data, n: data.startswith(b"ACK"))
    wire.on(wire.a, acknowledging(wire))
    wire.on(wire.b, answering(wire))
    invite(wire)
    wire.run(31.9)
    assert wire.b.of(TransactionTimedOut) == []
    wire.run(1)
    (event,) = wire.b.of(TransactionTimedOut)
    assert event.dialog is not None
    assert len(wire.sent("10.0.0.2", 200)) == 11  # 0, .5, 1.5, 3.5, 7.5, 11.5, ... 31.5: T1 doubling to T2
    wire.b.endpoint.request_in_dialog(event.dialog, "BYE", wire.now)
    wire.run(33)
    assert len(wire.a.endpoint.dialogs) == len(wire.b.endpoint.dialogs) == 0


def test_an_invite_without_any_answer_times_out(make_wire: Any) -> None:
    wire = make_wire(lose=lambda data, n: True)
    transaction = invite(wire)
    wire.run(40)
    (event,) = wire.a.of(TransactionTimedOut)
    assert event.transaction is transaction
    assert len(wire.sent("10.0.0.1", "INVITE")) == 7
    assert wire.a.endpoint.transactions == 0


def test_cancel_waits_for_the_first_answer_and_ends_the_ringing(wire: Any) -> None:
    wire.on(wire.b, lambda e: wire.b.endpoint.respond(e.transaction, 180, wire.now) if isinstance(e, RequestReceived) else None)
    transaction = invite(wire)
    assert wire.a.endpoint.cancel(transaction, wire.now)
    wire.run(0.005)
    assert wire.sent("10.0.0.1", "CANCEL") == []
    wire.run(1)
    assert len(wire.sent("10.0.0.1", "CANCEL")) == 1
    assert len(wire.b.of(Cancelled)) == 1
    assert [e.response.status for e in wire.a.of(ResponseReceived)] == [180, 487]
    assert len(wire.sent("10.0.0.1", "ACK")) == 1
    wire.run(64)
    assert wire.a.endpoint.transactions == wire.b.endpoint.transactions == 0
    assert len(wire.a.endpoint.dialogs) == len(wire.b.endpoint.dialogs) == 0


def test_cancel_that_crosses_the_200_is_followed_by_ack_and_bye(wire: Any) -> None:
    """Case X3 as the endpoint sees it."""

    def callee(event: Event) -> None:
        if isinstance(event, RequestReceived):
            wire.b.endpoint.respond(event.transaction, 200 if event.request.method == "BYE" else 180, wire.now)

    wire.on(wire.b, callee)
    transaction = invite(wire)
    wire.run(1)
    wire.a.endpoint.cancel(transaction, wire.now)
    (request,) = wire.b.of(RequestReceived)
    wire.b.endpoint.respond(request.transaction, 200, wire.now)
    wire.run(1)
    assert len(wire.sent("10.0.0.1", "ACK")) == 1
    assert len(wire.sent("10.0.0.1", "BYE")) == 1
    assert transaction.cancelled
    wire.run(64)
    assert len(wire.a.endpoint.dialogs) == len(wire.b.endpoint.dialogs) == 0


def test_reinvites_that_cross_are_both_refused_with_491(wire: Any) -> None:
    """Case X6 as the endpoint sees it."""
    wire.on(wire.a, acknowledging(wire))
    wire.on(wire.b, answering(wire))
    invite(wire)
    wire.run(1)
    (mine,), (theirs,) = list(wire.a.endpoint.dialogs), list(wire.b.endpoint.dialogs)
    wire.a.endpoint.request_in_dialog(mine, "INVITE", wire.now)
    wire.b.endpoint.request_in_dialog(theirs, "INVITE", wire.now)
    with pytest.raises(SipError):
        wire.a.endpoint.request_in_dialog(mine, "INVITE", wire.now)
    wire.run(1)
    assert len(wire.sent("10.0.0.1", 491)) == len(wire.sent("10.0.0.2", 491)) == 1
    wire.a.endpoint.request_in_dialog(mine, "INVITE", wire.now)
    wire.run(1)
    assert wire.a.of(ResponseReceived)[-1].response.status == 200


def test_a_killed_side_goes_on_from_its_snapshot(make_wire: Any) -> None:
    wire = make_wire()
    wire.on(wire.a, acknowledging(wire))
    wire.on(wire.b, answering(wire))
    invite(wire)
    wire.run(1)
    saved = wire.b.endpoint.snapshot()
    wire.b.endpoint = make_wire().b.endpoint
    (dialog,) = [wire.b.endpoint.restore(values) for values in saved]
    assert dialog.snapshot() == saved[0]
    wire.b.endpoint.request_in_dialog(dialog, "BYE", wire.now)
    wire.run(1)
    assert wire.b.of(ResponseReceived)[-1].response.status == 200


def test_a_broken_connection_fails_its_requests(make_wire: Any) -> None:
    wire = make_wire("tcp", lose=lambda data, n: True)
    transaction = invite(wire)
    wire.run(1)
    wire.a.endpoint.flow_closed(wire.flow(wire.b), wire.now)
    wire.run(1)
    (event,) = wire.a.of(TransactionFailed)
    assert event.transaction is transaction


def test_bye_from_the_caller_while_ringing_ends_the_invite(wire: Any) -> None:
    def callee(event: Event) -> None:
        if isinstance(event, RequestReceived):
            wire.b.endpoint.respond(event.transaction, 200 if event.request.method == "BYE" else 180, wire.now)

    wire.on(wire.b, callee)
    invite(wire)
    wire.run(1)
    (early,) = list(wire.a.endpoint.dialogs)
    assert early.state is DialogState.EARLY
    wire.a.endpoint.request_in_dialog(early, "BYE", wire.now)
    wire.run(1)
    assert {e.response.status for e in wire.a.of(ResponseReceived)} == {180, 200, 487}


@pytest.mark.parametrize("seed", range(10))
def test_calls_over_a_bad_network_end_clean(make_wire: Any, seed: int) -> None:
    """Case X7 as the endpoint sees it: 10 % loss, doubling, disorder both ways."""
    wire = make_wire(seed=seed)
    wire.lose = lambda data, n: wire.random.random() < 0.1
    wire.duplicate, wire.jitter = 0.1, 0.2
    wire.on(wire.a, acknowledging(wire))
    wire.on(wire.b, answering(wire))
    calls = 20
    for _ in range(calls):
        invite(wire)
        wire.run(0.1)
    wire.run(40)
    assert len([e for e in wire.b.of(RequestReceived) if e.request.method == "INVITE"]) == calls
    answered = len(list(wire.a.endpoint.dialogs))
    assert answered >= calls - 1
    for dialog in wire.a.endpoint.dialogs:
        wire.a.endpoint.request_in_dialog(dialog, "BYE", wire.now)
    wire.run(70)
    assert wire.a.endpoint.transactions == wire.b.endpoint.transactions == 0
    assert len(wire.a.endpoint.dialogs) == len(wire.b.endpoint.dialogs) == 0
