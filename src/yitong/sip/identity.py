"""Who calls, and whom they called first, as a trusted network says it (RFC 3325, RFC 3323, RFC 5806, RFC 7044)."""

from __future__ import annotations

import msgspec

from yitong.sip.grammar import ParseError, number
from yitong.sip.headers import Address
from yitong.sip.message import Request

_WITHHELD = frozenset({"id", "user", "header"})
_MAXIMUM = 20


class Caller(msgspec.Struct, frozen=True):
    """Number (or user) and name as given, for people to be cleaned; both empty when they are withheld."""

    number: str = ""
    name: str = ""


def caller(request: Request, trusted: bool) -> Caller:
    """Who calls: P-Asserted-Identity of a ``trusted`` network, a telephone number before a name; else From.

    Privacy asked for by the caller leaves nobody.
    """
    if _WITHHELD & {one.strip().lower() for value in request.all("Privacy") for one in value.split(";")}:
        return Caller()
    asserted = _addresses(request, "P-Asserted-Identity") if trusted else []
    chosen = next((one for one in asserted if _is_number(one)), asserted[0] if asserted else None)
    try:
        one = chosen or request.from_
        user, name = one.uri.number, one.name or (request.from_.name if chosen else "")
    except ParseError:
        return Caller()
    return Caller() if not user or user.lower() == "anonymous" else Caller(user, name)


def first_called(request: Request) -> str:
    """The number that was called before the call was diverted to us; empty when it was not.

    History-Info tells it in its first entry (RFC 7044 §10.1, index 1), Diversion in its last (RFC 5806 §4).
    """
    history = [(_index(one), one) for one in _addresses(request, "History-Info")]
    told = [one for index, one in sorted(history, key=lambda entry: entry[0])] if len(history) > 1 else []
    for one in told[:1] or _addresses(request, "Diversion")[-1:]:
        try:
            return one.uri.number
        except ParseError:
            return ""
    return ""


def _addresses(request: Request, header: str) -> list[Address]:
    """The addresses of a header that can be read."""
    try:
        elements = request.elements(header)[:_MAXIMUM]
    except ParseError:
        return []
    found = []
    for element in elements:
        try:
            one = Address.parse(element)
            _ = one.uri.scheme
        except ParseError:
            continue
        found.append(one)
    return found


def _is_number(one: Address) -> bool:
    digits = one.uri.number.lstrip("+")
    return one.uri.scheme == "tel" or (digits.isascii() and digits.isdigit())


def _index(one: Address) -> tuple[int, ...]:
    try:
        return tuple(number(part) for part in (one.params.get("index") or "1").split("."))
    except ParseError:
        return (2**32,)
