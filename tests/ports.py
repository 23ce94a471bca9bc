"""Ports for what a test starts: below those that the system lends to whoever connects, and never the same in two test processes."""

from __future__ import annotations

import itertools
import os
import socket

LISTENERS = range(10_000, 16_000)
MEDIA = range(16_000, 32_600)
PROCESSES = 6
"""So many test processes have a share of their own (scripts/test.sh starts no more)."""


def _share(ports: range) -> range:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
    width = len(ports) // PROCESSES
    return ports[worker * width : (worker + 1) * width]


# Another run beside this one, or one that has just ended, begins elsewhere.
_listeners = itertools.islice(itertools.cycle(_share(LISTENERS)[::2]), os.getpid() * 37 % (len(LISTENERS) // PROCESSES // 2), None)
_media = itertools.count(os.getpid() * 7)


def free_port() -> int:
    """A TCP and UDP port that nobody has now; the one after it is free as well (SIP over TLS listens there)."""
    return next(port for port in _listeners if _is_free(port) and _is_free(port + 1))


def free_range(width: int) -> int:
    """The first of ``width`` ports for media that are probably free."""
    share = _share(MEDIA)
    return share[next(_media) % (len(share) // width) * width]


def _is_free(port: int) -> bool:
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
