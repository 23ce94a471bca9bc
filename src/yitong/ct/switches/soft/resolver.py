"""Addresses of trunks' hosts, looked up beside the calls: no call waits for the DNS, and its last answer holds while it is away.

A trunk without a port is found as RFC 3263 has it: NAPTR says where its SRV records are, SRV names hosts and ports by priority and weight.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver
import msgspec
import structlog

from yitong.kit.clock import Clock
from yitong.kit.tasks import Tasks

FRESH_SECONDS = 60.0
ANSWER_SECONDS = 3.0
MOST_PLACES = 8
SERVICES = {"udp": ("SIP+D2U", "_sip._udp"), "tcp": ("SIP+D2T", "_sip._tcp"), "tls": ("SIPS+D2T", "_sips._tcp")}
"""By transport: the NAPTR service, and where SRV is without a NAPTR (RFC 3263 §4.1)."""
PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
_log = structlog.get_logger("yitong.switch.resolver")

Wanted = tuple[str, int, str]
"""Host, port (0: by SRV), transport."""


class Place(msgspec.Struct, frozen=True):
    """Where a trunk can be reached; ``name`` is the host that has this address."""

    address: str
    port: int
    name: str


class Resolver:
    """``changed`` is called when a host's address became known or another one. ``servers``: DNS servers instead of the system's."""

    def __init__(self, clock: Clock, tasks: Tasks, servers: tuple[tuple[str, int], ...] = ()) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._clock = clock
        self._tasks = tasks
        self._servers = servers
        self._known: dict[Wanted, tuple[Place, ...]] = {}
        self._first: dict[Wanted, int] = {}
        self._due: dict[Wanted, float] = {}

    def address(self, host: str) -> str:
        """The host's IP address; empty while it is not known. Never waits."""
        place = self.place(host, 1, "udp")
        return place.address if place is not None else ""

    def place(self, host: str, port: int, transport: str) -> Place | None:
        """Where ``host`` is to be tried now; None while that is not known. Never waits."""
        places = self.places(host, port, transport)
        return places[self._first.get((host, port, transport), 0) % len(places)] if places else None

    def places(self, host: str, port: int, transport: str) -> tuple[Place, ...]:
        """Every place of a host, the best first."""
        try:
            return (Place(str(ipaddress.ip_address(host.strip("[]"))), port or PORTS[transport], host),)
        except ValueError:
            pass
        wanted = (host, port, transport)
        if host and self._due.get(wanted, 0.0) <= self._clock.monotonic():
            self._due[wanted] = self._clock.monotonic() + FRESH_SECONDS
            self._tasks.start(self._look_up(wanted), "address of a trunk's host")
        return self._known.get(wanted, ())

    def turn(self, host: str, port: int, transport: str) -> None:
        """The place that is tried does not answer: the next one is, until that fails."""
        wanted = (host, port, transport)
        self._first[wanted] = (self._first.get(wanted, 0) + 1) % max(1, len(self._known.get(wanted, ())))

    async def _look_up(self, wanted: Wanted) -> None:
        host, port, transport = wanted
        try:
            places = await self._addresses(host, port) if port else await self._by_service(host, transport)
        except (OSError, dns.exception.DNSException) as error:
            _log.warning("no address for a trunk's host", host=host, error=str(error))
            return
        if places and self._known.get(wanted) != places[:MOST_PLACES]:
            self._known[wanted] = places[:MOST_PLACES]
            self._first.pop(wanted, None)
            self.changed()

    async def _addresses(self, host: str, port: int) -> tuple[Place, ...]:
        """IPv4 first: an operator that has both is reached by what everybody has."""
        if self._servers:
            found = await self._dns(host, "A") or await self._dns(host, "AAAA")
            return tuple(Place(str(one.address), port, host) for one in found)
        answers = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        return (Place(str(sorted(answers, key=lambda one: one[0] is not socket.AF_INET)[0][4][0]), port, host),)

    async def _by_service(self, host: str, transport: str) -> tuple[Place, ...]:
        service, prefix = SERVICES[transport]
        pointers = [one for one in await self._dns(host, "NAPTR") if one.service.decode("ascii", "replace").upper() == service]
        best = min(pointers, key=lambda one: (one.order, one.preference), default=None)
        where = best.replacement.to_text(omit_final_dot=True) if best is not None else f"{prefix}.{host}"
        records = sorted(await self._dns(where, "SRV"), key=lambda one: (one.priority, -one.weight))
        targets = [(one.target.to_text(omit_final_dot=True), int(one.port)) for one in records]
        places: list[Place] = []
        for name, port in targets if targets else [(host, PORTS[transport])]:
            if name:  # a service that is decidedly not there is told by the root as its target (RFC 2782)
                places += await self._addresses(name, port)
        return tuple(places)

    async def _dns(self, name: str, kind: str) -> list[Any]:
        """The records of a kind; none when the name or the kind is not there. Raises DNSException, OSError."""
        resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._servers]
        resolver.lifetime = ANSWER_SECONDS
        try:
            return list(await resolver.resolve(name, kind, search=False))
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return []
