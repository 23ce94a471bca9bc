"""What a kind of step is. Domains add kinds in their ``steps`` module; the composition root registers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from yitong.contact.bus import Unit
from yitong.ct.events import CtEvent


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong in a flow document: the step's id (or ""), a stable code, and parameters for the sentence shown."""

    step: str
    code: str
    parameters: dict[str, Any] = {}


class Place(Protocol):
    """Where a contact stands in a flow, as a step sees it. Reading only: what changes, changes by facts.

    ``waiting`` is the id of the service whose end the step waits for (not kept over a restart: the step is entered again).
    """

    @property
    def contact(self) -> str: ...
    @property
    def connection(self) -> str: ...
    @property
    def call(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def site(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def step(self) -> str: ...
    @property
    def visit(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def waiting(self) -> str: ...

    def wait_for(self, service: str) -> None:
        """Remember the service whose result the step waits for."""
        ...

    @property
    def help_key(self) -> str:
        """The key with which the caller asks for help in this flow; empty: there is none."""
        ...

    @property
    def way_back(self) -> bool:
        """Somebody let the contact in here, or it asked for help: there is where it can go back to."""
        ...

    def keep_secret(self, name: str, value: str) -> None:
        """Have ``vars.name`` as long as the contact is in this flow and this process lives; the step is entered again when it died."""
        ...

    @property
    def values(self) -> Mapping[str, Any]:
        """Variables for CEL and prompts: contact attributes, collected digits, customer fields, counters."""
        ...


class StepKind(Protocol):
    """One kind of step. ``parameters`` is the step's part of the document, already valid against ``schema``.

    ``enter`` and ``hear`` return the outcome (a key of the step's ``next``), or None while the step waits. A step may tell
    ``StepRetried`` and enter itself again. After a restart of core
    ``enter`` is called again for steps that were waiting on the caller (``repeats`` true); others keep waiting.
    """

    kind: str
    repeats: bool
    schema: Mapping[str, Any]

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        """Every outcome the step can have; the checker wants a ``next`` for each."""
        ...

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        """The outcomes that only an act or a wait of a person brings; a circle without one of them is an endless loop."""
        ...

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        """What only this kind knows to be wrong (a prompt that does not exist, an unknown queue)."""
        ...

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        """Begin the step."""
        ...

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        """Something was told about the customer's connection while the step waits."""
        ...
