"""A filter on a socket (socket(7), SO_ATTACH_FILTER) that lets one audio packet in eight through and everything else.

What the kernel drops wakes nobody and is not read. Nothing is lost of what matters when nobody listens: keys, comfort noise, STUN, DTLS and
RTCP pass, and the packets whose sequence number is a multiple of eight tell that the line lives and how much is lost on the way.
"""

from __future__ import annotations

import ctypes
import socket
import struct

from yitong.media.quality import SAMPLED

_ATTACH, _DETACH = 26, 27
"""SO_ATTACH_FILTER and SO_DETACH_FILTER, which Python does not name."""
_LOAD, _AND, _EQUAL, _RETURN = 0x30, 0x54, 0x15, 0x06
"""BPF_LD|B|ABS, BPF_ALU|AND|K, BPF_JMP|JEQ|K, BPF_RET|K."""
_UDP_HEADER = 8
_ALL = 0xFFFFFFFF
_PROGRAM = (
    (_LOAD, 0, 0, _UDP_HEADER),
    (_AND, 0, 0, 0xC0),
    (_EQUAL, 0, 7, 0x80),  # version 2: RTP or RTCP
    (_LOAD, 0, 0, _UDP_HEADER + 1),
    (_AND, 0, 0, 0x7F),
    (_EQUAL, 1, 0, 0),  # PCMU
    (_EQUAL, 0, 3, 8),  # PCMA
    (_LOAD, 0, 0, _UDP_HEADER + 3),
    (_AND, 0, 0, SAMPLED - 1),
    (_EQUAL, 0, 1, 0),
    (_RETURN, 0, 0, _ALL),
    (_RETURN, 0, 0, 0),
)


class Filter:
    """The program, made once."""

    def __init__(self) -> None:
        self._code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in _PROGRAM))
        self._option = struct.pack("@HP", len(_PROGRAM), ctypes.addressof(self._code))

    def attach(self, sock: socket.socket) -> bool:
        """Let one in eight through from now on; false where the system does not allow it."""
        try:
            sock.setsockopt(socket.SOL_SOCKET, _ATTACH, self._option)
        except OSError:
            return False
        return True

    @staticmethod
    def detach(sock: socket.socket) -> None:
        """Let all through again."""
        try:
            sock.setsockopt(socket.SOL_SOCKET, _DETACH, 0)
        except OSError:
            return  # it has none: it is another socket than the one that had
