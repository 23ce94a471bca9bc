"""Offer and answer (RFC 3264) for one audio stream in G.711 with telephone-event; for browsers with ICE-lite, DTLS-SRTP, rtcp-mux and
BUNDLE (RFC 8829, RFC 8839, RFC 8842); for telephones that offer it SRTP with keys in the description (RFC 4568). Other media are refused
with port 0, in their place.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

import msgspec

from yitong.sip import sdes
from yitong.sip.sdp import Attribute, Media, SdpError, Session

PCMU, PCMA = 0, 8
_NAMES = {PCMU: "PCMU", PCMA: "PCMA"}
_RTPMAP = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9.\-]{1,32})/([0-9]{1,6})(?:/([0-9]{1,2}))?")
_FINGERPRINT = re.compile(r"(sha-256|sha-384|sha-512|sha-1) ((?:[0-9A-Fa-f]{2}:){19,63}[0-9A-Fa-f]{2})", re.IGNORECASE)
_ICE = re.compile(r"[A-Za-z0-9+/=\-]{4,256}")
_SMALL = re.compile(r"[0-9]{1,5}")
_DIRECTIONS = {"sendrecv": (True, True), "sendonly": (True, False), "recvonly": (False, True), "inactive": (False, False)}
_PLAIN = frozenset({"RTP/AVP", "RTP/AVPF"})
_SECURE = frozenset({"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP"})


_SDES = frozenset({"RTP/SAVPF", "RTP/SAVP"})
NOT_ENCRYPTED = "not encrypted"
"""Why plain RTP is refused where it is not taken."""


class Secure(msgspec.Struct, frozen=True):
    """Our side of a browser connection."""

    fingerprint: str
    """``sha-256 AA:BB:...``"""
    ufrag: str
    password: str
    candidates: tuple[str, ...]
    """IP addresses where the RTP port can be reached."""


class Local(msgspec.Struct, frozen=True, kw_only=True):
    """Our side of a stream. ``version`` must rise with each description sent in a dialog that differs from the last (RFC 3264 §8)."""

    address: str
    rtp_port: int
    rtcp_port: int = 0
    session: int = 1
    version: int = 1
    codecs: tuple[int, ...] = (PCMA, PCMU)
    event_type: int = 101
    """Payload type of telephone-event in our offers; an answer takes the offer's. -1: none."""
    send: bool = True
    receive: bool = True
    secure: Secure | None = None
    ssrc: int = 0
    ptime: int = 20
    key: str = ""
    """Our key for SRTP by SDES, base64; without one such offers are refused."""
    suite: str = ""
    """The suite that was agreed, for offers of ours in the same dialog; empty: plain RTP."""
    sealed: bool = False
    """Plain RTP is not taken."""


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed, seen from us: what the media row is told. Empty ``ufrag``: plain RTP."""

    address: str
    rtp_port: int
    rtcp_port: int
    codec: int
    event_type: int
    """-1: they take no telephone-event."""
    send: bool
    """Whether we send to them."""
    receive: bool
    rtcp_mux: bool = False
    ptime: int = 20
    fingerprint: str = ""
    setup: str = ""
    """Their DTLS role: active, passive or actpass."""
    ufrag: str = ""
    password: str = ""
    candidates: tuple[str, ...] = ()
    """Their candidate attributes as received."""
    suite: str = ""
    """Of SRTP by SDES, with ``their_key`` and ``our_key`` (base64); empty: none."""
    their_key: str = ""
    our_key: str = ""

    @property
    def held(self) -> bool:
        """Whether they have put us on hold: they do not want to hear us."""
        return not self.send


def wants_secure(offer: Session) -> bool:
    """Whether the audio of an offer is for DTLS-SRTP, so that the row is opened accordingly. Raises ``SdpError`` without usable audio."""
    return _is_dtls(offer.media[_audio_index(offer)])


def settled(local: Local, remote: Remote) -> Local:
    """Our side after an agreement: later offers of ours in the dialog keep its kind of transport."""
    return msgspec.structs.replace(local, suite=remote.suite)


def make_offer(local: Local) -> Session:
    """Our offer."""
    formats, maps = _formats(local.codecs, local.event_type)
    protocol = "UDP/TLS/RTP/SAVPF" if local.secure else "RTP/SAVP" if local.suite else "RTP/AVP"
    attributes = [*maps, ("ptime", str(local.ptime)), (_direction(local.send, local.receive), "")]
    attributes += _transport(local, "actpass", "0", mux=local.secure is not None)
    if local.suite:
        attributes.append(("crypto", str(sdes.Crypto("1", local.suite, local.key))))
    media = Media("audio", local.rtp_port, protocol, formats, attributes=tuple(attributes))
    return _session(local, (media,), ["0"] if local.secure else [])


def make_answer(offer: Session, local: Local) -> tuple[Session, Remote]:
    """Our answer and what was agreed. Raises ``SdpError`` (488) when there is nothing to agree on."""
    index = _audio_index(offer, local)
    theirs = offer.media[index]
    remote = _remote(offer, theirs, local)
    formats, maps = _formats((remote.codec,), remote.event_type)
    direction = _direction(local.send and remote.send, local.receive and remote.receive)
    attributes = [*maps, ("ptime", str(local.ptime)), (direction, "")]
    mid = theirs.get("mid") or ""
    role = "active" if remote.setup == "passive" else "passive"
    attributes += _transport(local, role, mid, mux=remote.rtcp_mux)
    crypto = sdes.choose(theirs.all("crypto")) if remote.suite else None
    if crypto is not None:
        attributes.append(("crypto", str(sdes.Crypto(crypto.tag, crypto.suite, local.key))))
    answers = [_refused(media) for media in offer.media]
    answers[index] = Media("audio", local.rtp_port, theirs.protocol, formats, attributes=tuple(attributes))
    bundled = [mid] if mid and mid in _bundle(offer) else []
    agreed = msgspec.structs.replace(remote, send=local.send and remote.send, receive=local.receive and remote.receive)
    return _session(local, tuple(answers), bundled), agreed


def check_offer(offer: Session, local: Local) -> None:
    """Raises ``SdpError`` (488) when ``make_answer`` would."""
    theirs = offer.media[_audio_index(offer, local)]
    _remote(offer, theirs, local)


def accept_answer(answer: Session, local: Local) -> Remote:
    """What was agreed by their answer to an offer of ours. Raises ``SdpError`` (488)."""
    theirs = answer.media[_audio_index(answer, local)]
    remote = _remote(answer, theirs, local)
    if remote.suite != local.suite:
        raise SdpError("not the kind of transport that we offered", 488)
    if remote.setup == "actpass":
        raise SdpError("actpass in an answer", 488)
    return msgspec.structs.replace(remote, send=local.send and remote.send, receive=local.receive and remote.receive)


def _audio_index(session: Session, local: Local | None = None) -> int:
    """The first audio m-line that is alive: of our version of IP if there is one (RFC 5118 §4.8)."""
    spoken = _PLAIN | _SECURE
    alive = [i for i, media in enumerate(session.media) if media.kind == "audio" and media.port and media.protocol.upper() in spoken]
    if not alive:
        raise SdpError("no usable audio", 488)
    ours = _version(local.address, 0) if local else 0
    return next((i for i in alive if _version(session.media[i].address or session.address, -1) == ours), alive[0])


def _remote(session: Session, media: Media, local: Local) -> Remote:
    secure = _is_dtls(media)
    if secure != (local.secure is not None):
        raise SdpError("not the kind of transport that we have", 488)
    address = media.address or session.address
    codec, event_type = _codecs(media, local.codecs)
    theirs_send, theirs_receive = _their_direction(session, media)
    rtcp_mux = media.get("rtcp-mux") is not None
    if not secure:
        unheard = _is_unspecified(address)
        _check_address(address, media.port, local, unheard)
        theirs_receive = theirs_receive and not unheard  # RFC 3264 §8.4: hold in the old way
        address = "" if unheard else address
    ice = _secure_values(session, media) if secure else _sdes_values(media, local)
    if local.sealed and not ice:
        raise SdpError(NOT_ENCRYPTED, 488)
    return Remote(
        address=address, rtp_port=media.port, rtcp_port=media.port if rtcp_mux else _rtcp_port(media),
        codec=codec, event_type=event_type, send=theirs_receive, receive=theirs_send, rtcp_mux=rtcp_mux,
        ptime=_ptime(session, media), candidates=tuple(media.all("candidate")[:32]), **ice,
    )  # fmt: skip


def _is_dtls(media: Media) -> bool:
    """SAVP without a fingerprint but with keys is SDES; with neither it is refused as DTLS."""
    return media.protocol.upper() in _SECURE and not (media.protocol.upper() in _SDES and media.get("crypto") is not None)


def _sdes_values(media: Media, local: Local) -> dict[str, str]:
    """Keys in the description (RFC 4568)."""
    if media.protocol.upper() not in _SDES:
        return {}
    crypto = sdes.choose(media.all("crypto"))
    if crypto is None or not local.key:
        raise SdpError("no usable crypto", 488)
    return {"suite": crypto.suite, "their_key": crypto.key, "our_key": local.key}


def _codecs(media: Media, ours: tuple[int, ...]) -> tuple[int, int]:
    """Their first codec that is ours too, and the payload type of telephone-event."""
    maps: dict[str, str] = {}
    for value in media.all("rtpmap"):
        match = _RTPMAP.fullmatch(value)
        if match is not None:
            mono = match[4] in (None, "1")
            maps[match[1]] = f"{match[2].lower()}/{match[3]}" if mono else ""
        elif value.partition(" ")[0] in media.formats:
            maps[value.partition(" ")[0]] = ""
    events = [int(pt) for pt in media.formats if maps.get(pt) == "telephone-event/8000" and 96 <= int(pt) <= 127]
    for payload in media.formats:
        known = int(payload) if payload in ("0", "8") else -1
        if known in ours and maps.get(payload, f"{_NAMES[known].lower()}/8000") == f"{_NAMES[known].lower()}/8000":
            return known, events[0] if events else -1
    raise SdpError("no common codec", 488)


def _their_direction(session: Session, media: Media) -> tuple[bool, bool]:
    for attributes in (media.attributes, session.attributes):
        for name, value in attributes:
            if name in _DIRECTIONS and not value:
                return _DIRECTIONS[name]
    return True, True


@lru_cache(maxsize=1_000)
def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Raises ValueError. A description names the same address several times, and telephones the same in each."""
    return ipaddress.ip_address(address)


def _is_unspecified(address: str) -> bool:
    try:
        return _ip(address).is_unspecified
    except ValueError:
        return False


def _check_address(address: str, port: int, local: Local, unheard: bool) -> None:
    """RTP goes to one host that is not ourselves (case M9), by the version of IP that we say (RFC 6157: none goes between the two)."""
    try:
        value = _ip(address)
    except ValueError as error:
        raise SdpError("no IP address", 488) from error
    if value.is_multicast or str(value) == "255.255.255.255" or (value.is_reserved and value.version == 4 and not unheard):
        raise SdpError("address of no single host", 488)
    if str(value) == local.address and port == local.rtp_port:
        raise SdpError("our own port", 488)
    if not unheard and value.version != _version(local.address, value.version):
        raise SdpError("address of another kind than ours", 488)


def _version(address: str, otherwise: int) -> int:
    """The version of IP of an address, ``otherwise`` of a name."""
    try:
        return _ip(address).version
    except ValueError:
        return otherwise


def _rtcp_port(media: Media) -> int:
    value = (media.get("rtcp") or "").partition(" ")[0]
    if _SMALL.fullmatch(value) and 0 < int(value) <= 65_535:
        return int(value)
    return media.port + 1 if media.port < 65_535 else media.port


def _ptime(session: Session, media: Media) -> int:
    value = media.get("ptime") or session.get("ptime") or ""
    milliseconds = int(value) if _SMALL.fullmatch(value) else 20
    return milliseconds if 10 <= milliseconds <= 200 else 20


def _secure_values(session: Session, media: Media) -> dict[str, str]:
    """ICE and DTLS of a media section; what it does not say, the session does (RFC 8839 §5.4, RFC 8842 §5)."""
    got = {name: media.get(name) or session.get(name) or "" for name in ("fingerprint", "setup", "ice-ufrag", "ice-pwd")}
    if _FINGERPRINT.fullmatch(got["fingerprint"]) is None:
        raise SdpError("no usable fingerprint", 488)
    if got["setup"] not in ("active", "passive", "actpass"):
        raise SdpError("no usable setup", 488)
    if _ICE.fullmatch(got["ice-ufrag"]) is None or _ICE.fullmatch(got["ice-pwd"]) is None or len(got["ice-pwd"]) < 22:
        raise SdpError("no ICE", 488)
    return {"fingerprint": got["fingerprint"], "setup": got["setup"], "ufrag": got["ice-ufrag"], "password": got["ice-pwd"]}


def _formats(codecs: tuple[int, ...], event_type: int) -> tuple[tuple[str, ...], list[Attribute]]:
    formats = [str(codec) for codec in codecs]
    maps: list[Attribute] = [("rtpmap", f"{codec} {_NAMES[codec]}/8000") for codec in codecs]
    if event_type >= 0:
        formats.append(str(event_type))
        maps += [("rtpmap", f"{event_type} telephone-event/8000"), ("fmtp", f"{event_type} 0-16")]
    return tuple(formats), maps


def _direction(send: bool, receive: bool) -> str:
    return next(name for name, both in _DIRECTIONS.items() if both == (send, receive))


def _transport(local: Local, role: str, mid: str, mux: bool) -> list[Attribute]:
    secure = local.secure
    out: list[Attribute] = [("mid", mid)] if mid else []
    if secure is None:
        if mux:
            out.append(("rtcp-mux", ""))
        elif local.rtcp_port:
            out.append(("rtcp", str(local.rtcp_port)))
        return out
    out += [("rtcp-mux", ""), ("rtcp", "9 IN IP4 0.0.0.0"), ("ice-ufrag", secure.ufrag), ("ice-pwd", secure.password)]
    out += [("fingerprint", secure.fingerprint), ("setup", role), ("msid", "yitong audio")]
    if local.ssrc:
        out.append(("ssrc", f"{local.ssrc} cname:yitong"))
    for number, address in enumerate(secure.candidates, 1):
        priority = (126 << 24) + ((65_535 - number) << 8) + 255  # RFC 8445 §5.1.2.1: a host candidate
        out.append(("candidate", f"{number} 1 udp {priority} {address} {local.rtp_port} typ host"))
    return [*out, ("end-of-candidates", "")]


def _session(local: Local, media: tuple[Media, ...], bundled: list[str]) -> Session:
    attributes: list[Attribute] = []
    if bundled:
        attributes.append(("group", f"BUNDLE {' '.join(bundled)}"))
    if local.secure is not None:
        attributes.append(("ice-lite", ""))
    return Session(("-", str(local.session), str(local.version), local.address), local.address, media, tuple(attributes))


def _bundle(session: Session) -> set[str]:
    return {mid for name, value in session.attributes if name == "group" and value.startswith("BUNDLE ") for mid in value.split(" ")[1:]}


def _refused(media: Media) -> Media:
    mid = media.get("mid")
    return Media(media.kind, 0, media.protocol, media.formats, attributes=(("mid", mid),) if mid else ())
