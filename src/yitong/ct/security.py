"""What a switch tells of its own defence: who is kept silent and why, what was refused lately, which accounts want a look.

Asked by request over NATS on ``security.{node}`` (docs/interfaces.md); times are UTC microseconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class RefusalKind(StrEnum):
    """Why something was refused."""

    WRONG_PASSWORD = "wrong_password"
    NOT_THERE = "not_there"
    SOMEBODY_ELSE = "somebody_else"
    GUESSED_ACCOUNT = "guessed_account"
    UNENCRYPTED = "unencrypted"
    NUMBER_CLASS = "number_class"
    TOO_MANY_CALLS = "too_many_calls"
    ABROAD_TODAY = "abroad_today"
    OVERLOAD = "overload"


class BanReason(StrEnum):
    """What a source did too often: wrong passwords, or asking for what is not there (or saying of itself that it scans)."""

    WRONG_PASSWORDS = "wrong_passwords"
    LOOKS_AROUND = "looks_around"


class Ban(msgspec.Struct, frozen=True, kw_only=True):
    """A source from which nothing is read until ``until``. ``tries``: what it did too often; ``dropped``: messages unread since."""

    source: str
    reason: BanReason
    tries: int
    since: int
    until: int
    dropped: int


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The same refusal of one source (and account), ``count`` times. ``account``: an extension of ours, of ``tenant``; else both empty."""

    kind: RefusalKind
    source: str
    account: str
    tenant: str
    count: int
    first: int
    last: int


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """An account that wants a look: its password is guessed at (it needs another one), or it has talked abroad for its whole day."""

    tenant: str
    account: str
    reason: Literal["guessed", "abroad_today"]


class AskSecurity(msgspec.Struct, frozen=True, kw_only=True):
    """``look``, or ``lift`` the ban of ``source``."""

    act: Literal["look", "lift"] = "look"
    source: str = ""


class SecurityStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How the switch stands. ``counts``: refusals by kind since it started, at ``since``; ``lifted``: the ban asked for was there."""

    since: int
    bans: list[Ban] = []
    refused: list[Refusal] = []
    counts: dict[str, int] = {}
    suspects: list[Suspect] = []
    lifted: bool = False


def subject(node: str) -> str:
    """Where the switch of a node is asked."""
    return f"security.{node.replace('.', '-')}"
