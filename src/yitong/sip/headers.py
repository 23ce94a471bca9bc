"""Values of the structured headers: Via, CSeq, and addresses (From, To, Contact, Route)."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache

import msgspec

from yitong.sip.grammar import HOST, Params, ParseError, display_text, number, parse_params, quote, split_list, unquote
from yitong.sip.grammar import port as parse_port
from yitong.sip.uri import Uri

MAGIC_COOKIE = "z9hG4bK"
"""What a branch made by RFC 3261 (not by RFC 2543) begins with, §8.1.1.7."""

MAXIMUM_CSEQ = 2**31 - 1

_VIA = re.compile(
    r"SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*(?P<transport>[A-Za-z0-9\-.!%*_+`'~]+)[ \t]+"
    rf"(?P<host>{HOST})(?:[ \t]*:[ \t]*(?P<port>[0-9]{{1,5}}))?[ \t]*(?P<params>;.*)?",
    re.DOTALL | re.IGNORECASE,
)
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)")
_NAME_ADDR = re.compile(r'(?:(?P<quoted>"(?:[^"\\]|\\[\s\S])*")|(?P<tokens>[^"<]*))[ \t]*<(?P<uri>[^>]*)>(?P<params>.*)', re.DOTALL)
_READ_LATELY = 2_000
"""Values kept as read: the same From, To and Contact stand in every message of a dialog, the same Via in every answer to a request."""
_DISPLAY_TOKENS = re.compile(r"[A-Za-z0-9\-.!%*_+`'~ \t\u0080-\U0010ffff]*")
_RPORT = re.compile(r";[ \t]*rport[ \t]*(?:=[ \t]*[0-9]*)?[ \t]*(?=[;,]|$)", re.IGNORECASE)
_RECEIVED = re.compile(r";[ \t]*received[ \t]*=[^;,]*", re.IGNORECASE)


class CSeq(msgspec.Struct, frozen=True):
    """Sequence number and method (RFC 3261 §20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, value: str) -> CSeq:
        """Raises ``ParseError``; numbers from 2**31 on are wrong (§8.1.1.5)."""
        match = _CSEQ.fullmatch(value)
        if match is None:
            raise ParseError("wrong CSeq")
        return cls(number(match[1], MAXIMUM_CSEQ), match[2])


class Via(msgspec.Struct, frozen=True, dict=True):
    """One hop of the way back (RFC 3261 §20.42)."""

    transport: str
    """In upper case."""
    host: str
    """In lower case; IPv6 with its brackets."""
    port: int
    """0 when it names none."""
    params: Params

    @classmethod
    def parse(cls, value: str) -> Via:
        """Raises ``ParseError``. What was read lately is not read again."""
        return _via(value)

    @property
    def branch(self) -> str:
        """Empty when there is none."""
        return self.params.get("branch") or ""

    @property
    def sent_by(self) -> tuple[str, int]:
        """Host and port as named, the port filled in (§18.1.1)."""
        return self.host, self.port or (5061 if self.transport in ("TLS", "WSS") else 5060)


def stamp_via(value: str, via: Via, host: str, port: int) -> str:
    """The header line with ``received`` and ``rport`` of its first element set to the source (RFC 3261 §18.2.1, RFC 3581 §4).

    Everything else stays byte for byte, so the answer carries the Via list exactly.
    """
    wants_port = "rport" in via.params
    if not wants_port and "received" not in via.params and via.host.strip("[]") == host.lower():
        return value
    top, comma, rest = _first_element(value)
    if "received" in via.params:
        top = _RECEIVED.sub("", top)
    if wants_port:
        top = _RPORT.sub(f";rport={port}", top)
    return f"{top.rstrip()};received={host}{comma}{rest}"


def _first_element(value: str) -> tuple[str, str, str]:
    if "," not in value:
        return value, "", ""
    if '"' not in value:
        return value.partition(",")
    first = split_list(value)[0]
    start = value.find(first)
    end = start + len(first)
    comma = value.find(",", end)
    return (value, "", "") if comma < 0 else (value[:comma], ",", value[comma + 1 :])


class Address(msgspec.Struct, frozen=True, dict=True):
    """``name-addr`` or ``addr-spec`` with header parameters (RFC 3261 §20.10)."""

    display: str
    """The name, unquoted, as received (may hold surrogate escapes); see ``name``."""
    uri_text: str
    params: Params

    @classmethod
    def parse(cls, value: str) -> Address:
        """Raises ``ParseError``. The URI itself is read only when asked for; what was read lately is not read again."""
        return _address(value)

    @property
    def tag(self) -> str:
        """Empty when there is none."""
        return self.params.get("tag") or ""

    @cached_property
    def uri(self) -> Uri:
        """Raises ``ParseError``."""
        return Uri.parse(self.uri_text)

    @property
    def name(self) -> str:
        """The display name for people: readable, one line."""
        return display_text(self.display)


@lru_cache(maxsize=_READ_LATELY)
def _via(value: str) -> Via:
    match = _VIA.fullmatch(value)
    if match is None:
        raise ParseError("wrong Via")
    digits = match["port"]
    params = match["params"]
    port = parse_port(digits) if digits else 0
    return Via(match["transport"].upper(), match["host"].lower(), port, parse_params(params) if params else {})


@lru_cache(maxsize=_READ_LATELY)
def _address(value: str) -> Address:
    match = _NAME_ADDR.fullmatch(value)
    if match is None:
        if '"' in value or "<" in value or ">" in value:
            raise ParseError("wrong address")
        uri, semicolon, params = value.partition(";")
        uri = uri.strip()
        if "?" in uri or "," in uri or not uri or " " in uri:
            raise ParseError("wrong address")  # §20: such a URI must stand in angle brackets
        return Address("", uri, parse_params(semicolon + params))
    quoted = match["quoted"]
    if quoted is not None:
        display = unquote(quoted)
    else:
        display = match["tokens"].strip()
        if _DISPLAY_TOKENS.fullmatch(display) is None:
            raise ParseError("wrong display name")
    return Address(display, match["uri"], parse_params(match["params"]))


def address_text(uri: str, name: str = "", tag: str = "") -> str:
    """A From, To or Contact value from its parts."""
    text = f"{quote(name)} <{uri}>" if name else f"<{uri}>"
    return f"{text};tag={tag}" if tag else text
