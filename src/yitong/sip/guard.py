"""How many wrong passwords one source may try (case R1): values and ``now`` only."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import NamedTuple

MAXIMUM_TRIES = 30
WINDOW_SECONDS = 600.0
SILENCE_SECONDS = 600.0
MAXIMUM_SOURCES = 20_000
MAXIMUM_PROBES = 20
SCANNERS = ("friendly-scanner", "sipvicious", "sipcli", "sipsak", "sip-scan", "sipscan", "iwar", "smap", "vaxsip", "pplsip", "sundayddr")
"""How programs call themselves that look for accounts to misuse."""


WRONG_PASSWORDS, LOOKS_AROUND = "wrong_passwords", "looks_around"
"""Why a source is kept silent."""


class Silence(NamedTuple):
    """A source that is kept silent. ``tries``: what it did too often; ``dropped``: messages unread since."""

    source: str
    reason: str
    tries: int
    since: float
    until: float
    dropped: int


class _Source:
    __slots__ = ("dropped", "probes", "reason", "silent_until", "tried", "tries")

    def __init__(self) -> None:
        self.tries: list[float] = []
        self.probes: dict[str, float] = {}
        self.silent_until = 0.0
        self.reason, self.tried, self.dropped = "", 0, 0

    def silence(self, reason: str, tried: int, now: float) -> None:
        """From now on nothing of it is read."""
        self.silent_until = now + SILENCE_SECONDS
        self.reason, self.tried, self.dropped = reason, tried, 0


class Guard:
    """Counts wrong passwords per source; ``MAXIMUM_TRIES`` in ten minutes bring ten minutes of silence for that source alone.

    Only a password tried with a nonce of ours counts (``Verdict.WRONG``): such a nonce has reached the source, so nobody can have
    another silenced by a forged address.
    """

    def __init__(self) -> None:
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def silent(self, host: str, now: float) -> bool:
        """Whether messages of this source are dropped unread."""
        source = self._sources.get(source_key(host))
        silent = source is not None and now < source.silent_until
        if source is not None and silent:
            source.dropped += 1
        return silent

    def failed(self, host: str, now: float) -> bool:
        """Note a wrong password; ``True`` when it was one too many and the silence begins (raise the alarm)."""
        source = self._source(host)
        source.tries = [at for at in source.tries if at > now - WINDOW_SECONDS]
        source.tries.append(now)
        if len(source.tries) < MAXIMUM_TRIES or now < source.silent_until:
            return False
        source.silence(WRONG_PASSWORDS, len(source.tries), now)
        source.tries.clear()
        return True

    def probed(self, host: str, what: str, now: float) -> bool:
        """Note that a source has asked for ``what``, which is not there; ``True`` when it was one too many (case R17).

        The same thing again counts once: that is a telephone which is set up wrongly, not one that looks around. Whoever is known here,
        by a registration or as a trunk, is not to be noted: an address can be forged.
        """
        source = self._source(host)
        source.probes = {name: at for name, at in source.probes.items() if at > now - WINDOW_SECONDS} | {what: now}
        if len(source.probes) < MAXIMUM_PROBES or now < source.silent_until:
            return False
        source.silence(LOOKS_AROUND, len(source.probes), now)
        source.probes.clear()
        return True

    def forgive(self, host: str) -> None:
        """The source is somebody whom we know."""
        self._sources.pop(source_key(host), None)

    def lift(self, source: str) -> bool:
        """Read a source again, as ``silences`` names it; false when nothing keeps it silent."""
        found = self._sources.get(source)
        if found is None or not found.silent_until:
            return False
        del self._sources[source]
        return True

    def _source(self, host: str) -> _Source:
        key = source_key(host)
        source = self._sources.setdefault(key, _Source())
        self._sources.move_to_end(key)
        while len(self._sources) > MAXIMUM_SOURCES:
            self._sources.popitem(last=False)
        return source

    def silenced(self, now: float) -> list[tuple[str, float]]:
        """The sources kept silent and until when: for the operator."""
        return [(one.source, one.until) for one in self.silences(now)]

    def silences(self, now: float) -> list[Silence]:
        """The sources kept silent, why, and since when."""
        return [
            Silence(key, one.reason, one.tried, one.silent_until - SILENCE_SECONDS, one.silent_until, one.dropped)
            for key, one in self._sources.items()
            if now < one.silent_until
        ]


def says_it_scans(user_agent: str) -> bool:
    """Whether a program says of itself that it looks for accounts."""
    told = user_agent.lower()
    return any(name in told for name in SCANNERS)


def source_key(host: str) -> str:
    """What counts as one source: an IPv4 address, a /64 of IPv6."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
