"""Digest authentication, both sides (cases R3, R6 as far as bytes decide them)."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from yitong.sip import digest
from yitong.sip.digest import Account, Authenticator, Credentials, Verdict, authorize, ha1
from yitong.sip.guard import MAXIMUM_TRIES, SILENCE_SECONDS, Guard
from yitong.sip.message import Request, Response

HERE = "192.0.2.9"


def request(method: str = "REGISTER", uri: str = "sip:yitong.example") -> Request:
    return Request(method, uri, [("From", "<sip:a@b>;tag=1"), ("CSeq", f"1 {method}")])


def account(name: str) -> Account | None:
    if name != "1001":
        return None
    return Account("1001", ha1("MD5", "1001", "yitong", "secret"), ha1("SHA-256", "1001", "yitong", "secret"))


@pytest.fixture
def authenticator() -> Authenticator:
    numbers = count()
    return Authenticator("yitong", b"k" * 32, lambda: f"n{next(numbers)}")


def answered(
    authenticator: Authenticator,
    asked: Request,
    challenge: int = 0,
    password: str = "secret",
    username: str = "1001",
    now: float = 0.0,
    source: str = HERE,
) -> Request:
    response = Response(401, "Unauthorized", [("WWW-Authenticate", authenticator.challenges(source, now)[challenge])])
    header = authorize(asked, response, Credentials(username, password), "cn")
    assert header is not None
    return Request(asked.method, asked.uri_text, [*asked.headers, header])


@pytest.mark.parametrize("challenge", [0, 1])
def test_the_right_password_is_right_with_both_algorithms(authenticator: Authenticator, challenge: int) -> None:
    assert authenticator.check(answered(authenticator, request(), challenge), HERE, account, 1.0) == (Verdict.OK, "1001")


def test_both_algorithms_are_offered_and_the_same_to_all_but_those_that_cannot_bear_it(authenticator: Authenticator) -> None:
    assert ["SHA-256" in value for value in authenticator.challenges(HERE, 0.0, user_agent="JsSIP 3.13.8")] == [False, True]
    assert ["SHA-256" in value for value in authenticator.challenges(HERE, 0.0, user_agent="baresip v1.0.0 (x86_64/linux)")] == [False]


def test_the_known_example_of_rfc_7616() -> None:
    params = {"uri": "/dir/index.html", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "nc": "00000001", "qop": "auth"}
    params["cnonce"] = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    for algorithm, expected in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        a1 = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
        assert digest.digest_response(algorithm, a1, "GET", params) == expected


def test_a_wrong_password_and_an_unknown_user_get_the_same(authenticator: Authenticator) -> None:
    for username, password in (("1001", "wrong"), ("nobody", "secret")):
        assert (
            authenticator.check(answered(authenticator, request(), password=password, username=username), HERE, account, 1.0).verdict
            is Verdict.WRONG
        )


def test_an_account_without_a_secret_cannot_be_used(authenticator: Authenticator) -> None:
    asked = answered(authenticator, request(), password="")
    assert authenticator.check(asked, HERE, lambda name: Account(name), 1.0).verdict is Verdict.WRONG


def test_a_nonce_is_good_once_for_five_minutes_and_for_its_source(authenticator: Authenticator) -> None:
    """Case R6."""
    asked = answered(authenticator, request())
    assert authenticator.check(asked, "203.0.113.5", account, 1.0).verdict is Verdict.STALE
    assert authenticator.check(asked, HERE, account, 1.0).verdict is Verdict.OK
    assert authenticator.check(asked, HERE, account, 1.0).verdict is Verdict.STALE
    late = answered(authenticator, request())
    assert authenticator.check(late, HERE, account, 301.0).verdict is Verdict.STALE
    assert all("stale=true" in challenge for challenge in authenticator.challenges(HERE, 301.0, stale=True))


def test_credentials_for_another_method_or_uri_are_worth_nothing(authenticator: Authenticator) -> None:
    asked = answered(authenticator, request())
    assert authenticator.check(Request("INVITE", asked.uri_text, asked.headers), HERE, account, 1.0).verdict is Verdict.WRONG
    assert (
        authenticator.check(Request("REGISTER", "sip:13800138000@yitong.example", asked.headers), HERE, account, 1.0).verdict
        is Verdict.MISSING
    )


def test_a_made_up_nonce_is_worth_nothing(authenticator: Authenticator) -> None:
    other = Authenticator("yitong", b"x" * 32, lambda: "n")
    assert authenticator.check(answered(other, request()), HERE, account, 1.0).verdict is Verdict.STALE
    assert authenticator.check(request(), HERE, account, 1.0).verdict is Verdict.MISSING


def test_the_next_use_of_a_nonce_counts_up(authenticator: Authenticator) -> None:
    first = answered(authenticator, request())
    assert authenticator.check(first, HERE, account, 1.0).verdict is Verdict.OK
    value = first.need("Authorization")
    nonce = value.partition('nonce="')[2].partition('"')[0]
    params = {"uri": first.uri_text, "nonce": nonce, "nc": "00000002", "cnonce": "cn", "qop": "auth"}
    right = digest.digest_response("MD5", ha1("MD5", "1001", "yitong", "secret"), "REGISTER", params)
    start, _, rest = value.partition('response="')
    value = f'{start}response="{right}{rest[32:]}'.replace("nc=00000001", "nc=00000002")
    assert authenticator.check(Request("REGISTER", first.uri_text, [("Authorization", value)]), HERE, account, 2.0).verdict is Verdict.OK


def test_a_challenge_of_another_realm_is_not_answered() -> None:
    """Case R8 as far as this side decides it."""
    response = Response(407, "", [("Proxy-Authenticate", 'Digest realm="elsewhere", nonce="n", qop="auth"')])
    assert authorize(request("INVITE"), response, Credentials("u", "p", "trunk"), "c") is None
    assert authorize(request("INVITE"), response, Credentials("u", "p", "elsewhere"), "c") is not None


def test_refused_credentials_are_not_sent_again() -> None:
    asked = Request("INVITE", "sip:x@y", [("Authorization", "Digest ...")])
    challenge = 'Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=MD5'
    assert authorize(asked, Response(401, "", [("WWW-Authenticate", challenge)]), Credentials("u", "p"), "c") is None
    header = authorize(asked, Response(401, "", [("WWW-Authenticate", challenge + ", stale=true")]), Credentials("u", "p"), "c")
    assert header is not None
    assert "qop=auth," in header[1]


def test_sixty_wrong_passwords_of_one_source_are_looked_at_thirty_times() -> None:
    """Case R1 as far as it is decided here."""
    guard: Any = Guard()
    looked_at, alarms = 0, 0
    for number in range(60):
        if not guard.silent("203.0.113.5", float(number)):
            looked_at += 1
            alarms += guard.failed("203.0.113.5", float(number))
    assert (looked_at, alarms) == (MAXIMUM_TRIES, 1)
    assert not guard.silent(HERE, 60.0)
    assert guard.silent("203.0.113.5", 29.0 + SILENCE_SECONDS - 1)
    assert not guard.silent("203.0.113.5", 29.0 + SILENCE_SECONDS)
    assert [key for key, _ in guard.silenced(60.0)] == ["203.0.113.5"]


def test_an_ipv6_source_is_its_network() -> None:
    guard = Guard()
    for number in range(MAXIMUM_TRIES):
        guard.failed(f"2001:db8::{number:x}", 1.0)
    assert guard.silent("2001:db8::ffff", 2.0)
    assert not guard.silent("2001:db8:0:1::1", 2.0)
