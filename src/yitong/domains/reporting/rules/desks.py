"""What the board shows of one desk: with whom its agent has to do, and what he did today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from yitong.domains.reporting.rules.counters import AgentToday
from yitong.domains.reporting.rules.seen import SeenAgent, SeenAssignment, ViewState

COUNTED = ("offered", "answered", "refused", "missed", "dialled", "reached")
SPENT = ("talk", "hold", "wrap_up")


class View(Protocol):
    """What is needed of the whole view."""

    state: ViewState

    def address(self, contact: str, record: str) -> str: ...


def counted(today: AgentToday | None) -> dict[str, int]:
    """Counts since midnight, and seconds of talks that are over."""
    sums = today or AgentToday()
    spent = {f"{name}_seconds": int(getattr(sums, f"{name}_us")) // 1_000_000 for name in SPENT}
    return {name: int(getattr(sums, name)) for name in COUNTED} | spent


def own_day(agent: SeenAgent | None, today: AgentToday | None) -> dict[str, Any]:
    """What an agent's own desk shows of his day; seconds of states are counted when they end."""
    figures = {} if today is None else msgspec.to_builtins(today)
    counts = {name: figures.get(name, 0) for name in ("offered", "answered", "refused", "missed")}
    spent = {f"{name}_seconds": figures.get(f"{name}_us", 0) // 1_000_000 for name in ("talk", "hold", "wrap_up", "ready", "not_ready")}
    return {**counts, **spent, "logged_on_at": (agent.logged_on_at or None) if agent is not None else None}


def other(view: View, held: SeenAssignment, person: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """With whom: ``agent`` is a colleague whom he calls, helps or listens to; else it is the customer. Numbers are masked."""
    contact = view.state.contacts.get(held.contact)
    colleague = held.inside or held.host
    dialled = view.address(held.contact, held.dialling) if held.dialling else ""
    return {
        "state": held.state, "since": held.since, "agent": person(colleague) if colleague else None,
        "supervision": held.participation or None, "direction": contact.direction if contact else "out" if held.dialling else "in",
        "customer": contact.card.name if contact and contact.card else None,
        "number_masked": masked(contact.calling if contact and contact.calling else dialled),
    }  # fmt: skip


def masked(number: str) -> str:
    """A number whose middle is hidden: enough to recognise, not to call."""
    if len(number) <= 4:
        return "*" * len(number)
    head = 3 if len(number) >= 8 else 0
    return number[:head] + "*" * (len(number) - head - 4) + number[-4:]
