"""The fold of detours, and what the dispatcher needs of the flows that it lets contacts into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from yitong.contact.bus import Bus, Unit
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment, Detour


class Entry(Protocol):
    """A step at which agents may let a contact in; see ``flow.definition.Entry``."""

    @property
    def name(self) -> Mapping[str, str]: ...
    @property
    def beside(self) -> bool: ...
    @property
    def takes(self) -> tuple[str, ...]: ...
    @property
    def returns(self) -> tuple[str, ...]: ...


class Flows(Protocol):
    """The flow runner."""

    def entries(self) -> list[tuple[str, Any, str, Any]]: ...
    def entry(self, flow: str, step: str) -> Entry | None: ...
    def first(self, flow: str) -> str: ...
    def let_in(self, contact: str, flow: str, step: str, unit: Unit, *, beside: bool) -> None: ...
    def leave_alone(self, contact: str, unit: Unit) -> None: ...
    def fetch(self, contact: str, cause: str, unit: Unit) -> None: ...


class Assignments(Protocol):
    """What the fold needs of the dispatcher's model."""

    def assignment(self, key: str) -> Assignment | None: ...
    def watch(self, assignment: Assignment) -> None: ...


class Detours:
    """Detours live in their assignments."""

    def __init__(self, model: Assignments, bus: Bus) -> None:
        self._model = model
        bus.applies(m.DetourBegan, self._began)
        bus.applies(m.DetourEntered, self._entered)
        bus.applies(m.DetourEnded, self._ended)

    def _held(self, key: str) -> Assignment:
        assignment = self._model.assignment(key)
        assert assignment is not None
        return assignment

    def _began(self, fact: m.DetourBegan, at: int) -> None:
        assignment = self._held(fact.assignment)
        assignment.detour = Detour(flow=fact.flow, step=fact.step, state="leaving", until=fact.until)
        assignment.since = at
        self._model.watch(assignment)

    def _entered(self, fact: m.DetourEntered, at: int) -> None:
        assignment = self._held(fact.assignment)
        assert assignment.detour is not None
        assignment.detour.state, assignment.since = "there", at
        self._model.watch(assignment)

    def _ended(self, fact: m.DetourEnded, at: int) -> None:
        assignment = self._held(fact.assignment)
        assignment.detour, assignment.since = None, at
        if fact.resume_until:
            assignment.resume_until, assignment.resume_again_at = fact.resume_until, 0
        self._model.watch(assignment)
