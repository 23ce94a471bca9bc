"""How wrong tries slow the next one (reliability W3)."""

from __future__ import annotations

import pytest

from yitong.domains.security.rules import FREE_NAMES, FREE_TRIES, FREE_TRIES_OF_ALL, LONGEST, WINDOW, Allowance, Throttle
from yitong.kit.clock import SECOND

NOW = 1_790_000_000 * SECOND


def fail(throttle: Throttle, user: str, source: str, times: int, now: int = NOW) -> None:
    for _ in range(times):
        throttle.failed(user, source, now)


def test_five_wrong_tries_are_free_and_then_the_wait_doubles() -> None:
    throttle = Throttle()
    fail(throttle, "1001", "a", FREE_TRIES - 1)
    assert throttle.wait("1001", "a", NOW) == 0
    waits = []
    for _ in range(9):
        throttle.failed("1001", "a", NOW)
        waits.append(throttle.wait("1001", "a", NOW))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.case("W3")
def test_a_hundred_wrong_tries_lock_nobody_out_for_good() -> None:
    throttle, now = Throttle(), NOW
    fail(throttle, "1001", "evil", 100)
    assert throttle.wait("1001", "evil", now + LONGEST) == 0
    assert throttle.wait("1001", "desk", now, known=True) == 0
    assert throttle.wait("1001", "desk", now) <= 5
    assert throttle.wait("1001", "evil", now + WINDOW) == 0


def test_many_addresses_against_one_user_are_slowed_but_not_his_own() -> None:
    throttle = Throttle()
    for number in range(FREE_TRIES_OF_ALL):
        throttle.failed("1001", f"10.0.0.{number}", NOW)
    assert throttle.wait("1001", "10.9.9.9", NOW) == 5
    assert throttle.wait("1001", "10.9.9.9", NOW, known=True) == 0
    assert throttle.wait("1002", "10.9.9.9", NOW) == 0


@pytest.mark.case("W3")
def test_spraying_one_password_over_many_users_is_slowed() -> None:
    throttle = Throttle()
    for number in range(FREE_NAMES + 3):
        throttle.failed(f"user{number}", "evil", NOW)
    assert throttle.wait("another", "evil", NOW) == 8
    assert throttle.wait("another", "elsewhere", NOW) == 0


def test_getting_in_ends_the_count() -> None:
    throttle = Throttle()
    fail(throttle, "1001", "a", 8)
    throttle.succeeded("1001", "a")
    assert throttle.wait("1001", "a", NOW) == 0


def test_a_flood_of_names_does_not_fill_memory() -> None:
    throttle = Throttle()
    for number in range(30_000):
        throttle.failed(f"u{number}", f"s{number}", NOW)
    assert len(throttle._counts) <= 20_000


def test_an_allowance_is_a_sliding_window() -> None:
    allowance = Allowance(2, 60 * SECOND)
    assert [allowance.take("a", NOW + at * SECOND) for at in (0, 1, 2, 30, 61)] == [0, 0, 59, 31, 0]
    assert allowance.take("b", NOW) == 0
