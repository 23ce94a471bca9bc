"""SRTP and SRTCP of one row (RFC 3711): keys of a DTLS handshake, or of the session description (SDES, RFC 4568)."""

from __future__ import annotations

import base64

import pylibsrtp

_WINDOW = 1024
_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class Srtp:
    """Both directions; ``theirs`` and ``ours`` are master keys with their salts."""

    def __init__(self, theirs: bytes, ours: bytes, suite: str = "AES_CM_128_HMAC_SHA1_80") -> None:
        kind, profile = pylibsrtp.Policy, _PROFILES[suite]
        inbound = kind(key=theirs, ssrc_type=kind.SSRC_ANY_INBOUND, srtp_profile=profile)
        inbound.window_size = _WINDOW
        self._inbound = pylibsrtp.Session(policy=inbound)
        self._outbound = pylibsrtp.Session(policy=kind(key=ours, ssrc_type=kind.SSRC_ANY_OUTBOUND, srtp_profile=profile))

    def protect(self, packet: memoryview | bytes) -> bytes:
        """An RTP packet as it leaves."""
        return bytes(self._outbound.protect(bytes(packet)))

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
        plain = self.open(bytes(buffer[:length]))
        if plain is None:
            return 0
        buffer[: len(plain)] = plain
        return len(plain)

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
