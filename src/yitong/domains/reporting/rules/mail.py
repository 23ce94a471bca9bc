"""The fold of what desks show of mailboxes: how many messages in those that an agent may open nobody has heard yet; and of mails: how many
a contact has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from yitong.contact.ledger import Fact
from yitong.domains.mail.messages import MailTaken
from yitong.domains.mailbox.messages import MessageLeft, MessageMarked, MessageRemoved
from yitong.domains.reporting.rules.seen import ViewState


class View(Protocol):
    """What the fold needs of the whole view."""

    state: ViewState
    touched: set[tuple[str, str]]
    names: dict[str, dict[str, Mapping[str, Any]]]

    def agents_of(self, queue: str) -> list[str]: ...

    def queues_of(self, agent: str) -> list[str]: ...


def handlers(view: View) -> dict[type[Fact], Callable[[Any, int], None]]:
    """The handlers, bound to a view."""
    return {
        MessageLeft: partial(_left, view), MessageMarked: partial(_marked, view), MessageRemoved: partial(_removed, view),
        MailTaken: partial(_taken, view),
    }  # fmt: skip


def _taken(view: View, fact: MailTaken, at: int) -> None:
    contact = view.state.contacts.get(fact.contact)
    if contact is None:
        return
    contact.mails += 1
    for assignment in view.state.assignments.values():
        if assignment.contact == contact.id:
            view.touched.add(("assignment", assignment.id))


def _left(view: View, fact: MessageLeft, at: int) -> None:
    _set(view, fact.mailbox, fact.message, True)


def _marked(view: View, fact: MessageMarked, at: int) -> None:
    _set(view, fact.mailbox, fact.message, fact.status == "new")


def _removed(view: View, fact: MessageRemoved, at: int) -> None:
    _set(view, fact.mailbox, fact.message, False)


def _set(view: View, mailbox: str, message: str, new: bool) -> None:
    held = set(view.state.new_messages.get(mailbox, ()))
    held = held | {message} if new else held - {message}
    view.state.new_messages[mailbox] = sorted(held)
    if not held:
        del view.state.new_messages[mailbox]
    view.touched.add(("mailbox", mailbox))


def openers(view: View, mailbox: str) -> list[str]:
    """The agents who may open a mailbox: its owners, and whoever serves its queue."""
    value = view.names["mailbox"].get(mailbox)
    if value is None:
        return []
    served = view.agents_of(str(value["queue"])) if value.get("queue") else []
    return list(dict.fromkeys([*value.get("owners", ()), *served]))


def drawn(view: View, agent: str) -> dict[str, Any]:
    """The section ``mailboxes`` of an agent's desk."""
    serves = set(view.queues_of(agent))
    return {
        key: {"id": key, "name": box.get("name") or box.get("code") or key, "new": len(view.state.new_messages.get(key, ()))}
        for key, box in view.names["mailbox"].items() if agent in box.get("owners", ()) or box.get("queue") in serves
    }  # fmt: skip
