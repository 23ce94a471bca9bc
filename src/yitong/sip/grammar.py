"""Named pieces of the grammar of RFC 3261 §25, and the one error that wrong input raises.

Everything here works on ``str`` decoded as UTF-8 with ``surrogateescape``, so bytes that are no UTF-8 (GBK names) survive a copy
unchanged. Every pattern is linear: no nested repeats over the same characters.
"""

from __future__ import annotations

import re

Params = dict[str, str | None]
"""Parameters in order of appearance; names in lower case; ``None`` for a parameter without a value."""


class SipError(Exception):
    """What this package raises for wrong input or wrong use; nothing else leaves it."""


class ParseError(SipError):
    """The input is no correct SIP. ``status`` is the answer that a request deserves (RFC 3261 §21.4)."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
HOST = r"(?:\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.\-]+)?\]|[A-Za-z0-9._\-]+)"
_LIST_PIECE = re.compile(r'[^",<]+|"(?:[^"\\]|\\[\s\S])*"|<[^>]*>|,')
_PARAM_PIECE = re.compile(r'[^";]+|"(?:[^"\\]|\\[\s\S])*"|;')
_QUOTED = re.compile(r'"((?:[^"\\]|\\[\s\S])*)"')
_QUOTED_PAIR = re.compile(r"\\([\s\S])")
_AUTH_PARAM = re.compile(r'[ \t]*([A-Za-z0-9\-.!%*_+`\'~]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s",]*))[ \t]*(,|$)')


def number(text: str, maximum: int = 4_294_967_295) -> int:
    """A decimal of one to ten ASCII digits, at most ``maximum``. Raises ``ParseError``."""
    if not 0 < len(text) <= 10 or not text.isascii() or not text.isdigit():
        raise ParseError("not a number")
    value = int(text)
    if value > maximum:
        raise ParseError("number too large")
    return value


def port(text: str) -> int:
    """A port, 1 to 65535. Raises ``ParseError``."""
    value = number(text, 65_535)
    if value == 0:
        raise ParseError("port 0")
    return value


def is_token(text: str) -> bool:
    """Whether ``text`` is a ``token``."""
    return TOKEN.fullmatch(text) is not None


def _pieces(pattern: re.Pattern[str], text: str, separator: str) -> list[str]:
    """Split at separators outside of quotes (and brackets, when the pattern knows them)."""
    out: list[str] = []
    current: list[str] = []
    position = 0
    for match in pattern.finditer(text):
        if match.start() != position:
            raise ParseError("unbalanced quote or bracket")
        position = match.end()
        piece = match[0]
        if piece == separator:
            out.append("".join(current))
            current = []
        else:
            current.append(piece)
    if position != len(text):
        raise ParseError("unbalanced quote or bracket")
    out.append("".join(current))
    return out


def split_list(value: str) -> list[str]:
    """The elements of a comma-separated header; commas in quotes and angle brackets do not count. Raises ``ParseError``."""
    if "," not in value:
        return [value.strip()]
    parts = value.split(",") if '"' not in value and "<" not in value else _pieces(_LIST_PIECE, value, ",")
    return [part.strip() for part in parts]


def parse_params(text: str) -> Params:
    """``;a=1;b`` as a dictionary. An empty or doubled parameter raises ``ParseError``."""
    text = text.strip()
    if not text:
        return {}
    if text[0] != ";":
        raise ParseError("parameters do not begin with a semicolon")
    body = text[1:]
    parts = body.split(";") if '"' not in body else _pieces(_PARAM_PIECE, body, ";")
    params: Params = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not name or name in params or " " in name:
            raise ParseError("empty or doubled parameter")
        params[name] = _param_value(value.strip()) if equals else None
    return params


def _param_value(value: str) -> str:
    if value[:1] == '"':
        return unquote(value)
    if " " in value or "\t" in value:
        raise ParseError("white space in a parameter")
    return value


def unquote(text: str) -> str:
    """The content of a quoted string, or the text itself. Raises ``ParseError`` for a quote that does not end."""
    if text[:1] != '"':
        return text
    match = _QUOTED.fullmatch(text)
    if match is None:
        raise ParseError("unbalanced quote")
    inner = match[1]
    return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner


def quote(text: str) -> str:
    """``text`` as a quoted string; control characters, which could end the line, become spaces."""
    clean = "".join(" " if ch < " " or ch == "\x7f" else ch for ch in text)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_auth(value: str) -> tuple[str, dict[str, str]]:
    """Scheme and parameters of an authentication header (RFC 3261 §25.1 ``credentials``, ``challenge``). Raises ``ParseError``."""
    scheme, _, rest = value.strip().partition(" ")
    if not is_token(scheme):
        raise ParseError("no authentication scheme")
    params: dict[str, str] = {}
    rest = rest.strip()
    position = 0
    while position < len(rest):
        match = _AUTH_PARAM.match(rest, position)
        if match is None or match[1].lower() in params:
            raise ParseError("wrong authentication parameter")
        quoted = match[2]
        params[match[1].lower()] = match[3] if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)
        position = match.end()
    return scheme.lower(), params


def display_text(text: str) -> str:
    """A name or phrase for people: bytes that are no UTF-8 are read as GB 18030 where they can be, control characters become ``�``."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogateescape") if not _lone_surrogate(text) else text.encode("utf-8", "replace")
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "replace")
    return "".join("\ufffd" if ch < " " or "\x7f" <= ch <= "\x9f" else ch for ch in text)


def _lone_surrogate(text: str) -> bool:
    return any("\ud800" <= ch <= "\udfff" and not "\udc80" <= ch <= "\udcff" for ch in text)
