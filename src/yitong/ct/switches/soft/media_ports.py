"""UDP ports of one worker: an even port for RTP and the next for RTCP."""

from __future__ import annotations

import errno
import socket
from collections import deque

_EXPEDITED = 0xB8
"""DSCP EF (RFC 3246) in the TOS octet."""


def udp_socket(address: str, port: int) -> socket.socket:
    """A non-blocking UDP socket; several of one user may share a port (see ``media_socket``). Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    result = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        result.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET:
            result.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
        result.bind((address, port))
    except OSError:
        result.close()
        raise
    return result


class Ports:
    """Pairs that are free, longest unused first, so that stray packets of an ended call meet no new one."""

    def __init__(self, low: int, high: int) -> None:
        self._free = deque(range((low + 1) // 2 * 2, high, 2))
        self.total = len(self._free)

    @property
    def free(self) -> int:
        """Pairs left."""
        return len(self._free)

    def take(self, address: str, with_rtcp: bool) -> tuple[int, socket.socket, socket.socket | None] | None:
        """Bind the next pair: (port, RTP socket, RTCP socket); None when there is none. Ports that others hold are passed over."""
        for _ in range(len(self._free)):
            port = self._free.popleft()
            found = _bind_pair(address, port, with_rtcp)
            if found is not None:
                return (port, *found)
            self._free.append(port)
        return None

    def give_back(self, port: int) -> None:
        """The pair is free again."""
        self._free.append(port)


def _is_taken(address: str, port: int) -> bool:
    """Whether somebody holds the port: asked without port sharing, which would hide it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return True
            raise
    return False


def _bind_pair(address: str, port: int, with_rtcp: bool) -> tuple[socket.socket, socket.socket | None] | None:
    if _is_taken(address, port) or (with_rtcp and _is_taken(address, port + 1)):
        return None
    rtp = udp_socket(address, port)
    if not with_rtcp:
        return rtp, None
    try:
        return rtp, udp_socket(address, port + 1)
    except OSError:
        rtp.close()
        return None
