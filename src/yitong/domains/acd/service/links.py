"""Other sites of ours (docs/decisions/0039): what goes along with a contact that an agent gives to one of them, and those that come from
there for one of our agents. He is rung as for a handover; the contact is answered when he answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yitong.contact.brought import Brought, Value, written
from yitong.contact.bus import Unit
from yitong.contact.journey import begin_segment, end_segment
from yitong.contact.registry import LiveContact
from yitong.ct import services as ct
from yitong.ct.events import Delivered
from yitong.ct.model import Cause, StandingOrder
from yitong.ct.number_plan import NumberPlan
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Agent, Assignment
from yitong.domains.acd.model.queue import micro
from yitong.domains.acd.model.together import Handover
from yitong.domains.acd.service.acts import LEASE_SECONDS, STANDING_SECONDS, Acts

RING_SECONDS = 30.0
REFUSED = {"refused": Cause.REFUSED, "no_answer": Cause.NO_ANSWER}


class Links:
    """``arrive`` makes the contact of a call that somebody here is rung for; ``over`` tells that one is about to be released. Both, and
    ``shown`` (what a desk shows of a contact's data), are set by the composition root."""

    arrive: Callable[[Delivered, Unit], LiveContact]
    over: Callable[[str, Unit, str], None]
    shown: Callable[[str], list[dict[str, Any]]] = staticmethod(lambda contact: [])

    def __init__(self, acts: Acts, dialling: NumberPlan, tenant: str, site: str) -> None:
        self._dialling = dialling
        self._acts = acts
        self._model = acts.model
        self._tenant = tenant
        self._site = site
        self._name: Any = ""
        acts.goes_along, acts.comes_back = self.goes_along, self.comes_back

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """How this site is called."""
        if kind == "site" and key == self._site:
            self._name = (value or {}).get("name") or ""

    # --- to another site -------------------------------------------------------------------------------------------------------------

    def goes_along(self, assignment: Assignment, agent: str, number: str) -> tuple[str, str]:
        """Who calls the one that is consulted, and what goes along: the agent a colleague; the customer, with what is known of him, whoever
        is at another site; our number anybody else."""
        contact, config = self._acts.registry.get(assignment.contact), self._model.agent_configs.get(assignment.agent)
        if agent:
            return config.extension if config is not None else "", ""
        if contact is None or not self._dialling.is_distant(number):
            return contact.number if contact is not None else "", ""
        return contact.peer, self._known(assignment)

    def _known(self, assignment: Assignment) -> str:
        """What whoever takes the contact at another site has to know."""
        contact, config = self._acts.registry.get(assignment.contact), self._model.agent_configs.get(assignment.agent)
        queue = self._model.queue_configs.get(assignment.queue)
        if contact is None or config is None:
            return ""
        card = contact.card
        return written(Brought(
            contact=contact.id, site=self._name, extension=config.extension, agent=config.name or "",
            queue=(queue.name or queue.code) if queue is not None else "", called=contact.called if contact.direction == "in" else "",
            customer=card.name if card else "", customer_class=card.klass if card else "", customer_note=card.note if card else "",
            data=tuple(
                Value(name=one["name"], label=one["label"], value=one["value"], secret=one["secret"]) for one in self.shown(contact.id)
            ),
        ))  # fmt: skip

    def comes_back(self, handover: Handover, contact: LiveContact, cause: str, unit: Unit) -> bool:
        """Nobody took a contact: one that came from another site is refused there, one that went to another site comes back to the agent
        who gave it, if he is there and has nothing else to do. False: it is nobody's."""
        if contact.rings and contact.state == "arriving":
            end_segment(contact, unit, cause)
            self.over(contact.id, unit, cause)
            self._acts.clear(contact.connection, unit, REFUSED.get(cause, Cause.UNREACHABLE))
            return True
        agent = self._model.agents.get(handover.back_to)
        if agent is None or contact.state != "live" or agent.duty == "logged_off" or not agent.reachable or agent.state == "busy":
            return False
        for held in [one for one in agent.assignments.values() if one.state == "wrapping_up" and one.contact == contact.id]:
            self._wrap_up_over(held, unit)
        if any(one.switched for one in agent.assignments.values()):
            return False
        begin_segment(contact, "transfer", unit, queue=handover.queue, cause=cause)
        self._acts.play_music(contact, self._model.queue_configs.get(handover.queue), unit)
        self._ring(contact, agent, handover.queue, unit)
        return True

    def _wrap_up_over(self, held: Assignment, unit: Unit) -> None:
        unit.tell(m.WrapUpEnded(
            contact=held.contact, segment=held.segment, agent=held.agent, queue=held.queue, cause="came_back", assignment=held.id,
            code=held.code, note=held.note, wrap_up_us=unit.now - held.wrap_since,
        ))  # fmt: skip

    # --- from another site -----------------------------------------------------------------------------------------------------------

    def for_somebody(self, event: Delivered, unit: Unit) -> bool:
        """A call from another site to the number of an agent of ours; false: nobody has it."""
        config = self._model.agent_configs.get(self._model.agent_of_account(event.called) or "")
        if config is None:
            return False
        agent = self._model.agents.get(config.id)
        if agent is None or agent.duty == "logged_off" or not agent.reachable:
            self._acts.clear(event.connection, unit, Cause.UNREACHABLE)
        elif agent.load("voice") >= config.most("voice"):
            self._acts.clear(event.connection, unit, Cause.BUSY)
        else:
            contact = self.arrive(event, unit)
            begin_segment(contact, "transfer", unit)
            self._ring(contact, agent, "", unit)
        return True

    def _ring(self, contact: LiveContact, agent: Agent, queue: str, unit: Unit) -> None:
        usable = sorted((device for device in agent.devices.values() if device.usable), key=lambda one: (one.kind != "page", one.device))
        connection, guest, until = unit.new_id(), unit.new_id(), unit.now + micro(RING_SECONDS + LEASE_SECONDS)
        on: dict[str, Any] = {"contact": contact.id, "segment": contact.segment, "queue": queue, "connection": connection}
        unit.tell(m.GuestInvited(
            **on, agent=agent.id, assignment=guest, host=contact.id, device=usable[0].device, ring_until=until
        ))  # fmt: skip
        unit.tell(m.HandoverBegan(**on, ring_until=until, guest=guest))
        music = self._acts.music_file(self._model.queue_configs.get(queue), contact.language)
        unit.ask(ct.Route(
            id=unit.new_id(), tenant=self._tenant, connection=contact.connection, calling=contact.peer, contact=contact.id,
            calling_name=contact.card.name if contact.card else "", ring_seconds=RING_SECONDS,
            targets=(ct.Target(connection=connection, device=usable[0].device),),
            order=StandingOrder(wait_seconds=STANDING_SECONDS, music=music),
        ))  # fmt: skip
