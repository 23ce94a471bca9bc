"""A password that is guessed slowly, from many addresses, so that no single one is noticed (case R2). Values and ``now`` only."""

from __future__ import annotations

from collections import OrderedDict

from yitong.sip.guard import source_key

MAXIMUM_TRIES = 100
MAXIMUM_SOURCES = 20
"""So many wrong passwords from so many addresses that never had the right one are no mistake."""
WINDOW_SECONDS = 86_400.0
MAXIMUM_ACCOUNTS = 20_000
_PROVEN = 20


class _Account:
    __slots__ = ("proven", "secret", "shut", "sources", "tries")

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.tries: list[float] = []
        self.sources: set[str] = set()
        self.proven: OrderedDict[str, None] = OrderedDict()
        self.shut = False


class Guessing:
    """Per account: who has proven to know its password, and how often strangers did not.

    An account that is guessed at is shut for everybody but those who had proven before, until it gets another secret: the right
    password alone helps a guesser no longer, and the telephone that runs goes on.
    """

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def _of(self, account: str, secret: str) -> _Account:
        one = self._accounts.get(account)
        if one is None or one.secret != secret:
            one = self._accounts[account] = _Account(secret)
        self._accounts.move_to_end(account)
        while len(self._accounts) > MAXIMUM_ACCOUNTS:
            self._accounts.popitem(last=False)
        return one

    def proven(self, account: str, secret: str, host: str) -> bool:
        """Somebody at ``host`` knows the password; whether that is enough."""
        one, key = self._of(account, secret), source_key(host)
        if one.shut and key not in one.proven:
            return False
        one.proven[key] = None
        one.proven.move_to_end(key)
        while len(one.proven) > _PROVEN:
            one.proven.popitem(last=False)
        return True

    def failed(self, account: str, secret: str, host: str, now: float) -> bool:
        """Note a wrong password for an account that exists; true when the account is shut by it (raise the alarm)."""
        one, key = self._of(account, secret), source_key(host)
        if one.shut or key in one.proven:
            return False
        one.tries = [at for at in one.tries if at > now - WINDOW_SECONDS][-MAXIMUM_TRIES:]
        if not one.tries:
            one.sources.clear()
        one.tries.append(now)
        one.sources.add(key)
        one.shut = len(one.tries) >= MAXIMUM_TRIES and len(one.sources) >= MAXIMUM_SOURCES
        return one.shut

    def shut(self) -> list[str]:
        """The accounts that want another secret: for the operator."""
        return [name for name, one in self._accounts.items() if one.shut]
