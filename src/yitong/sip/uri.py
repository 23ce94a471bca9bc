"""SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966)."""

from __future__ import annotations

import re
from functools import cached_property
from urllib.parse import quote, unquote_to_bytes

import msgspec

from yitong.sip.grammar import HOST, Params, ParseError, parse_params
from yitong.sip.grammar import port as parse_port

_SIP = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@:\s<>\"]*)(?::(?P<password>[^@\s<>\"]*))?@)?"
    rf"(?P<host>{HOST})(?::(?P<port>[0-9]{{1,5}}))?(?P<params>;[^?\s<>\"]*)?(?P<headers>\?[^\s<>\"]*)?",
    re.IGNORECASE,
)
_TEL = re.compile(r"tel:(?P<number>\+?[0-9A-Fa-f*#\-.()]{1,64})(?P<params>;[^\s<>\"]*)?", re.IGNORECASE)
_OTHER = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]{0,31}):[^\s<>\"]*")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_USER_SAFE = "-_.!~*'()&=+$,;?/"
_VISUAL = str.maketrans("", "", "-.()")
_COMPARED = ("user", "ttl", "method", "maddr", "transport")


def unescape(text: str) -> str:
    """``%xx`` undone; bytes that are no UTF-8 become surrogate escapes."""
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape") if "%" in text else text


class Uri(msgspec.Struct, frozen=True, dict=True):
    """A URI. For a scheme other than sip, sips and tel only ``scheme`` and ``text`` have a meaning (RFC 3261 §8.2.2.1: 416)."""

    scheme: str
    """In lower case."""
    user: str
    """Unescaped; the number of a tel URI; empty when there is none."""
    host: str
    """In lower case; IPv6 with its brackets."""
    port: int
    """0 when the URI names none."""
    params: Params
    text: str
    """As received."""

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read a URI. Raises ``ParseError``."""
        match = _SIP.fullmatch(text)
        if match is not None:
            digits = match["port"]
            user = match["user"]
            if "%" in text and _ESCAPE.sub("", user or "").find("%") >= 0:
                raise ParseError("wrong escape in the URI")
            return cls(
                scheme=match["scheme"].lower(),
                user=unescape(user) if user else "",
                host=match["host"].lower(),
                port=parse_port(digits) if digits else 0,
                params=parse_params(match["params"] or ""),
                text=text,
            )
        match = _TEL.fullmatch(text)
        if match is not None:
            return cls("tel", match["number"], "", 0, parse_params(match["params"] or ""), text)
        match = _OTHER.fullmatch(text)
        if match is None or match["scheme"].lower() in ("sip", "sips", "tel"):
            raise ParseError("wrong URI")
        return cls(match["scheme"].lower(), "", "", 0, {}, text)

    @cached_property
    def number(self) -> str:
        """The user part as a number: user parameters (``;phone-context``) and visual separators taken away."""
        return as_number(self.user.partition(";")[0])

    @cached_property
    def aor(self) -> str:
        """Address of record: scheme, user and host, without port and parameters (RFC 3261 §10.3 step 5)."""
        return f"{self.scheme}:{escape_user(self.user)}@{self.host}" if self.user else f"{self.scheme}:{self.host}"

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for URIs that RFC 3261 §19.1.4 and RFC 3966 §4 call equal (URI headers left aside)."""
        if self.scheme == "tel":  # RFC 3966 §4
            params = sorted((name, (value or "").lower()) for name, value in self.params.items())
            return (self.scheme, self.user.translate(_VISUAL).lower(), *params)
        if self.scheme not in ("sip", "sips"):
            return (self.text,)
        compared = tuple((self.params.get(name) or "").lower() for name in _COMPARED)
        return (self.scheme, self.user, self.host, self.port, compared)

    def __str__(self) -> str:
        return self.text


def as_number(user: str) -> str:
    """A user part without the visual separators of a number, if it is a number or a word then."""
    bare = user.translate(_VISUAL)
    return bare if bare.lstrip("+").isascii() and bare.lstrip("+").isalnum() else user


def escape_user(user: str) -> str:
    """The user part with everything escaped that may not stand there."""
    return quote(user.encode("utf-8", "surrogateescape"), safe=_USER_SAFE)


def sip_uri(user: str, host: str, port: int = 0, **params: str) -> str:
    """The text of a SIP URI from its parts; ``user`` is escaped, an IPv6 ``host`` gets its brackets."""
    at = f"{escape_user(user)}@" if user else ""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    tail = "".join(f";{name}={value}" if value else f";{name}" for name, value in params.items())
    return f"sip:{at}{host}{f':{port}' if port else ''}{tail}"
