"""SRTP and SRTCP of one row (RFC 3711): keys of a DTLS handshake, or of the session description (SDES, RFC 4568).

``pylibsrtp`` makes the sessions. Audio goes past its methods, which copy a packet four times, to the library's functions below them:
a packet is opened where it lies, and sealed in a buffer of the row's own.
"""

from __future__ import annotations

import base64

import pylibsrtp
from pylibsrtp._binding import ffi, lib

_WINDOW = 1024
_LARGEST = 2048
_TRAILER = 16
"""Octets that sealing adds at most."""
CM_80, CM_32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
_PROFILES = {
    CM_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    CM_32: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class Srtp:
    """Both directions; ``theirs`` and ``ours`` are master keys with their salts."""

    def __init__(self, theirs: bytes, ours: bytes, suite: str = CM_80) -> None:
        kind, profile = pylibsrtp.Policy, _PROFILES[suite]
        inbound = kind(key=theirs, ssrc_type=kind.SSRC_ANY_INBOUND, srtp_profile=profile)
        inbound.window_size = _WINDOW
        self._inbound = pylibsrtp.Session(policy=inbound)
        self._outbound = pylibsrtp.Session(policy=kind(key=ours, ssrc_type=kind.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self._opens, self._seals = self._inbound._srtp[0], self._outbound._srtp[0]
        self._room = ffi.new("char[]", _LARGEST)
        self._sealed = memoryview(ffi.buffer(self._room))
        self._length = ffi.new("int *")

    def protect(self, packet: memoryview | bytes) -> memoryview:
        """An RTP packet as it leaves; good until the next call. Raises OSError for one that cannot be sealed."""
        length, count = self._length, len(packet)
        if count > _LARGEST - _TRAILER:
            raise OSError("a packet is too long")
        self._sealed[:count] = packet
        length[0] = count
        if lib.srtp_protect(self._seals, self._room, length):
            raise OSError("a packet cannot be sealed")
        return self._sealed[: length[0]]

    def protect_rtcp(self, data: bytes) -> bytes:
        """A report as it leaves."""
        return bytes(self._outbound.protect_rtcp(data))

    def open(self, data: bytes) -> bytes | None:
        """The RTP in an SRTP packet; None when its tag is wrong or it is a replay."""
        try:
            return bytes(self._inbound.unprotect(data))
        except (pylibsrtp.Error, TypeError):
            return None

    def open_into(self, buffer: memoryview, length: int) -> int:
        """Open the packet of ``length`` in place; the length of the RTP that is in ``buffer`` now, or 0."""
        self._length[0] = length
        return 0 if lib.srtp_unprotect(self._opens, ffi.from_buffer(buffer), self._length) else int(self._length[0])

    def open_rtcp(self, data: bytes) -> bytes | None:
        """The same for SRTCP."""
        try:
            return bytes(self._inbound.unprotect_rtcp(data))
        except (pylibsrtp.Error, TypeError):
            return None


def from_description(suite: str, theirs: str, ours: str) -> Srtp | None:
    """SRTP by SDES; None when suite or keys are none of ours."""
    try:
        keys = base64.b64decode(theirs, validate=True), base64.b64decode(ours, validate=True)
    except ValueError:
        return None
    return Srtp(*keys, suite) if suite in _PROFILES and all(len(key) == 30 for key in keys) else None
