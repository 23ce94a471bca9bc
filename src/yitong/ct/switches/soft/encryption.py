"""Whether a desk phone's speech goes encrypted with the keys in the description (RFC 4568), as its account says.

The keys are read by whoever reads the signalling: they are offered over TLS alone. Pages are another matter (DTLS-SRTP, always).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from yitong.sip.core import Flow
from yitong.sip.message import Header
from yitong.sip.negotiation import Local

OFFERED_SUITE = "AES_CM_128_HMAC_SHA1_80"
"""What everybody who has SRTP has (RFC 4568 §6.2.1)."""
WANTS_TLS: tuple[Header, ...] = (("Warning", '399 yitong "this account may be used over TLS only"'),)
_PLAINLY = frozenset({415, 488, 606})


class Speech(StrEnum):
    """``OFF``: we offer plain RTP and answer what is offered. ``OPTIONAL``: we offer SRTP over TLS, and plain RTP to who refuses it.
    ``REQUIRED``: the account is for TLS alone, and plain RTP is refused both ways."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


def offered(local: Local, speech: Speech, flow: Flow) -> Local:
    """Our side of an offer to a telephone that is reached by ``flow``."""
    wanted = speech is not Speech.OFF and flow.transport == "tls"
    return msgspec.structs.replace(local, suite=OFFERED_SUITE if wanted else "", sealed=speech is Speech.REQUIRED)


def answering(local: Local, speech: Speech) -> Local:
    """Our side of an answer; of our own offer to who made none, too, which cannot be taken back."""
    if speech is not Speech.REQUIRED:
        return local
    return msgspec.structs.replace(local, suite=OFFERED_SUITE, sealed=True)


def plainly(local: Local | None, status: int) -> Local | None:
    """Our side once more without encryption, after a refusal that may be about it; None when that may not be, or is so already."""
    if local is None or not local.suite or local.sealed or status not in _PLAINLY:
        return None
    return msgspec.structs.replace(local, suite="")


def reaches(local: Local) -> bool:
    """Whether what must be encrypted is."""
    return bool(local.suite) or not local.sealed


def may_come(speech: Speech, flow: Flow) -> bool:
    """Whether an account may be used by a flow."""
    return speech is not Speech.REQUIRED or flow.transport == "tls"
