"""Passwords, tokens and the limits of a session."""

from __future__ import annotations

import asyncio

import argon2
import pytest

from yitong.contact.bus import Refused
from yitong.domains.security.model import Session, acceptable_password, token_hash
from yitong.domains.security.service import HASHING_WAITING, Passwords, decoy

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


async def test_a_password_is_right_only_for_its_own_hash() -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hash("secret 秘密")
    assert stored.startswith("$argon2id$")
    assert await passwords.right(stored, "secret 秘密")
    assert not await passwords.right(stored, "secret")
    assert not await passwords.right("", "secret")
    assert not await passwords.right("nonsense", "secret")


def test_what_an_unknown_name_is_tried_against_costs_what_a_real_hash_costs() -> None:
    hasher = argon2.PasswordHasher()
    made = decoy(hasher)
    assert argon2.extract_parameters(made) == argon2.extract_parameters(hasher.hash("secret"))
    assert len(made) == len(hasher.hash("secret"))
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        hasher.verify(made, "secret")


async def test_passwords_are_hashed_as_dearly_as_the_standard_asks() -> None:
    """RFC 9106 §4, the second recommended choice: Argon2id, three passes over 64 MiB in four lanes."""
    found = argon2.extract_parameters(await Passwords().hash("secret"))
    assert (found.type, found.time_cost, found.memory_cost, found.parallelism) == (argon2.Type.ID, 3, 65_536, 4)


async def test_too_many_at_once_are_told_to_wait_rather_than_fill_memory() -> None:
    passwords = Passwords(CHEAP)
    tries = await asyncio.gather(*(passwords.right("", "x") for _ in range(HASHING_WAITING + 5)), return_exceptions=True)
    assert sum(isinstance(one, Refused) for one in tries) == 5


@pytest.mark.parametrize(
    ("ended", "active", "now", "expected"),
    [(0, True, 99, ""), (50, True, 99, "signed_out"), (0, False, 99, "disabled"), (0, True, 100, "idle"), (0, True, 200, "expired")],
)
def test_a_session_is_over_for_a_reason(ended: int, active: bool, now: int, expected: str) -> None:
    session = Session(id="s", tenant="t", user="u", used_at=1, idle_until=100, expires_at=200, ended_at=ended, active=active)
    assert session.over(now) == expected


def test_what_may_become_a_password() -> None:
    assert acceptable_password("long enough", "old", "1001")
    for bad in ("short", "same as old", "x" * 257, "username1"):
        assert not acceptable_password(bad, "same as old", "UserName1")


def test_tokens_are_stored_as_digests() -> None:
    assert token_hash("a") != token_hash("b")
    assert len(token_hash("a\udc80")) == 32
