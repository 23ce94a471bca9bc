"""Runs published flows for the contacts of one partition. Decides by steps, remembers by facts, causes through the unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from yitong.contact.bus import Bus, Unit
from yitong.contact.messages import AttributeSet, ContactEnded
from yitong.ct.events import (
    CallEvent,
    Classified,
    Collected,
    ConnectionCleared,
    DigitPressed,
    Established,
    Failed,
    FaxEnded,
    FaxToneHeard,
    GreetingEnded,
    MessageRecorded,
    Played,
    ServiceFailed,
)  # fmt: skip
from yitong.ct.model import Cause
from yitong.ct.services import Clear
from yitong.flow.definition import BACK, FAX, HELP, Document, Entry, Kinds, Step, document_of
from yitong.flow.made import made
from yitong.flow.messages import (
    FlowEnded,
    FlowStarted,
    SideFlowAlone,
    SideFlowBegan,
    SideFlowEnded,
    StepEntered,
    StepLeft,
    StepRetried,
)
from yitong.flow.session import MOST_STEPS_ALONE, LiveContact, Session, StepPlace

HEARD = (Played, Collected, DigitPressed, Established, Failed, ConnectionCleared, ServiceFailed, FaxEnded, MessageRecorded)
JUDGED = (Classified, GreetingEnded)

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
        self._secrets: dict[str, dict[str, str]] = {}
        """By contact: what its flow collected and nobody keeps."""
        bus.applies(FlowStarted, self._started)
        bus.applies(StepEntered, self._entered)
        bus.applies(StepRetried, self._retried)
        bus.applies(StepLeft, self._left)
        bus.applies(FlowEnded, self._ended)
        bus.applies(SideFlowBegan, self._side_began)
        bus.applies(SideFlowAlone, self._side_alone)
        bus.applies(SideFlowEnded, self._side_ended)
        bus.applies(AttributeSet, self._attribute)
        bus.reacts(ContactEnded, self._contact_ended)
        for kind in (*HEARD, *JUDGED):
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
        used = {(session.flow, session.version) for session in self._levels()} | set(self._published.items())
        for key in self._documents.keys() - used:
            del self._documents[key], self._raw[key]

    def _levels(self) -> Iterator[Session]:
        """Every session, and those that wait below one."""
        for top in self._sessions.values():
            session: Session | None = top
            while session is not None:
                yield session
                session = session.outer

    def _document(self, session: Session) -> Document | None:
        return self._documents.get((session.flow, session.version)) or made(session.flow)

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

    def entries(self) -> list[tuple[str, Document, str, Entry]]:
        """Where agents may let contacts in: flow, document, step."""
        documents = ((flow, self._documents[flow, version]) for flow, version in self._published.items())
        return [(flow, document, step, entry) for flow, document in documents for step, entry in document.entries.items()]

    def entry(self, flow: str, step: str) -> Entry | None:
        """The entry of a published flow, or of one that is made on the spot."""
        version = self._published.get(flow)
        document = self._documents[flow, version] if version is not None else made(flow)
        return document.entries.get(step) if document is not None else None

    def first(self, flow: str) -> str:
        """The step at which a published flow begins; empty when it is not published."""
        version = self._published.get(flow)
        return self._documents[flow, version].start if version is not None else ""

    def let_in(self, contact: str, flow: str, step: str, unit: Unit, *, beside: bool) -> None:
        """Put a contact at an entry; where it stands is kept. ``beside``: an agent waits for it, who hears of its end by SideFlowEnded."""
        unit.tell(SideFlowBegan(contact=contact, flow=flow, flow_version=self._published.get(flow, 0), beside=beside))
        self._enter(contact, step, unit)

    def leave_alone(self, contact: str, unit: Unit) -> None:
        """Nobody waits for the contact any more."""
        session = self._sessions.get(contact)
        if session is not None and session.beside:
            unit.tell(SideFlowAlone(contact=contact, flow=session.flow))

    def fetch(self, contact: str, cause: str, unit: Unit) -> None:
        """Take the contact out of the flow into which it was let; nothing happens to one that is in none."""
        session = self._sessions.get(contact)
        if session is not None and session.side:
            unit.tell(SideFlowEnded(contact=contact, flow=session.flow, cause=cause))

    def hear(self, event: CallEvent | ServiceFailed, unit: Unit) -> None:
        """Give what the switch told to the step that the contact waits in."""
        contact = self._contacts.of_connection(event.connection)
        session = self._sessions.get(contact.id) if contact else None
        if contact is None or session is None or not session.step:
            return
        step = self._step(session)
        outcome = self.kinds[step.kind].hear(self._place(session, contact), step.parameters, event, unit)
        if outcome == HELP:
            self._ask_help(session, unit)
        elif outcome is not None:
            told = event.digits if isinstance(event, Collected) and step.kind in OPEN_KEYS else ""
            self.resume(contact.id, outcome, unit, told)

    def _ask_help(self, session: Session, unit: Unit) -> None:
        """The caller pressed the key for help: to the agent who waits beside him, else to the step that the document names."""
        document = self._document(session)
        if session.beside:
            unit.tell(StepLeft(contact=session.contact, step=session.step, outcome=HELP))
            unit.tell(SideFlowEnded(contact=session.contact, flow=session.flow, cause="returned", result=HELP))
        elif document is not None and document.help is not None:
            unit.tell(StepLeft(contact=session.contact, step=session.step, outcome=HELP))
            self._enter(session.contact, document.help.step, unit)

    def _go_back(self, session: Session, unit: Unit) -> None:
        """To where the caller asked for help, else to where the contact stood before an agent let it in."""
        back = session.back
        result = str(self._step(session).parameters.get("result", ""))
        unit.tell(StepLeft(contact=session.contact, step=session.step, outcome=BACK))
        if back:
            self._enter(session.contact, back, unit)
            return
        beside = session.beside
        unit.tell(SideFlowEnded(contact=session.contact, flow=session.flow, cause="returned", result=result))
        if not beside and session.contact in self._sessions:
            self.resume(session.contact, "served", unit)

    def _fax_heard(self, event: FaxToneHeard, unit: Unit) -> None:
        """A fax machine listens where a person was expected: the document says where it goes on, if it does."""
        contact = self._contacts.of_connection(event.connection)
        session = self._sessions.get(contact.id) if contact else None
        if contact is None or session is None or contact.connection != event.connection or not self.waits_on_caller(contact.id):
            return
        document = self._document(session)
        target = document.fax if document is not None else ""
        if target and target != session.step:
            unit.tell(StepLeft(contact=contact.id, step=session.step, outcome=FAX))
            self._enter(contact.id, target, unit)

    def enter_again(self, unit: Unit, only: str = "") -> None:
        """After a restart: steps that waited on the caller begin again, so that he hears the prompt once more.

        A session whose version is known no longer begins the published one anew. ``only`` one contact, where just he got stuck.
        """
        for session in [one for one in self._sessions.values() if only in ("", one.contact)]:
            contact = self._contacts.get(session.contact)
            if self._document(session) is None:
                self._begin_anew(session, unit)
                continue
            step = self._step(session)
            lost = [asked for name, asked in session.secrets.items() if name not in self._secrets.get(session.contact, {})]
            if contact is not None and self.kinds[step.kind].repeats and lost:
                self._enter(session.contact, lost[0], unit)
            elif contact is not None and self.kinds[step.kind].repeats:
                self._go_on(session, self.kinds[step.kind].enter(self._place(session, contact), step.parameters, unit), unit)

    def waits_on_caller(self, contact: str) -> bool:
        """The contact is in a step that plays something to him or collects from him."""
        session = self._sessions.get(contact)
        if session is None or not session.step or self._document(session) is None:
            return False
        return self.kinds[self._step(session).kind].repeats

    def session(self, contact: str) -> Session | None:
        """Where the contact stands; None outside any flow."""
        return self._sessions.get(contact)

    # --- deciding ------------------------------------------------------------------------------------------------------------------

    def _enter(self, contact_id: str, name: str, unit: Unit) -> None:
        session = self._sessions[contact_id]
        contact = self._contacts.get(contact_id)
        document = self._document(session)
        if session.alone >= MOST_STEPS_ALONE or contact is None or document is None:
            self._finish(session, "fault", unit)
            return
        step = document.steps[name]
        unit.tell(StepEntered(contact=contact_id, step=name, kind=step.kind, visit=session.visits.get(name, 0) + 1))
        self._go_on(session, self.kinds[step.kind].enter(self._place(session, contact), step.parameters, unit), unit)

    def _go_on(self, session: Session, outcome: str | None, unit: Unit) -> None:
        if outcome == BACK:
            self._go_back(session, unit)
        elif outcome is not None:
            self.resume(session.contact, outcome, unit)
        elif not self._step(session).next:
            self._finish(session, "finished", unit)

    def _begin_anew(self, session: Session, unit: Unit) -> None:
        if session.side:
            self._finish(session, "fault", unit)
        elif self.knows(session.flow):
            self.start(session.contact, session.flow, unit)
        else:
            self._finish(session, "fault", unit)

    def _finish(self, session: Session, cause: str, unit: Unit) -> None:
        """The end of the flow, and of all that waits below it; a fault beside an agent gives the contact back to him."""
        contact = self._contacts.get(session.contact)
        if session.beside and cause == "fault":
            unit.tell(SideFlowEnded(contact=session.contact, flow=session.flow, cause=cause))
            return
        if cause == "fault" and contact is not None:
            unit.ask(Clear(id=unit.new_id(), tenant=self._tenant, connection=contact.connection, cause=Cause.FAILED))
        while (top := self._sessions.get(session.contact)) is not None and top.side:
            unit.tell(SideFlowEnded(contact=session.contact, flow=top.flow, cause=cause))
        if top is not None:
            unit.tell(FlowEnded(contact=session.contact, flow=top.flow, cause=cause))

    def _contact_ended(self, fact: ContactEnded, unit: Unit) -> None:
        session = self._sessions.get(fact.contact)
        if session is not None:
            self._finish(session, "customer_left" if fact.by == "customer" else "finished", unit)

    def _step(self, session: Session) -> Step:
        document = self._document(session)
        assert document is not None
        return document.steps[session.step]

    def _place(self, session: Session, contact: LiveContact) -> StepPlace:
        document = self._document(session)
        assert document is not None
        key = document.help.key if document.help is not None else ""
        secrets = self._secrets.setdefault(session.contact, {})
        return StepPlace(session, contact, self._tenant, self._site, document.values, secrets=secrets, help_key=key)

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
        document = self._document(session) if session else None
        if session is None or document is None:
            return
        session.waiting = ""
        step = document.steps[fact.step]
        if fact.outcome == HELP or fact.outcome in self.kinds[step.kind].chosen(step.parameters):
            session.alone = 0
        if fact.outcome == HELP:
            session.back = session.back or fact.step
        elif fact.outcome == BACK:
            session.back = ""

    def _ended(self, fact: FlowEnded, at: int) -> None:
        self._sessions.pop(fact.contact, None)
        self._secrets.pop(fact.contact, None)
        self._forget_unused()

    def _side_began(self, fact: SideFlowBegan, at: int) -> None:
        self._sessions[fact.contact] = Session(
            contact=fact.contact, flow=fact.flow, version=fact.flow_version, side=True, beside=fact.beside,
            outer=self._sessions.get(fact.contact),
        )  # fmt: skip

    def _side_alone(self, fact: SideFlowAlone, at: int) -> None:
        session = self._sessions.get(fact.contact)
        if session is not None:
            session.beside = False

    def _side_ended(self, fact: SideFlowEnded, at: int) -> None:
        session = self._sessions.pop(fact.contact, None)
        if session is None:
            return
        for name in session.secrets:
            self._secrets.get(fact.contact, {}).pop(name, None)
        if session.outer is not None:
            self._sessions[fact.contact] = session.outer
        elif not self._secrets.get(fact.contact):
            self._secrets.pop(fact.contact, None)
        self._forget_unused()

    def _attribute(self, fact: AttributeSet, at: int) -> None:
        session = self._sessions.get(fact.contact)
        if session is not None and fact.secret:
            session.secrets[fact.name] = session.step

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def state(self) -> RunnerState:
        """Everything that a restart needs."""
        pinned = {(session.flow, session.version) for session in self._levels()} & self._raw.keys()
        documents = {f"{flow}@{version}": self._raw[flow, version] for flow, version in pinned}
        return RunnerState(sessions=dict(self._sessions), documents=documents)

    def restore(self, state: RunnerState) -> None:
        """Take up ``state``; published configuration is loaded separately."""
        for key, raw in state.documents.items():
            flow, _, version = key.rpartition("@")
            self._remember(flow, int(version), raw)
        self._sessions = dict(state.sessions)
