"""UDP ports of one worker: an even port for RTP and the next for RTCP."""

from __future__ import annotations

import errno
import socket
from collections import deque

_EXPEDITED = 0xB8
"""DSCP EF (RFC 3246) in the TOS octet."""


def udp_socket(address: str, port: int, *, first: bool = False) -> socket.socket:
    """A non-blocking UDP socket; several of one user may share a port (see ``media_socket``), but the ``first`` finds it free or fails.
    Raises OSError.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    result = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if not first:
            result.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET:
            result.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
        result.bind((address, port))
        if first:
            result.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
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
        """Bind the next pair: (port, RTP socket, RTCP socket); None when there is none. Ports that others hold are passed over. Raises
        OSError when there is no descriptor or no memory for a socket; the pair stays free."""
        for _ in range(len(self._free)):
            port = self._free[0]
            found = _bind_pair(address, port, with_rtcp)
            self._free.popleft()
            if found is not None:
                return (port, *found)
            self._free.append(port)
        return None

    def give_back(self, port: int) -> None:
        """The pair is free again."""
        self._free.append(port)


def _bind_pair(address: str, port: int, with_rtcp: bool) -> tuple[socket.socket, socket.socket | None] | None:
    rtp = _bind(address, port)
    if rtp is None or not with_rtcp:
        return None if rtp is None else (rtp, None)
    try:
        rtcp = _bind(address, port + 1)
    except OSError:
        rtp.close()
        raise
    if rtcp is None:
        rtp.close()
        return None
    return rtp, rtcp


def _bind(address: str, port: int) -> socket.socket | None:
    """A socket on a port that nobody has; None when somebody has it."""
    try:
        return udp_socket(address, port, first=True)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return None
        raise
