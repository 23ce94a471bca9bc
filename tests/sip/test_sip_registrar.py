"""Bindings: what is kept, for how long, and what changes nothing (cases R5, R11)."""

from __future__ import annotations

from itertools import count

from yitong.sip.core import Flow
from yitong.sip.message import Request
from yitong.sip.registrar import Registered, Registrar, owns

FLOW = Flow("udp", "main", "192.0.2.9", 5060)
_numbers = count(1)


def register(
    registrar: Registrar,
    contact: str | None,
    expires: str | None = None,
    *,
    call_id: str = "",
    cseq: int = 0,
    flow: Flow = FLOW,
    now: float = 0.0,
    to: str = "1001",
) -> Registered:
    headers = [("To", f"<sip:{to}@yitong.example>"), ("Call-ID", call_id or "c"), ("CSeq", f"{cseq or next(_numbers)} REGISTER")]
    headers += [("Contact", contact)] if contact is not None else []
    headers += [("Expires", expires)] if expires is not None else []
    return registrar.register("1001", Request("REGISTER", "sip:yitong.example", headers), flow, now)


def contacts(registrar: Registrar, now: float = 0.0) -> list[str]:
    return [binding.contact for binding in registrar.bindings("1001", now)]


def test_a_binding_is_made_refreshed_read_and_removed() -> None:
    registrar = Registrar()
    first = register(registrar, "<sip:1001@192.0.2.9>", "300")
    assert first.status == 200
    assert [binding.contact for binding in first.added] == ["sip:1001@192.0.2.9"]
    assert first.headers == (("Contact", "<sip:1001@192.0.2.9>;expires=300"),)
    again = register(registrar, "<sip:1001@192.0.2.9>", "300", now=100.0)
    assert (again.added, len(again.refreshed)) == ((), 1)
    assert register(registrar, None, now=150.0).headers == (("Contact", "<sip:1001@192.0.2.9>;expires=250"),)
    gone = register(registrar, "<sip:1001@192.0.2.9>;expires=0", now=200.0)
    assert [binding.contact for binding in gone.removed] == ["sip:1001@192.0.2.9"]
    assert contacts(registrar, 200.0) == []


def test_expiry_is_cut_to_an_hour_and_not_below_a_minute() -> None:
    registrar = Registrar()
    assert register(registrar, "<sip:a@b>", "315360000").headers[0][1].endswith("expires=3600")
    short = register(registrar, "<sip:c@d>", "1")
    assert (short.status, short.headers) == (423, (("Min-Expires", "60"),))
    assert contacts(registrar) == ["sip:a@b"]


def test_who_was_heard_last_is_rung_first_however_long_the_other_asked_for() -> None:
    registrar = Registrar()
    register(registrar, "<sip:1001@gone>", "3600")
    register(registrar, "<sip:1001@new>", "60", now=10.0)
    assert contacts(registrar, 11.0) == ["sip:1001@new", "sip:1001@gone"]
    register(registrar, "<sip:1001@gone>", "3600", now=20.0)
    assert contacts(registrar, 21.0) == ["sip:1001@gone", "sip:1001@new"]
    register(registrar, "<sip:1001@first>;q=0.9", "60", now=30.0)
    assert contacts(registrar, 31.0)[-1] == "sip:1001@first"
    copy = Registrar()
    copy.restore(reversed(registrar.bindings("1001", 31.0)))
    assert contacts(copy, 31.0) == contacts(registrar, 31.0)


def test_at_most_ten_are_kept_and_fifty_at_once_refused() -> None:
    registrar = Registrar()
    assert register(registrar, ", ".join(f"<sip:a{n}@b>" for n in range(50))).status == 403
    for number in range(15):
        register(registrar, f"<sip:p{number}@b>")
    assert sorted(contacts(registrar)) == sorted(f"sip:p{n}@b" for n in range(5, 15))


def test_a_star_removes_everything_only_with_expires_0_and_alone() -> None:
    registrar = Registrar()
    register(registrar, "<sip:a@b>")
    assert register(registrar, "*").status == 400
    assert register(registrar, "*, <sip:a@b>", "0").status == 400
    assert contacts(registrar) == ["sip:a@b"]
    assert register(registrar, "*", "0").status == 200
    assert contacts(registrar) == []


def test_what_is_wrong_changes_nothing() -> None:
    registrar = Registrar()
    register(registrar, "<sip:a@b>")
    for contact in ("<sip:c@d>, <mailto:a@b>", "<sip:c@d>;q=7", "<sip:c@d", "<sip:c@d>;expires=30"):
        assert register(registrar, contact).status in (400, 423)
        assert contacts(registrar) == ["sip:a@b"]


def test_an_older_request_of_the_same_call_changes_nothing() -> None:
    registrar = Registrar()
    register(registrar, "<sip:a@b>", call_id="x", cseq=7_000_000)
    assert register(registrar, "<sip:a@b>;expires=0", call_id="x", cseq=6_999_999).status == 500
    assert contacts(registrar) == ["sip:a@b"]


def test_equal_uris_are_one_binding() -> None:
    registrar = Registrar()
    register(registrar, "<sip:%31001@HOST.example:5060;transport=UDP>")
    register(registrar, "<sip:1001@host.example:5060;transport=udp>")
    assert len(contacts(registrar)) == 1


def test_the_best_comes_first_and_what_ran_out_is_dropped() -> None:
    registrar = Registrar()
    register(registrar, "<sip:low@b>;q=0.1;expires=100, <sip:high@b>;q=0.9;expires=60")
    assert contacts(registrar) == ["sip:high@b", "sip:low@b"]
    assert registrar.next_deadline() == 60.0
    assert [binding.contact for binding in registrar.expire(60.0)] == ["sip:high@b"]
    assert contacts(registrar, 60.0) == ["sip:low@b"]


def test_a_page_that_comes_back_replaces_its_binding_and_a_lost_connection_takes_it_away() -> None:
    registrar = Registrar()
    old, new = Flow("ws", "1", "192.0.2.9", 40000), Flow("ws", "2", "192.0.2.9", 40001)
    register(registrar, '<sip:x@abc.invalid;transport=ws>;+sip.instance="<urn:uuid:1>";reg-id=1', flow=old)
    register(registrar, '<sip:y@def.invalid;transport=ws>;+sip.instance="<urn:uuid:1>";reg-id=1', flow=new)
    (binding,) = registrar.bindings("1001", 0.0)
    assert (binding.contact, binding.flow) == ("sip:y@def.invalid;transport=ws", new)
    assert registrar.remove_flow(old) == []
    assert registrar.remove_flow(new) == [binding]
    assert contacts(registrar) == []


def test_bindings_are_plain_values() -> None:
    registrar, other = Registrar(), Registrar()
    register(registrar, "<sip:a@b>")
    other.restore(registrar.snapshot())
    assert other.bindings("1001", 0.0) == registrar.bindings("1001", 0.0)


def test_nobody_registers_another() -> None:
    for to, right in (("1001", True), ("1002", False), ("%31001", True), ("1001%40evil", False)):
        assert owns("1001", Request("REGISTER", "sip:y", [("To", f"<sip:{to}@yitong.example>")])) is right
    assert not owns("1001", Request("REGISTER", "sip:y", [("To", "<sip:1001")]))
