"""Offer and answer for a fax over T.38: ``m=image`` with UDPTL (RFC 3362, ITU-T T.38 annex D) in place of the audio, on the same port."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from yitong.sip.negotiation import Local
from yitong.sip.sdp import Attribute, Media, SdpError, Session

_PROTOCOL = "UDPTL"
_ATTRIBUTES: tuple[Attribute, ...] = (
    ("T38FaxVersion", "0"), ("T38MaxBitRate", "14400"), ("T38FaxRateManagement", "transferredTCF"), ("T38FaxMaxBuffer", "1800"),
    ("T38FaxMaxDatagram", "1400"), ("T38FaxUdpEC", "t38UDPRedundancy"),
)  # fmt: skip


class Image(NamedTuple):
    """Where the other side takes UDPTL."""

    address: str
    port: int


def wants_image(session: Session) -> bool:
    """Whether a description is for T.38 and for no audio."""
    return _index(session) >= 0 and not any(media.kind == "audio" and media.port for media in session.media)


def make_offer(local: Local) -> Session:
    """Our offer: the audio is replaced (RFC 3264 §8.3.3 by a new m-line in its place)."""
    return _session(local, (Media("image", local.rtp_port, "udptl", ("t38",), attributes=_ATTRIBUTES),))


def make_answer(offer: Session, local: Local) -> tuple[Session, Image]:
    """Our answer to an offer of T.38, and where theirs goes. Raises ``SdpError`` (488)."""
    index = _index(offer)
    if index < 0:
        raise SdpError("no T.38", 488)
    image = _image(offer, offer.media[index], local)
    answers = [Media(media.kind, 0, media.protocol, media.formats) for media in offer.media]
    answers[index] = Media("image", local.rtp_port, offer.media[index].protocol, ("t38",), attributes=_ATTRIBUTES)
    return _session(local, tuple(answers)), image


def accept_answer(answer: Session, local: Local) -> Image:
    """What they agreed to. Raises ``SdpError`` (488) when they do not want T.38."""
    index = _index(answer)
    if index < 0:
        raise SdpError("no T.38", 488)
    return _image(answer, answer.media[index], local)


def _index(session: Session) -> int:
    for index, media in enumerate(session.media):
        if media.kind == "image" and media.port and media.protocol.upper() == _PROTOCOL and "t38" in media.formats:
            return index
    return -1


def _image(session: Session, media: Media, local: Local) -> Image:
    address = media.address or session.address
    try:
        value = ipaddress.ip_address(address)
    except ValueError as error:
        raise SdpError("no IP address", 488) from error
    if value.is_multicast or value.is_unspecified or (value.is_reserved and value.version == 4):
        raise SdpError("address of no single host", 488)
    if str(value) == local.address and media.port == local.rtp_port:
        raise SdpError("our own port", 488)
    return Image(address, media.port)


def _session(local: Local, media: tuple[Media, ...]) -> Session:
    return Session(("-", str(local.session), str(local.version), local.address), local.address, media)
