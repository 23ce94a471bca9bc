"""Runs published flows for the contacts of one partition. Decides by steps, remembers by facts, causes through the unit."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from yitong.contact.bus import Bus, Unit
from yitong.contact.messages import ContactEnded
from yitong.ct.events import (
    CallEvent,
    Collected,
    ConnectionCleared,
    DigitPressed,
    Established,
    Failed,
    FaxEnded,
    FaxToneHeard,
    Played,
    ServiceFailed,
)  # fmt: skip
from yitong.ct.model import Cause
from yitong.ct.services import Clear
from yitong.flow.definition import FAX, Document, Kinds, Step, document_of
from yitong.flow.messages import FlowEnded, FlowStarted, StepEntered, StepLeft, StepRetried
from yitong.flow.session import MOST_STEPS_ALONE, LiveContact, Session, StepPlace

HEARD = (Played, Collected, DigitPressed, Established, Failed, ConnectionCleared, ServiceFailed, FaxEnded)

OPEN_KEYS = frozenset({"menu", "survey"})
"""Kinds whose keys say nothing of the person: they may stand in the ledger."""


class Contacts(Protocol):
    """Who is live; the contact registry."""

    def get(self, contact: str) -> LiveContact | None:
        """The live contact of that id."""
        ...

    def of_connection(self, connection: str) -> LiveContact | None:
        """The live contact that a connection (the customer's, or one made for him) belongs to."""
        ...


class RunnerState(msgspec.Struct, kw_only=True):
    """What a snapshot of the partition keeps: sessions, and the raw documents that they are pinned to."""

    sessions: dict[str, Session] = {}
    documents: dict[str, dict[str, Any]] = {}


class Runner:
    """All flow sessions of one partition."""

    def __init__(self, bus: Bus, contacts: Contacts, kinds: Kinds, *, tenant: str, site: str) -> None:
        self.kinds = kinds
        self._contacts = contacts
        self._tenant = tenant
        self._site = site
        self._sessions: dict[str, Session] = {}
        self._documents: dict[tuple[str, int], Document] = {}
        self._raw: dict[tuple[str, int], dict[str, Any]] = {}
        self._published: dict[str, int] = {}
        bus.applies(FlowStarted, self._started)
        bus.applies(StepEntered, self._entered)
        bus.applies(StepRetried, self._retried)
        bus.applies(StepLeft, self._left)
        bus.applies(FlowEnded, self._ended)
        bus.reacts(ContactEnded, self._contact_ended)
        for kind in HEARD:
            bus.hears(kind, self.hear)
        bus.hears(FaxToneHeard, self._fax_heard)

    # --- configuration -------------------------------------------------------------------------------------------------------------

    def publish(self, flow: str, version: int, raw: dict[str, Any]) -> None:
        """From now on contacts that start ``flow`` get this version; those inside keep theirs."""
        self._remember(flow, version, raw)
        self._published[flow] = version
        self._forget_unused()

    def withdraw(self, flow: str) -> None:
        """No contact starts ``flow`` any more."""
        self._published.pop(flow, None)
        self._forget_unused()

    def knows(self, flow: str) -> bool:
        return flow in self._published

    def _remember(self, flow: str, version: int, raw: dict[str, Any]) -> None:
        self._documents[flow, version] = document_of(raw)
        self._raw[flow, version] = raw

    def _forget_unused(self) -> None:
        used = {(session.flow, session.version) for session in self._sessions.values()} | set(self._published.items())
        for key in self._documents.keys() - used:
            del self._documents[key], self._raw[key]

    # --- what is asked of it -------------------------------------------------------------------------------------------------------

    def start(self, contact: str, flow: str, unit: Unit) -> None:
        """Put a contact at the start of the published version of ``flow``. Raises KeyError when none is published."""
        version = self._published[flow]
        unit.tell(FlowStarted(contact=contact, flow=flow, flow_version=version))
        self._enter(contact, self._documents[flow, version].start, unit)

    def resume(self, contact: str, outcome: str, unit: Unit, keys: str = "") -> None:
        """The step that the contact waits in ended with ``outcome``; nothing happens for a contact without a session."""
        session = self._sessions.get(contact)
        if session is None:
            return
        target = self._step(session).next.get(outcome)
        unit.tell(StepLeft(contact=contact, step=session.step, outcome=outcome, keys=keys))
        if target is None:
            self._finish(session, "finished" if not outcome else "fault", unit)
        else:
            self._enter(contact, target, unit)

    def hear(self, event: CallEvent | ServiceFailed, unit: Unit) -> None:
        """Give what the switch told to the step that the contact waits in."""
        contact = self._contacts.of_connection(event.connection)
        session = self._sessions.get(contact.id) if contact else None
        if contact is None or session is None or not session.step:
            return
        step = self._step(session)
        outcome = self.kinds[step.kind].hear(self._place(session, contact), step.parameters, event, unit)
        if outcome is not None:
            told = event.digits if isinstance(event, Collected) and step.kind in OPEN_KEYS else ""
            self.resume(contact.id, outcome, unit, told)

    def _fax_heard(self, event: FaxToneHeard, unit: Unit) -> None:
        """A fax machine listens where a person was expected: the document says where it goes on, if it does."""
        contact = self._contacts.of_connection(event.connection)
        session = self._sessions.get(contact.id) if contact else None
        if contact is None or session is None or contact.connection != event.connection or not self.waits_on_caller(contact.id):
            return
        target = self._documents[session.flow, session.version].fax
        if target and target != session.step:
            unit.tell(StepLeft(contact=contact.id, step=session.step, outcome=FAX))
            self._enter(contact.id, target, unit)

    def enter_again(self, unit: Unit, only: str = "") -> None:
        """After a restart: steps that waited on the caller begin again, so that he hears the prompt once more.

        A session whose version is known no longer begins the published one anew. ``only`` one contact, where just he got stuck.
        """
        for session in [one for one in self._sessions.values() if only in ("", one.contact)]:
            contact = self._contacts.get(session.contact)
            if (session.flow, session.version) not in self._documents:
                self._begin_anew(session, unit)
                continue
            step = self._step(session)
            if contact is not None and self.kinds[step.kind].repeats:
                self._go_on(session, self.kinds[step.kind].enter(self._place(session, contact), step.parameters, unit), unit)

    def waits_on_caller(self, contact: str) -> bool:
        """The contact is in a step that plays something to him or collects from him."""
        session = self._sessions.get(contact)
        if session is None or not session.step or (session.flow, session.version) not in self._documents:
            return False
        return self.kinds[self._step(session).kind].repeats

    def session(self, contact: str) -> Session | None:
        """Where the contact stands; None outside any flow."""
        return self._sessions.get(contact)

    # --- deciding ------------------------------------------------------------------------------------------------------------------

    def _enter(self, contact_id: str, name: str, unit: Unit) -> None:
        session = self._sessions[contact_id]
        contact = self._contacts.get(contact_id)
        if session.alone >= MOST_STEPS_ALONE or contact is None:
            self._finish(session, "fault", unit)
            return
        step = self._documents[session.flow, session.version].steps[name]
        unit.tell(StepEntered(contact=contact_id, step=name, kind=step.kind, visit=session.visits.get(name, 0) + 1))
        self._go_on(session, self.kinds[step.kind].enter(self._place(session, contact), step.parameters, unit), unit)

    def _go_on(self, session: Session, outcome: str | None, unit: Unit) -> None:
        if outcome is not None:
            self.resume(session.contact, outcome, unit)
        elif not self._step(session).next:
            self._finish(session, "finished", unit)

    def _begin_anew(self, session: Session, unit: Unit) -> None:
        if self.knows(session.flow):
            self.start(session.contact, session.flow, unit)
        else:
            self._finish(session, "fault", unit)

    def _finish(self, session: Session, cause: str, unit: Unit) -> None:
        contact = self._contacts.get(session.contact)
        if cause == "fault" and contact is not None:
            unit.ask(Clear(id=unit.new_id(), tenant=self._tenant, connection=contact.connection, cause=Cause.FAILED))
        unit.tell(FlowEnded(contact=session.contact, flow=session.flow, cause=cause))

    def _contact_ended(self, fact: ContactEnded, unit: Unit) -> None:
        session = self._sessions.get(fact.contact)
        if session is not None:
            self._finish(session, "customer_left" if fact.by == "customer" else "finished", unit)

    def _step(self, session: Session) -> Step:
        return self._documents[session.flow, session.version].steps[session.step]

    def _place(self, session: Session, contact: LiveContact) -> StepPlace:
        return StepPlace(session, contact, self._tenant, self._site, self._documents[session.flow, session.version].values)

    # --- state, by facts only ------------------------------------------------------------------------------------------------------

    def _started(self, fact: FlowStarted, at: int) -> None:
        self._sessions[fact.contact] = Session(contact=fact.contact, flow=fact.flow, version=fact.flow_version)

    def _entered(self, fact: StepEntered, at: int) -> None:
        session = self._sessions.get(fact.contact)
        if session is None:
            return
        session.step, session.attempt, session.waiting = fact.step, 1, ""
        session.visits[fact.step] = fact.visit
        session.alone += 1

    def _retried(self, fact: StepRetried, at: int) -> None:
        session = self._sessions.get(fact.contact)
        if session is not None:
            session.attempt, session.waiting = fact.attempt, ""

    def _left(self, fact: StepLeft, at: int) -> None:
        session = self._sessions.get(fact.contact)
        document = self._documents.get((session.flow, session.version)) if session else None
        if session is None or document is None:
            return
        session.waiting = ""
        step = document.steps[fact.step]
        if fact.outcome in self.kinds[step.kind].chosen(step.parameters):
            session.alone = 0

    def _ended(self, fact: FlowEnded, at: int) -> None:
        self._sessions.pop(fact.contact, None)
        self._forget_unused()

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def state(self) -> RunnerState:
        """Everything that a restart needs."""
        documents = {f"{session.flow}@{session.version}": self._raw[session.flow, session.version] for session in self._sessions.values()}
        return RunnerState(sessions=dict(self._sessions), documents=documents)

    def restore(self, state: RunnerState) -> None:
        """Take up ``state``; published configuration is loaded separately."""
        for key, raw in state.documents.items():
            flow, _, version = key.rpartition("@")
            self._remember(flow, int(version), raw)
        self._sessions = dict(state.sessions)
