"""Addresses of trunks' hosts, looked up beside the calls: no call waits for the DNS, and its last answer holds while it is away."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable

import structlog

from yitong.kit.clock import Clock
from yitong.kit.tasks import Tasks

FRESH_SECONDS = 60.0
_log = structlog.get_logger("yitong.switch.resolver")


class Resolver:
    """``changed`` is called when a host's address became known or another one."""

    def __init__(self, clock: Clock, tasks: Tasks) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._clock = clock
        self._tasks = tasks
        self._known: dict[str, str] = {}
        self._due: dict[str, float] = {}

    def address(self, host: str) -> str:
        """The host's IP address; empty while it is not known. Never waits."""
        try:
            return str(ipaddress.ip_address(host.strip("[]")))
        except ValueError:
            pass
        if host and self._due.get(host, 0.0) <= self._clock.monotonic():
            self._due[host] = self._clock.monotonic() + FRESH_SECONDS
            self._tasks.start(self._look_up(host), "address of a trunk's host")
        return self._known.get(host, "")

    async def _look_up(self, host: str) -> None:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except OSError as error:
            _log.warning("no address for a trunk's host", host=host, error=str(error))
            return
        address = str(sorted(found, key=lambda one: one[0] is not socket.AF_INET)[0][4][0])
        if self._known.get(host) != address:
            self._known[host] = address
            self.changed()
