"""SIP messages as values: parsed once, headers read when asked for, written back exactly (RFC 3261 §7).

Text is UTF-8 with ``surrogateescape``: what a header held goes back byte for byte, whatever its encoding (case P6). Bounds come
before conversion (cases P3, P4): 64 KB a message, 8 KB a header line, 256 headers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from yitong.sip.grammar import TOKEN, ParseError, SipError, number, split_list
from yitong.sip.headers import Address, CSeq, Via, stamp_via
from yitong.sip.names import CANONICAL, REASONS
from yitong.sip.uri import Uri

MAXIMUM_MESSAGE = 65_536
MAXIMUM_LINE = 8_192
MAXIMUM_HEADERS = 256

Header = tuple[str, str]

_ONCE = frozenset({"From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Type", "Expires"})
_COPIED = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})


def canonical(name: str) -> str:
    """The one spelling of a header name used in this package: ``v`` and ``VIA`` are ``Via``."""
    known = CANONICAL.get(name) or CANONICAL.get(name.lower())
    return known or "-".join(part.capitalize() for part in name.split("-"))


class Message(ABC):
    """What requests and responses share. Not to be changed after it is made; ``headers`` is in order, names canonical."""

    __slots__ = ("_contacts", "_cseq", "_encoded", "_first", "_from", "_to", "_via", "body", "headers")

    def __init__(self, headers: list[Header], body: bytes = b"") -> None:
        self.headers = headers
        self.body = body
        self._via: Via | None = None
        self._from: Address | None = None
        self._to: Address | None = None
        self._cseq: CSeq | None = None
        self._contacts: list[Address] | None = None
        self._first: dict[str, str] | None = None
        self._encoded = b""

    def get(self, name: str) -> str | None:
        """The first value of a header (canonical name), ``None`` without."""
        return self.first.get(name)

    @property
    def first(self) -> dict[str, str]:
        """The first value of each header."""
        if self._first is None:
            self._first = dict(reversed(self.headers))
        return self._first

    def all(self, name: str) -> list[str]:
        """Every line of a header, in order."""
        return [value for key, value in self.headers if key == name] if self.get(name) is not None else []

    def elements(self, name: str) -> list[str]:
        """Every element of a comma-separated header, over all its lines. Raises ``ParseError``."""
        return [element for value in self.all(name) for element in split_list(value)]

    def need(self, name: str) -> str:
        """The value of a header that must be there; ``ParseError`` otherwise."""
        value = self.get(name)
        if value is None:
            raise ParseError(f"no {name}")
        return value

    @property
    def via(self) -> Via:
        """The topmost Via."""
        if self._via is None:
            self._via = Via.parse(split_list(self.need("Via"))[0])
        return self._via

    @property
    def from_(self) -> Address:
        """From."""
        if self._from is None:
            self._from = Address.parse(self.need("From"))
        return self._from

    @property
    def to(self) -> Address:
        """To."""
        if self._to is None:
            self._to = Address.parse(self.need("To"))
        return self._to

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        if self._cseq is None:
            self._cseq = CSeq.parse(self.need("CSeq"))
        return self._cseq

    @property
    def call_id(self) -> str:
        """Call-ID."""
        return self.need("Call-ID")

    @property
    def contacts(self) -> list[Address]:
        """The addresses of Contact; ``*`` is not among them (the registrar asks ``get``). Raises ``ParseError``."""
        if self._contacts is None:
            self._contacts = [Address.parse(element) for element in self.elements("Contact") if element != "*"]
        return self._contacts

    @property
    def content_type(self) -> str:
        """Media type in lower case without parameters; empty without."""
        return (self.get("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    @abstractmethod
    def start_line(self) -> str:
        """The first line, without its end (RFC 3261 7.1, 7.2)."""

    def encode(self) -> bytes:
        """The message as bytes, with the Content-Length of its body. Raises ``SipError`` for a value that would break its line."""
        if self._encoded:
            return self._encoded
        lines = [self.start_line]
        lines.extend([f"{name}: {value}" for name, value in self.headers if name != "Content-Length"])
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1:
            raise SipError("line break in a header")
        try:
            self._encoded = text.encode("utf-8", "surrogateescape") + self.body
        except UnicodeEncodeError as error:
            raise SipError("header is no text") from error
        return self._encoded


class Request(Message):
    """A request."""

    __slots__ = ("_uri", "method", "uri_text")

    def __init__(self, method: str, uri: str, headers: list[Header], body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri_text = uri
        self._uri: Uri | None = None

    @property
    def uri(self) -> Uri:
        """The Request-URI. Raises ``ParseError``."""
        if self._uri is None:
            self._uri = Uri.parse(self.uri_text)
        return self._uri

    @property
    def start_line(self) -> str:
        return f"{self.method} {self.uri_text} SIP/2.0"

    def stamped(self, host: str, port: int) -> Request:
        """The same request with its topmost Via marked with the source (``stamp_via``); itself when nothing is to be marked."""
        old = self.need("Via")
        new = stamp_via(old, self.via, host, port)
        if new == old:
            return self
        headers = list(self.headers)
        headers[next(i for i, (name, _) in enumerate(headers) if name == "Via")] = ("Via", new)
        copy = Request(self.method, self.uri_text, headers, self.body)
        copy._from, copy._to, copy._cseq, copy._uri = self._from, self._to, self._cseq, self._uri
        return copy

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri_text!r}>"


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: list[Header], body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason

    @property
    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.cseq.method}>"


class BadRequest(ParseError):
    """A request that cannot be taken, but may be answered: ``request`` holds what could be read of it."""

    def __init__(self, reason: str, status: int, request: Request) -> None:
        super().__init__(reason, status)
        self.request = request


def parse(data: bytes) -> Request | Response:
    """One whole message. What follows the body that Content-Length names is cut off (RFC 3261 §18.3).

    Raises ``BadRequest`` for a request that deserves an answer, ``ParseError`` for everything else.
    """
    if len(data) > MAXIMUM_MESSAGE:
        raise ParseError("message too long", 513)
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise ParseError("no end of the headers")
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    if lines[0][:4].upper() == "SIP/":
        return _parse_response(lines, body)
    return _parse_request(lines, body)


def _parse_request(lines: list[str], body: bytes) -> Request:
    bits = lines[0].split(" ")
    if len(bits) < 3 or len(lines[0]) > MAXIMUM_LINE or TOKEN.fullmatch(bits[0]) is None:
        raise ParseError("neither request nor response")
    headers, flaw = _parse_headers(lines)
    request = Request(bits[0], bits[1], headers, body)
    if len(bits) != 3:
        flaw = flaw or ParseError("white space in the request line")
    elif bits[2].upper() != "SIP/2.0":
        flaw = ParseError("version not supported", 505)
    try:
        if flaw is not None:
            raise flaw
        request.body = _cut_body(request, body)
        _check(request)
        if request.cseq.method != request.method:
            raise ParseError("CSeq names another method")
        if not request.uri_text.isascii():
            raise ParseError("wrong Request-URI")
    except ParseError as error:
        raise BadRequest(error.reason, error.status, request) from None
    return request


def _parse_response(lines: list[str], body: bytes) -> Response:
    version, _, rest = lines[0].partition(" ")
    status, _, reason = rest.partition(" ")
    if version.upper() != "SIP/2.0" or len(status) != 3 or not 100 <= number(status) <= 699:
        raise ParseError("wrong status line")
    headers, flaw = _parse_headers(lines)
    if flaw is not None:
        raise flaw
    response = Response(int(status), reason, headers, body)
    response.body = _cut_body(response, body)
    _check(response)
    return response


def _parse_headers(lines: list[str]) -> tuple[list[Header], ParseError | None]:
    """The headers that can be read and the first flaw of those that cannot."""
    headers: list[Header] = []
    flaw: ParseError | None = None
    if len(lines) > MAXIMUM_HEADERS:
        lines = _unfold(lines)
        if len(lines) > MAXIMUM_HEADERS + 1:
            return _parse_headers(lines[: MAXIMUM_HEADERS + 1])[0], ParseError("too many headers")
    names = CANONICAL
    folded = False
    for index, line in enumerate(lines[1:]):
        if line[:1] in (" ", "\t") and index:
            folded = True
            break
        name, colon, value = line.partition(":")
        known = names.get(name)
        if known is None:
            name = name.rstrip(" \t")
            if not colon or TOKEN.fullmatch(name) is None:
                flaw = flaw or ParseError("wrong header line")
                continue
            known = canonical(name)
        if len(line) > MAXIMUM_LINE or "\n" in value or "\r" in value:
            flaw = flaw or ParseError("wrong header line")
            continue
        headers.append((known, value.strip(" \t")))
    if folded:
        return _parse_headers(_unfold(lines))
    return headers, flaw


def _unfold(lines: list[str]) -> list[str]:
    """Folded lines joined with one space (RFC 3261 §7.3.1)."""
    out: list[list[str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and len(out) > 1:
            out[-1].append(line.strip(" \t"))
        else:
            out.append([line])  # one right after the start line continues nothing and is a flaw
    return [" ".join(parts) for parts in out]


def _cut_body(message: Message, body: bytes) -> bytes:
    lengths = message.all("Content-Length")
    if not lengths:
        return body
    length = number(lengths[0])
    if any(other != lengths[0] for other in lengths[1:]) or length > len(body):
        raise ParseError("wrong Content-Length")
    return body[:length]


def _check(message: Message) -> None:
    """What every message must have, once (RFC 3261 §8.1.1), and what transactions read of it."""
    if len(message.first) < len(message.headers):
        seen: set[str] = set()
        for name, _ in message.headers:
            if name in _ONCE:
                if name in seen:
                    raise ParseError(f"{name} twice")
                seen.add(name)
    if not message.call_id or " " in message.call_id:
        raise ParseError("wrong Call-ID")
    _ = message.via, message.cseq, message.from_, message.to
    forwards = message.get("Max-Forwards")
    if forwards is not None:
        number(forwards)


def make_response(
    request: Request, status: int, reason: str = "", *,
    to_tag: str = "", headers: Iterable[Header] = (), body: bytes = b"", content_type: str = "",
) -> Response:  # fmt: skip
    """The answer to ``request``: Via list, From, To, Call-ID and CSeq copied exactly, To with ``to_tag`` when it has none (§8.2.6.2)."""
    copied = [header for header in request.headers if header[0] in _COPIED]
    if to_tag and status != 100:
        copied = [(name, f"{value};tag={to_tag}" if name == "To" and not _has_tag(value) else value) for name, value in copied]
    if status == 100:
        copied.extend(("Timestamp", value) for value in request.all("Timestamp")[:1])
    copied.extend(headers)
    if content_type:
        copied.append(("Content-Type", content_type))
    return Response(status, reason or REASONS.get(status, "Unknown"), copied, body)


def _has_tag(value: str) -> bool:
    try:
        return "tag" in Address.parse(value).params
    except ParseError:
        return True  # a To that cannot be read goes back as it came
