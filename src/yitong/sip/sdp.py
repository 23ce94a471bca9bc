"""Session descriptions (RFC 8866) as values: read with bounds, written back. What is made of them stands in ``negotiation``."""

from __future__ import annotations

import re

import msgspec

from yitong.sip.grammar import SipError

MAXIMUM_LINES = 1_000
MAXIMUM_LINE = 2_048
MAXIMUM_MEDIA = 32
MAXIMUM_FORMATS = 64

Attribute = tuple[str, str]
"""Name and value; an attribute without a value has an empty one."""

_LINE = re.compile(r"([a-z])=(.*)")
_ORIGIN = re.compile(r"(\S{1,64}) ([0-9]{1,20}) ([0-9]{1,20}) IN IP[46] ([A-Za-z0-9.:\-]{1,255})")
_CONNECTION = re.compile(r"IN IP[46] ([A-Za-z0-9.:\-]{1,255})(?:/[0-9]{1,3}){0,2}")
_MEDIA = re.compile(r"([A-Za-z0-9\-]{1,32}) ([0-9]{1,5})(?:/([0-9]{1,5}))? ([A-Za-z0-9/]{1,32})((?: [A-Za-z0-9\-._*+]{1,32})+)")


class SdpError(SipError):
    """A description that cannot be used. ``status``: 400 for wrong syntax, 488 for something that we do not do."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Media(msgspec.Struct, frozen=True):
    """One m-line and what belongs to it."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    address: str = ""
    """Of its own c-line; empty: the session's holds."""
    attributes: tuple[Attribute, ...] = ()

    def get(self, name: str) -> str | None:
        """The first value of an attribute."""
        return next((value for key, value in self.attributes if key == name), None)

    def all(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [value for key, value in self.attributes if key == name]


class Session(msgspec.Struct, frozen=True):
    """A whole description."""

    origin: tuple[str, str, str, str]
    """User name, session id, version (decimals, up to 20 digits), address."""
    address: str
    media: tuple[Media, ...]
    attributes: tuple[Attribute, ...] = ()

    def get(self, name: str) -> str | None:
        """The first value of a session attribute."""
        return next((value for key, value in self.attributes if key == name), None)

    def encode(self) -> bytes:
        """The description as a message body."""
        user, session, version, address = self.origin
        lines = ["v=0", f"o={user} {session} {version} {_typed(address)}", "s=-"]
        if self.address:
            lines.append(f"c={_typed(self.address)}")
        lines.append("t=0 0")
        lines.extend(_attribute_line(attribute) for attribute in self.attributes)
        for media in self.media:
            lines.append(f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}")
            if media.address:
                lines.append(f"c={_typed(media.address)}")
            lines.extend(_attribute_line(attribute) for attribute in media.attributes)
        return ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


def _typed(address: str) -> str:
    return f"IN IP{6 if ':' in address else 4} {address}"


def _attribute_line(attribute: Attribute) -> str:
    name, value = attribute
    return f"a={name}:{value}" if value else f"a={name}"


class _Section:
    """What is gathered between two m-lines."""

    def __init__(self) -> None:
        self.address = ""
        self.attributes: list[Attribute] = []

    def take(self, kind: str, value: str) -> None:
        if kind == "c":
            match = _CONNECTION.fullmatch(value)
            if match is None:
                raise SdpError("wrong c-line")
            self.address = self.address or match[1]
        elif kind == "a":
            name, _, rest = value.partition(":")
            self.attributes.append((name, rest))


def parse(body: bytes) -> Session:
    """Read a description. Lines of kinds that mean nothing for audio are passed over. Raises ``SdpError``."""
    lines = body.decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(lines) > MAXIMUM_LINES:
        raise SdpError("too many lines", 488)
    if lines[0] != "v=0":
        raise SdpError("no v=0")
    origin: tuple[str, str, str, str] | None = None
    top = section = _Section()
    heads: list[tuple[Media, _Section]] = []
    for line in lines[1:]:
        match = _LINE.fullmatch(line)
        if match is None or len(line) > MAXIMUM_LINE or "\r" in line or "\x00" in line:
            raise SdpError("wrong line")
        kind, value = match[1], match[2]
        if kind == "o":
            origin = origin or _origin(value)
        elif kind == "m":
            section = _Section()
            heads.append((_media(value), section))
            if len(heads) > MAXIMUM_MEDIA:
                raise SdpError("too many media", 488)
        else:
            section.take(kind, value)
    if origin is None:
        raise SdpError("no o-line")
    media = tuple(msgspec.structs.replace(head, address=own.address, attributes=tuple(own.attributes)) for head, own in heads)
    return Session(origin, top.address, media, tuple(top.attributes))


def _origin(value: str) -> tuple[str, str, str, str]:
    match = _ORIGIN.fullmatch(value)
    if match is None:
        raise SdpError("wrong o-line")
    return match[1], match[2], match[3], match[4]


def _media(value: str) -> Media:
    match = _MEDIA.fullmatch(value.rstrip(" "))
    if match is None:
        raise SdpError("wrong m-line")
    formats = tuple(match[5].split())
    port = int(match[2])
    if port > 65_535 or len(formats) > MAXIMUM_FORMATS:
        raise SdpError("wrong m-line")
    return Media(match[1], port, match[4], formats)
