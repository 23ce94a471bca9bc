"""The ledger: every fact of every contact and agent, appended once. All lists, counters, bills and desks are folds over it.

A *fact* is a frozen value of a domain's ``messages`` (subclass of ``Fact``). An *event* is the fact in its envelope, as it is
published, stored and replayed. No personal value stands in either: a telephone number, a note or collected digits are kept apart
as a ``Personal`` record, to which a fact refers by id, and which can be erased.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

import msgspec

_registry: dict[tuple[str, int], type[Fact]] = {}
_upcasters: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}

ENVELOPE = ("contact", "segment", "connection", "agent", "queue", "cause")


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that became true. Subclasses set ``TYPE`` ("acd.contact_offered") and, when the payload changed, ``VERSION``."""

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    contact: str = ""
    segment: str = ""
    connection: str = ""
    agent: str = ""
    queue: str = ""
    cause: str = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.TYPE:
            key = (cls.TYPE, cls.VERSION)
            known = _registry.get(key)
            if known is not None and known.__qualname__ != cls.__qualname__:
                raise TypeError(f"{key} is {known} and {cls}")
            _registry[key] = cls


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in its envelope. ``sequence`` is gap-free per (tenant, site); times are UTC microseconds; ``caused_by`` an event id."""

    id: str
    type: str
    version: int
    tenant: str
    site: str
    producer: str
    epoch: int
    sequence: int
    occurred_at: int
    contact: str = ""
    segment: str = ""
    connection: str = ""
    agent: str = ""
    queue: str = ""
    cause: str = ""
    caused_by: str = ""
    payload: dict[str, Any] = {}


class Personal(msgspec.Struct, frozen=True, kw_only=True):
    """A personal value that facts refer to by ``id``. ``kind``: address (E.164 or as given), name, note, digits."""

    id: str
    tenant: str
    kind: str
    value: str
    at: int
    contact: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one decision made true: published as one message, so that it is true as a whole or not at all."""

    tenant: str
    site: str
    events: tuple[Event, ...]


def payload_of(fact: Fact) -> dict[str, Any]:
    """The fields of ``fact`` that are not in the envelope, as plain JSON values; defaults are kept, so that a payload is complete."""
    payload = {}
    for name in _payload_names(type(fact)):
        value = getattr(fact, name)
        payload[name] = value if type(value) in _PLAIN else msgspec.to_builtins(value)
    return payload


_PLAIN = frozenset({str, int, float, bool, type(None)})


@cache
def _payload_names(kind: type[Fact]) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name not in ENVELOPE)


def upcast(kind: str, version: int) -> Callable[[Callable[[dict[str, Any]], dict[str, Any]]], Callable[[dict[str, Any]], dict[str, Any]]]:
    """Register how a payload of ``kind`` in ``version`` becomes one of ``version + 1``."""

    def register(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        _upcasters[kind, version] = change
        return change

    return register


def fact_of(event: Event) -> Fact | None:
    """The fact in ``event``, upcast to today's version; None for a type that this release does not know (a later one's)."""
    payload, version = dict(event.payload), event.version
    while (event.type, version) in _upcasters:
        payload = _upcasters[event.type, version](payload)
        version += 1
    kind = _registry.get((event.type, version))
    if kind is None:
        return None
    for name in ENVELOPE:
        payload[name] = getattr(event, name)
    return msgspec.convert(payload, kind)


def known_types() -> dict[tuple[str, int], type[Fact]]:
    """Every (type, version) that this release writes."""
    return dict(_registry)
