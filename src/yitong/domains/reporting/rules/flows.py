"""The fold of what desks show of flows: call data with their names, and the flow beside which an agent waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import msgspec

from yitong.contact.ledger import Fact
from yitong.contact.messages import AttributeSet
from yitong.domains.acd import messages as acd
from yitong.domains.reporting.rules.seen import SeenAssignment, SeenContact, SeenDetour, ViewState
from yitong.flow.messages import SideFlowBegan, StepEntered


class View(Protocol):
    """What the fold needs of the whole view."""

    state: ViewState
    touched: set[tuple[str, str]]
    names: dict[str, dict[str, Mapping[str, Any]]]

    def address(self, contact: str, record: str) -> str: ...


def handlers(view: View) -> dict[type[Fact], Callable[[Any, int], None]]:
    """The handlers, bound to a view."""
    return {
        AttributeSet: partial(_attribute, view), SideFlowBegan: partial(_entered_flow, view), StepEntered: partial(_stepped, view),
        acd.DetourBegan: partial(_began, view), acd.DetourEntered: partial(_entered, view), acd.DetourEnded: partial(_ended, view),
    }  # fmt: skip


def _touch(view: View, contact: str) -> list[SeenAssignment]:
    found = [one for one in view.state.assignments.values() if one.contact == contact]
    view.touched.update(("assignment", one.id) for one in found)
    return found


def _attribute(view: View, fact: AttributeSet, at: int) -> None:
    contact = view.state.contacts.get(fact.contact)
    if contact is not None:
        value = view.address(fact.contact, fact.personal) if fact.personal else fact.value
        contact.data = {**contact.data, fact.name: (value, fact.secret)}
        _touch(view, fact.contact)


def _entered_flow(view: View, fact: SideFlowBegan, at: int) -> None:
    contact = view.state.contacts.get(fact.contact)
    if contact is not None and fact.flow not in contact.flows:
        contact.flows = [*contact.flows, fact.flow]


def _stepped(view: View, fact: StepEntered, at: int) -> None:
    for one in view.state.assignments.values():
        if one.contact == fact.contact and one.detour is not None and one.detour.state == "there":
            one.detour.at = (fact.step, fact.kind)
            view.touched.add(("assignment", one.id))


def _began(view: View, fact: acd.DetourBegan, at: int) -> None:
    held = view.state.assignments.get(fact.assignment)
    if held is not None:
        held.detour = SeenDetour(flow=fact.flow, step=fact.step, state="leaving", since=at)
        view.touched.add(("assignment", held.id))


def _entered(view: View, fact: acd.DetourEntered, at: int) -> None:
    _change(view, fact.assignment, state="there", since=at)


def _ended(view: View, fact: acd.DetourEnded, at: int) -> None:
    _change(view, fact.assignment, state="over", since=at, cause=fact.cause, result=fact.result)


def _change(view: View, assignment: str, **changes: Any) -> None:
    held = view.state.assignments.get(assignment)
    if held is not None and held.detour is not None:
        held.detour = msgspec.structs.replace(held.detour, **changes)
        view.touched.add(("assignment", held.id))


# --- drawing -----------------------------------------------------------------------------------------------------------------------


def drawn_data(contact: SeenContact | None, flows: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the contact's flows show to agents, in their order: ``{name, label, value, secret}``; the value of a secret is empty."""
    if contact is None or not contact.data:
        return []
    labels: dict[str, Any] = {}
    for flow in dict.fromkeys([contact.flow, *contact.flows]):
        labels.update((flows.get(flow, {}).get("document") or {}).get("data") or {})
    return [
        {"name": name, "label": label, "value": contact.data[name][0], "secret": contact.data[name][1]}
        for name, label in labels.items() if name in contact.data
    ]  # fmt: skip


def shown_data(contact: SeenContact | None, flows: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What came with the contact from another site of ours, in the same shape, then the data of our own flows."""
    came = contact.brought.data if contact is not None and contact.brought is not None else ()
    brought = [{"name": one.name, "label": one.label, "value": one.value, "secret": one.secret} for one in came]
    return [*brought, *drawn_data(contact, flows)]


def drawn_brought(contact: SeenContact | None) -> dict[str, Any] | None:
    """From where a contact came, who gave it, and whose it is."""
    came = contact.brought if contact is not None else None
    if came is None:
        return None
    return {
        "contact": came.contact, "site": came.site or None, "agent": {"extension": came.extension, "name": came.agent},
        "queue": came.queue or None, "called": came.called, "customer": came.customer, "class": came.customer_class,
        "note": came.customer_note,
    }  # fmt: skip


def drawn_detour(detour: SeenDetour | None, flows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """The flow beside which an agent waits, with its names; one that is made on the spot is named by what it does."""
    if detour is None:
        return None
    value = flows.get(detour.flow, {})
    document = value.get("document") or {}
    entry = (document.get("entries") or {}).get(detour.step) or {}
    flow = value.get("name") or detour.flow
    return {
        "flow": flow, "entry": entry.get("name") or flow, "state": detour.state, "since": detour.since,
        "step": detour.at[0], "step_name": _step_name(document, detour), "kind": detour.at[1],
        "cause": detour.cause or None, "result": detour.result or None, "returns": list(entry.get("returns") or ()),
    }  # fmt: skip


def _step_name(document: Mapping[str, Any], detour: SeenDetour) -> Any:
    """What people call the step at which the contact is: by what it collects, or as a way in, other than the one taken. None: nothing."""
    step = (document.get("steps") or {}).get(detour.at[0]) or {}
    collects = (document.get("data") or {}).get(step.get("name"))
    way_in = (document.get("entries") or {}).get(detour.at[0]) if detour.at[0] != detour.step else None
    return collects or (way_in or {}).get("name")


def missed(over: tuple[str, str, int] | None, person: Callable[[str], dict[str, Any]]) -> dict[str, Any] | None:
    """The colleague whom an agent called last and did not reach."""
    return None if over is None else {"agent": person(over[0]), "cause": over[1], "at": over[2]}
