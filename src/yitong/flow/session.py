"""Where one contact stands in its flow: plain values, changed only by facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

MOST_STEPS_ALONE = 200
"""So many steps without a person acting end the session: the guard behind the checker."""


class LiveContact(Protocol):
    """What a flow needs to know of a contact (the contact registry's entries fit)."""

    id: str
    connection: str
    call: str
    language: str

    def values(self) -> Mapping[str, Any]:
        """For conditions and prompts: ``contact.*`` (number, calling, language), ``customer.*``, ``vars.*``, and ``served.*`` (segment,
        agent and queue of the last served segment).
        """
        ...


class Session(msgspec.Struct, kw_only=True):
    """The live state of a contact in a flow. ``waiting`` is not a fact: after a restart the step is entered again.

    ``side``: an agent let the contact in; ``outer`` is where it stood before, if anywhere; ``beside``: he waits for it. ``back``: the step
    in which it asked for help. ``secrets``: what was collected and is kept nowhere, with the step that did it.
    """

    contact: str
    flow: str
    version: int
    step: str = ""
    attempt: int = 1
    visits: dict[str, int] = {}
    alone: int = 0
    waiting: str = ""
    side: bool = False
    beside: bool = False
    outer: Session | None = None
    back: str = ""
    secrets: dict[str, str] = {}

    @property
    def way_back(self) -> bool:
        """It came from somewhere to which it can go back."""
        return bool(self.back) or self.side


class StepPlace:
    """A session as a step sees it (``flow.step.Place``)."""

    def __init__(
        self, session: Session, contact: LiveContact, tenant: str, site: str, constants: Mapping[str, Any], *, secrets: dict[str, str],
        help_key: str = "",
    ) -> None:  # fmt: skip
        self._session = session
        self._contact = contact
        self._constants = constants
        self._secrets = secrets
        self.help_key = help_key
        self.way_back = session.way_back
        self.tenant = tenant
        self.site = site
        self.contact = contact.id
        self.connection = contact.connection
        self.call = contact.call
        self.language = contact.language
        self.step = session.step
        self.visit = session.visits.get(session.step, 0)
        self.attempt = session.attempt

    @property
    def waiting(self) -> str:
        return self._session.waiting

    def wait_for(self, service: str) -> None:
        self._session.waiting = service

    @property
    def values(self) -> Mapping[str, Any]:
        values = dict(self._contact.values())
        values["vars"] = {**self._constants, **values.get("vars", {}), **self._secrets}
        return values

    def keep_secret(self, name: str, value: str) -> None:
        self._secrets[name] = value
