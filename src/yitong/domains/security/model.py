"""Users as the door sees them, and sessions with their limits."""

from __future__ import annotations

import hashlib

import msgspec

from yitong.kit.clock import SECOND

IDLE = 30 * 60 * SECOND
ABSOLUTE = 12 * 3600 * SECOND
USED_WRITTEN_EVERY = 60 * SECOND
MINIMUM_PASSWORD = 8
MAXIMUM_PASSWORD = 256


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What signing in needs to know of a user."""

    tenant: str
    user: str
    username: str
    active: bool
    hash: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as stored; times are UTC microseconds. ``ended_at`` 0: it was not ended by anybody."""

    id: str
    tenant: str
    user: str
    used_at: int
    idle_until: int
    expires_at: int
    ended_at: int = 0
    locked_at: int = 0
    """0: not locked."""
    active: bool = True

    def over(self, now: int) -> str:
        """Why the session is over at ``now`` (signed_out, disabled, idle, expired), or "" while it lives."""
        if self.ended_at:
            return "signed_out"
        if not self.active:
            return "disabled"
        if now >= self.expires_at:
            return "expired"
        return "idle" if now >= self.idle_until else ""


def token_hash(token: str) -> bytes:
    """What is stored of a token. Tokens carry 256 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def acceptable_password(new: str, old: str, username: str) -> bool:
    """Whether ``new`` may become a user's password (NIST SP 800-63B §3.1.1: length counts, composition rules do not)."""
    return MINIMUM_PASSWORD <= len(new) <= MAXIMUM_PASSWORD and new != old and new.lower() != username.lower()
