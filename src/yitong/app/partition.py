"""Wires one partition (tenant and site): which part hears, obeys and decides what. Used by the core process, tests and simulations.

The order of registration is the order of hearing: the dispatcher hears the end of a call before the flow, and the journey comes last,
so that every part has told its own end before the contact's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from yitong.contact.answerers import Answerers
from yitong.contact.bus import Bus, Unit
from yitong.contact.engine import Engine
from yitong.contact.journey import Journey, begin_segment
from yitong.contact.registry import Registry
from yitong.ct.events import Snapshot
from yitong.domains.acd.service import Acd
from yitong.domains.acd.steps import QueueStep
from yitong.domains.conference.service import Conferences
from yitong.domains.conference.service.live import TOPIC as CONFERENCES
from yitong.domains.conference.service.live import Update as ConferencesUpdate
from yitong.domains.conference.steps import ConferenceStep
from yitong.domains.fax.model import Documents
from yitong.domains.fax.service import Faxes
from yitong.domains.fax.steps import ReceiveFaxStep, SendFaxStep
from yitong.domains.ivr import steps as ivr
from yitong.domains.ivr.service import Speaking
from yitong.domains.mail.service import Mails
from yitong.domains.mailbox.service import Mailboxes
from yitong.domains.mailbox.steps.call_back import CallBackStep
from yitong.domains.mailbox.steps.leave import LeaveMessageStep
from yitong.domains.mailbox.steps.listen import ListenMailboxStep
from yitong.domains.messaging.service import TextOrders
from yitong.domains.messaging.steps import SendTextStep
from yitong.domains.quality.service import Recordings
from yitong.domains.recording.service import Recorder
from yitong.domains.reporting.rules.flows import shown_data
from yitong.domains.reporting.rules.live import Live, Update
from yitong.domains.reporting.rules.view import View
from yitong.domains.survey.steps import SurveyStep
from yitong.flow.definition import Kinds
from yitong.flow.messages import FlowEnded, SideFlowEnded, StepEntered
from yitong.flow.prompts import Library
from yitong.flow.runner import Runner, RunnerState
from yitong.kit.ids import Ids

MAILBOX_STEPS = frozenset({LeaveMessageStep.kind, ListenMailboxStep.kind, CallBackStep.kind})


def step_kinds(
    library: Library, documents: Documents | None = None, mailboxes: Mailboxes | None = None, texts: TextOrders | None = None
) -> Kinds:
    """Every kind of step of this release; without documents, mailboxes and texts they can be checked, not run."""
    mailboxes = mailboxes or Mailboxes(Bus(), Registry(Bus()), tenant="", site="")
    texts = texts or TextOrders(Bus(), Registry(Bus()), tenant="")
    return Kinds(
        ivr.PlayStep(library), ivr.SayStep(library), ivr.MenuStep(library), ivr.CollectStep(library), ivr.ConditionStep(),
        ivr.HoursStep(), ivr.SetStep(), ivr.TransferStep(), ivr.ClassifyStep(), ivr.ReturnStep(), ivr.HangUpStep(), QueueStep(),
        SurveyStep(library),
        SendFaxStep(documents or Documents()), ReceiveFaxStep(),
        LeaveMessageStep(mailboxes, library), ListenMailboxStep(mailboxes, library), CallBackStep(mailboxes), ConferenceStep(),
        SendTextStep(texts),
    )  # fmt: skip


class JourneyPart:
    """The journey as a part of the partition; its contacts are kept by the registry."""

    name = "journey"

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self.configure = journey.configure
        self.next_deadline = journey.next_deadline
        self.timer = journey.timer
        self.reconcile = journey.reconcile

    def dump(self) -> bytes:
        return b""

    def load(self, data: bytes, now: int) -> None:
        self._journey.rebuild(now)


class FlowPart:
    """The flow runner and its prompts as a part of the partition."""

    name = "flow"

    def __init__(self, runner: Runner, library: Library, registry: Registry) -> None:
        self._runner = runner
        self._library = library
        self._registry = registry
        self._prompts: dict[str, tuple[str, str]] = {}
        self._silent: set[str] = set()

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Flows, prompts, and the tenant's language."""
        if kind == "tenant" and value and value.get("language"):
            self._library.language = value["language"]
        elif kind == "prompt":
            if key in self._prompts:
                self._library.drop(*self._prompts.pop(key))
            if value is not None:
                self._prompts[key] = (value["code"], value["language"])
                self._library.put(value["code"], value["language"], value["file"])
        elif kind == "flow" and value is not None and value.get("published_version"):
            self._runner.publish(key, value["published_version"], value["document"])
        elif kind == "flow":
            self._runner.withdraw(key)

    def next_deadline(self) -> int | None:
        return None

    def timer(self, unit: Unit) -> None:
        """Steps have no time of their own: the switch ends what it plays and collects."""

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """A caller whose step waits for a result that will not come (nothing plays, nothing collects) gets the step again.

        After a restart (``fresh_us`` 0) that is everybody whose step waits on him; later only who was silent twice in a row, and whose
        answer never reached the switch.
        """
        if not fresh_us:
            self._runner.enter_again(unit)
            return 0
        silent = {
            contact.id for connection in snapshot.connections
            if not connection.playing and not connection.collecting and not connection.classifying
            and (contact := self._registry.of_customer(connection.connection)) is not None and self._runner.waits_on_caller(contact.id)
        }  # fmt: skip
        unanswered = {
            contact.id for connection in snapshot.connections
            if (contact := self._registry.of_customer(connection.connection)) is not None and contact.waits_for_us(connection)
            and contact.arrived_at + fresh_us <= unit.now
        }  # fmt: skip
        stuck = silent & (self._silent | unanswered)
        self._silent = silent - stuck
        for contact_id in sorted(stuck):
            self._runner.enter_again(unit, contact_id)
        return len(stuck)

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self._runner.state())

    def load(self, data: bytes, now: int) -> None:
        self._runner.restore(msgspec.msgpack.decode(data, type=RunnerState))


class Partition:
    """A wired engine with its parts in reach (live documents, tests)."""

    def __init__(self, tenant: str, site: str, ids: Ids, *, producer: str = "core") -> None:
        self.bus = bus = Bus()
        self.registry = Registry(bus)
        self.library = Library()
        self.acd = Acd(bus, self.registry, self.library, self._resume, tenant=tenant, site=site)
        self.recorder = Recorder(bus, self.registry, tenant=tenant, site=site)
        self.recordings = Recordings(bus, self.registry, tenant=tenant)
        self.faxes = Faxes(bus, self.registry, tenant=tenant)
        self.texts = TextOrders(bus, self.registry, tenant=tenant)
        self.mailboxes = Mailboxes(bus, self.registry, tenant=tenant, site=site)
        self.mails = Mails(bus, self.registry, tenant=tenant)
        self.conferences = Conferences(bus, self.registry, self.library, self._resume, tenant=tenant, site=site)
        kinds = step_kinds(self.library, self.faxes.documents, self.mailboxes, self.texts)
        Answerers(bus, self.registry)
        self.runner = Runner(bus, self.registry, kinds, tenant=tenant, site=site)
        Speaking(bus, self.runner, tenant=tenant)
        self.journey = Journey(bus, self.registry, tenant=tenant, site=site, start_flow=self._start_flow)
        self.flow = FlowPart(self.runner, self.library, self.registry)
        bus.reacts(StepEntered, self._step_entered)
        bus.reacts(FlowEnded, self._flow_ended)
        bus.reacts(SideFlowEnded, self._side_flow_ended)
        self.acd.detours.flows = self.runner
        self.acd.detours.flow_of = self.journey.flow_of
        self.journey.for_somebody = self.acd.links.for_somebody
        self.acd.links.arrive, self.acd.links.over = self.journey.arrive_for_somebody, self.journey.flow_over
        self.acd.acts.has_fax = lambda code: bool(self.faxes.documents.file(code))
        self.texts.customer_of = self._customer_of
        self.live = Live(View(bus, self.registry, site=site))
        view = self.live.view
        self.acd.links.shown = lambda contact: shown_data(view.state.contacts.get(contact), view.names["flow"])
        parts = (
            JourneyPart(self.journey), self.acd, self.recorder, self.recordings, self.faxes, self.mailboxes, self.texts,
            self.conferences,
            self.mails,
            self.flow, self.live,
        )  # fmt: skip
        self.engine = Engine(bus, self.registry, self.journey, parts, ids, tenant=tenant, site=site, producer=producer)

    def document(self, topic: str, *, once: bool = False) -> tuple[int, Any]:
        """A live document, of whichever part draws it."""
        return self.conferences.live.document(once=once) if topic == CONFERENCES else self.live.document(topic, once=once)

    def told(self) -> list[Update | ConferencesUpdate]:
        """What changed in the live documents since the last time."""
        return [*self.live.flush(), *self.conferences.live.flush()]

    def ids_of(self, told: object) -> dict[str, str]:
        """The ids that log lines about an event, a command or a question carry: ``contact`` and ``call``, as far as they are known."""
        call, connection = getattr(told, "call", ""), getattr(told, "connection", "")
        assignment = self.acd.model.assignment(getattr(told, "assignment", "")) or self.acd.model.of_connection(connection)
        contact = self.registry.get(getattr(told, "contact", "") or (assignment.contact if assignment else ""))
        contact = contact or self.registry.of_connection(connection) or self.registry.of_call(call)
        ids = {"contact": contact.id if contact else "", "call": call or (contact.call if contact else "")}
        return {name: value for name, value in ids.items() if value}

    def _start_flow(self, contact: str, flow: str, unit: Unit) -> None:
        self.runner.start(contact, flow, unit)

    def _customer_of(self, agent: str, assignment: str) -> str:
        """The contact that an agent has in an assignment of his own, or wraps up; empty: none."""
        found = self.acd.model.assignment(assignment)
        return found.contact if found is not None and found.agent == agent and found.state != "offered" else ""

    def _resume(self, contact: str, outcome: str, unit: Unit) -> None:
        if self.runner.session(contact) is None:
            found = self.registry.get(contact)
            if found is not None and not found.switched:
                self.journey.end(found, "agent", outcome, unit)
            elif found is not None:
                self.journey.release(found, unit, "no_flow")
            return
        self.runner.resume(contact, outcome, unit)

    def _step_entered(self, fact: StepEntered, unit: Unit) -> None:
        """A contact that is between segments, or comes to a survey, begins the next one."""
        contact = self.registry.get(fact.contact)
        if contact is None or fact.kind == "queue":
            return
        if fact.kind == "survey" and contact.segment_kind != "survey":
            begin_segment(contact, "survey", unit)
        elif fact.kind in MAILBOX_STEPS:
            if contact.segment_kind != "mailbox":
                begin_segment(contact, "mailbox", unit)
        elif not contact.segment or contact.segment_kind == "mailbox":
            begin_segment(contact, "ivr", unit)

    def _flow_ended(self, fact: FlowEnded, unit: Unit) -> None:
        self.journey.flow_over(fact.contact, unit, fact.cause)

    def _side_flow_ended(self, fact: SideFlowEnded, unit: Unit) -> None:
        """A contact that we called stood in no flow before an agent let it into this one: nothing is left for it but the end."""
        contact = self.registry.get(fact.contact)
        if contact is None or self.runner.session(contact.id) is not None or self.acd.model.of_contact(contact.id) is not None:
            return
        if fact.cause == "returned":
            self.journey.release(contact, unit, "finished")
        else:
            self.journey.flow_over(contact.id, unit, fact.cause)
