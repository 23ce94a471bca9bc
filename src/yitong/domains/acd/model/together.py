"""The fold of what happens when several take part in one contact: consultations, guests, handovers, talks with outside numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from yitong.contact.bus import Bus
from yitong.contact.deadlines import Deadlines
from yitong.contact.registry import Registry
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Agent, Assignment, Consultation
from yitong.domains.acd.model.detours import Detours


class Agents(Protocol):
    """What the fold needs of the dispatcher's model."""

    agents: dict[str, Agent]
    deadlines: Deadlines
    registry: Registry

    def assignment(self, key: str) -> Assignment | None: ...
    def assignments(self) -> Iterator[Assignment]: ...
    def of_connection(self, connection: str) -> Assignment | None: ...
    def watch(self, assignment: Assignment) -> None: ...
    def touch(self, agent: Agent, before: str, at: int) -> None: ...
    def give_up(self, connection: str, at: int) -> None: ...
    def admit(self, guest: Assignment, at: int) -> None: ...
    def dismiss(self, guest: Assignment, at: int) -> None: ...


class Handover(msgspec.Struct, kw_only=True):
    """A contact whose next party still rings: ``guest`` is an agent's assignment, ``address`` an outside number's Personal record."""

    contact: str
    connection: str
    queue: str
    until: int
    guest: str = ""
    address: str = ""
    back_to: str = ""
    """The agent who gave it to another site of ours."""


class Outside(msgspec.Struct, kw_only=True):
    """A contact that talks with an outside number."""

    contact: str
    connection: str
    queue: str


class Together:
    """Handovers and outside talks by connection; consultations live in their assignments."""

    def __init__(self, model: Agents, bus: Bus) -> None:
        self._model = model
        Detours(model, bus)
        self.consulting: dict[str, str] = {}
        """Connection of the consulted one → assignment of the agent who asked."""
        self.handovers: dict[str, Handover] = {}
        self.outside: dict[str, Outside] = {}
        handlers: dict[type, Callable[[Any, int], None]] = {
            m.ConsultationBegan: self._began, m.ConsultationAnswered: self._answered, m.ConsultationTurned: self._turned,
            m.ConsultationMoved: self._moved,
            m.ConferenceBegan: self._conference, m.ConsultationEnded: self._ended, m.GuestInvited: self._invited,
            m.GuestJoined: self._joined, m.GuestLeft: self._left, m.ContactTaken: self._taken, m.HandoverBegan: self._handover,
            m.HandoverEnded: self._handed, m.OutsideBegan: self._outside_began, m.OutsideEnded: self._outside_ended,
            m.AssignmentMuted: self._muted, m.SupervisionChanged: self._supervised,
        }  # fmt: skip
        for kind, handler in handlers.items():
            bus.applies(kind, handler)

    def of_contact(self, contact: str) -> Handover | Outside | None:
        """What the contact does without an agent of its own."""
        everything: list[Handover | Outside] = [*self.handovers.values(), *self.outside.values()]
        return next((one for one in everything if one.contact == contact), None)

    def claimed(self) -> set[str]:
        """Connections that belong to somebody here."""
        return {*self.consulting, *self.handovers, *self.outside}

    # --- consultations -------------------------------------------------------------------------------------------------------------

    def _asker(self, assignment: str) -> tuple[Assignment, Consultation]:
        asker = self._model.assignment(assignment)
        assert asker is not None
        assert asker.consultation is not None
        return asker, asker.consultation

    def _began(self, fact: m.ConsultationBegan, at: int) -> None:
        asker = self._model.assignment(fact.assignment)
        assert asker is not None
        asker.consultation = Consultation(
            connection=fact.connection, state="ringing", since=at, ring_until=fact.ring_until, agent=fact.to_agent, guest=fact.guest,
            address=fact.address,
        )  # fmt: skip
        self._claim(fact.connection)
        self.consulting[fact.connection] = asker.id
        self._model.watch(asker)

    def _claim(self, connection: str) -> None:
        self._model.registry.claimed.add(connection)

    def _answered(self, fact: m.ConsultationAnswered, at: int) -> None:
        asker, consultation = self._asker(fact.assignment)
        consultation.state, consultation.since = "talking", at
        self._model.watch(asker)

    def _moved(self, fact: m.ConsultationMoved, at: int) -> None:
        asker, consultation = self._asker(fact.assignment)
        self.consulting.pop(consultation.connection, None)
        consultation.room = consultation.room or consultation.connection
        consultation.connection = fact.connection
        self._claim(fact.connection)
        self.consulting[fact.connection] = asker.id

    def _turned(self, fact: m.ConsultationTurned, at: int) -> None:
        self._asker(fact.assignment)[1].aside = fact.aside

    def _conference(self, fact: m.ConferenceBegan, at: int) -> None:
        consultation = self._asker(fact.assignment)[1]
        consultation.state, consultation.aside, consultation.since = "conference", False, at

    def _ended(self, fact: m.ConsultationEnded, at: int) -> None:
        asker, consultation = self._asker(fact.assignment)
        self._release(consultation.connection, at)
        if m.stays_over(fact.cause, consultation.state):
            consultation.state, consultation.since, consultation.cause = "over", at, fact.cause
            consultation.agent = consultation.guest = ""
        else:
            asker.consultation = None
        self._model.watch(asker)

    def _release(self, connection: str, at: int) -> None:
        """Nobody waits for the connection any more; should it still speak, it is cleared."""
        known = connection in self.handovers or connection in self.outside or self._model.of_connection(connection) is not None
        if self.consulting.pop(connection, None) and not known:
            self._model.give_up(connection, at)

    def _muted(self, fact: m.AssignmentMuted, at: int) -> None:
        assignment = self._model.assignment(fact.assignment)
        assert assignment is not None
        assignment.muted = fact.on

    # --- guests --------------------------------------------------------------------------------------------------------------------

    def _invited(self, fact: m.GuestInvited, at: int) -> None:
        guest = Assignment(
            id=fact.assignment, agent=fact.agent, contact=fact.contact, queue=fact.queue, segment=fact.segment, channel="voice", state="",
            since=at, offered_at=at, ring_until=fact.ring_until, lease_until=fact.ring_until, targets={fact.connection: fact.device},
            host=fact.host, participation=fact.participation,
        )  # fmt: skip
        guest.move("offer", at)
        self._model.admit(guest, at)

    def _joined(self, fact: m.GuestJoined, at: int) -> None:
        guest = self._model.assignment(fact.assignment)
        assert guest is not None
        guest.move("answer", at)
        guest.connection, guest.device = fact.connection, guest.targets.get(fact.connection, "")
        guest.targets, guest.answered_at = {}, at
        self._model.watch(guest)

    def _supervised(self, fact: m.SupervisionChanged, at: int) -> None:
        guest = self._model.assignment(fact.assignment)
        assert guest is not None
        guest.participation = fact.participation

    def _left(self, fact: m.GuestLeft, at: int) -> None:
        guest = self._model.assignment(fact.assignment)
        assert guest is not None
        if guest.state != "offered":
            guest.move("end", at)
        self._model.dismiss(guest, at)

    def _taken(self, fact: m.ContactTaken, at: int) -> None:
        guest = self._model.assignment(fact.assignment)
        assert guest is not None
        guest.host, guest.segment, guest.answered_at, guest.since, guest.participation = "", fact.segment, at, at, ""
        agent = self._model.agents[guest.agent]
        agent.answered += 1
        self._model.watch(guest)
        self._model.touch(agent, agent.state, at)

    # --- without an agent ------------------------------------------------------------------------------------------------------------

    def _handover(self, fact: m.HandoverBegan, at: int) -> None:
        self.handovers[fact.connection] = Handover(
            contact=fact.contact, connection=fact.connection, queue=fact.queue, until=fact.ring_until, guest=fact.guest,
            address=fact.address, back_to=fact.back_to,
        )  # fmt: skip
        self._claim(fact.connection)
        self._model.deadlines.set(f"h:{fact.connection}", fact.ring_until)

    def _handed(self, fact: m.HandoverEnded, at: int) -> None:
        handover = self.handovers.pop(fact.connection, None)
        self._model.deadlines.drop(f"h:{fact.connection}")
        if handover is not None and fact.cause != "taken":
            self._model.give_up(fact.connection, at)

    def _outside_began(self, fact: m.OutsideBegan, at: int) -> None:
        self.outside[fact.connection] = Outside(contact=fact.contact, connection=fact.connection, queue=fact.queue)
        self._claim(fact.connection)

    def _outside_ended(self, fact: m.OutsideEnded, at: int) -> None:
        if self.outside.pop(fact.connection, None) is not None:
            self._model.give_up(fact.connection, at)

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def restore(self, handovers: dict[str, Handover], outside: dict[str, Outside]) -> None:
        """After the assignments were taken up."""
        self.handovers, self.outside = handovers, outside
        for assignment in self._model.assignments():
            if assignment.consultation is not None and assignment.consultation.state != "over":
                self.consulting[assignment.consultation.connection] = assignment.id
        for handover in handovers.values():
            self._model.deadlines.set(f"h:{handover.connection}", handover.until)
        self._model.registry.claimed.update(self.claimed())
