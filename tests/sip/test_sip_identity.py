"""Who calls and whom first, as networks say it; keys in INFO; tel URIs that mean the same."""

from __future__ import annotations

import pytest

from yitong.sip.identity import Caller, caller, first_called
from yitong.sip.info_digits import key_of
from yitong.sip.message import Request
from yitong.sip.uri import Uri

FROM = ("From", '"Zhang" <sip:1001@10.0.0.9>;tag=1')


def request(*headers: tuple[str, str]) -> Request:
    return Request("INVITE", "sip:96900@h", [FROM, *headers])


@pytest.mark.parametrize(
    ("headers", "trusted", "expected"),
    [
        ((), True, Caller("1001", "Zhang")),
        ((("P-Asserted-Identity", '"Li" <sip:+8613800138000@net>'),), True, Caller("+8613800138000", "Li")),
        ((("P-Asserted-Identity", '"Li" <sip:+8613800138000@net>'),), False, Caller("1001", "Zhang")),
        ((("P-Asserted-Identity", "<sip:alice@net>, <tel:+86-138-0013-8000>"),), True, Caller("+8613800138000", "Zhang")),
        ((("P-Asserted-Identity", "<sip:alice@net>"), ("Privacy", "none")), True, Caller("alice", "Zhang")),
        ((("P-Asserted-Identity", "<sip:+861@net>"), ("Privacy", "id;critical")), True, Caller()),
        ((("P-Asserted-Identity", "nonsense<"),), True, Caller("1001", "Zhang")),
        ((("Privacy", "user"),), False, Caller()),
    ],
)
def test_the_network_says_who_calls(headers: tuple[tuple[str, str], ...], trusted: bool, expected: Caller) -> None:
    assert caller(request(*headers), trusted) == expected


def test_nobody_stands_behind_an_anonymous_from() -> None:
    one = Request("INVITE", "sip:96900@h", [("From", '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1')])
    assert caller(one, trusted=True) == Caller()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), ""),
        ((("Diversion", "<sip:2002@h>;reason=no-answer"), ("Diversion", "<tel:+8610-2001>;reason=unconditional")), "+86102001"),
        ((("Diversion", "<sip:2002@h>;reason=busy, <sip:2001@h>;reason=busy"),), "2001"),
        ((("History-Info", "<sip:2001@h>;index=1, <sip:2002@h?Reason=SIP%3Bcause%3D302>;index=1.1, <sip:96900@h>;index=1.1.1"),), "2001"),
        ((("History-Info", "<sip:96900@h>;index=1"),), ""),
        ((("History-Info", "<sip:3@h>;index=1.1, <sip:2001@h>;index=1"), ("Diversion", "<sip:9@h>")), "2001"),
        ((("Diversion", '"'),), ""),
    ],
)
def test_the_first_called_number_is_read(headers: tuple[tuple[str, str], ...], expected: str) -> None:
    assert first_called(request(*headers)) == expected


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Duration= 250\r\nsignal= #", "#"),
        ("application/dtmf-relay", b"Signal=11\nDuration=100\n", "#"),
        ("application/dtmf-relay", b"Signal=16\r\n", ""),
        ("application/dtmf-relay", b"5", ""),
        ("application/dtmf", b"*", "*"),
        ("application/dtmf", b"d\r\n", "D"),
        ("application/dtmf", b"Signal=7", "7"),
        ("application/dtmf", b"77", ""),
        ("text/plain", b"Signal=5", ""),
        ("application/dtmf", b"5" * 600, ""),
    ],
)
def test_keys_of_info(kind: str, body: bytes, key: str) -> None:
    assert key_of(kind, body) == key


def test_equal_tel_uris() -> None:
    assert Uri.parse("tel:+86-10-96900;ext=5;phone-context=A").key == Uri.parse("TEL:+86(10)96900;phone-context=a;EXT=5").key
    assert Uri.parse("tel:+8610").key != Uri.parse("tel:8610").key
