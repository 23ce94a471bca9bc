"""What a waiting caller hears: music, and between it the place and the expected wait. Not facts but for what was announced."""

from __future__ import annotations

import msgspec

from yitong.contact.bus import Bus, Unit
from yitong.contact.deadlines import Deadlines
from yitong.contact.medium import switched
from yitong.ct.events import Played, ServiceFailed
from yitong.ct.services import Play
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.queue import QueueConfig, Queued, micro
from yitong.domains.acd.rules.announcement import announcement
from yitong.domains.acd.rules.selection import position
from yitong.domains.acd.rules.waiting import DEFAULT_HANDLE_SECONDS, expected_wait_seconds
from yitong.domains.acd.service.acts import Acts

LONGEST_ANNOUNCEMENT_SECONDS = 60.0


class Speaking(msgspec.Struct, kw_only=True):
    """An announcement that runs: the service, and until when at the longest."""

    service: str
    until: int


class Treatment:
    """Announces on time; music follows. Its state is not needed after a restart: everyone is simply told again later."""

    def __init__(self, bus: Bus, acts: Acts, tenant: str) -> None:
        self.deadlines = Deadlines()
        self._acts = acts
        self._model = acts.model
        self._tenant = tenant
        self._speaking: dict[str, Speaking] = {}
        bus.applies(m.ContactQueued, self._queued)
        bus.applies(m.ContactLeftQueue, self._left)
        bus.hears(Played, self._played)
        bus.hears(ServiceFailed, self._service_failed)

    def _queued(self, fact: m.ContactQueued, at: int) -> None:
        queue, contact = self._model.queue_configs.get(fact.queue), self._acts.registry.get(fact.contact)
        if contact is not None and contact.switched and queue is not None and queue.announce.spoken:
            self.deadlines.set(fact.contact, at + micro(queue.announce.first_seconds))

    def _left(self, fact: m.ContactLeftQueue, at: int) -> None:
        self.deadlines.drop(fact.contact)
        self._speaking.pop(fact.contact, None)

    def timer(self, unit: Unit) -> None:
        """Announcements that are due, and those whose end was never told."""
        for key in self.deadlines.due(unit.now):
            queued = self._model.queued.get(key)
            queue = self._model.queue_configs.get(queued.queue) if queued is not None else None
            if queued is None or queue is None:
                continue
            if key in self._speaking:
                self._quiet(queued, queue, unit)
            elif queued.assignment:
                self.deadlines.set(key, unit.now + micro(1.0))
            else:
                self._announce(queued, queue, unit)

    def _announce(self, queued: Queued, queue: QueueConfig, unit: Unit) -> None:
        contact = self._acts.registry.get(queued.contact)
        if contact is None:
            return
        others = (other.waiting() for other in self._model.queued.values() if not other.assignment)
        place = position(queued.waiting(), others)
        mean = self._model.handle.get(queue.id, 0.0) or DEFAULT_HANDLE_SECONDS
        wait = expected_wait_seconds(place, self._model.staffed(queue.id), mean) if queue.announce.wait else None
        library, language = self._acts.library, contact.language
        prompts = library.resolve(announcement(place if queue.announce.position else 0, wait, language), language, {})
        if not prompts:
            self.deadlines.set(queued.contact, unit.now + micro(queue.announce.every_seconds))
            return
        unit.tell(m.PositionAnnounced(
            contact=contact.id, segment=queued.segment, queue=queue.id, position=place if queue.announce.position else 0,
            wait_seconds=-1 if wait is None else round(wait),
        ))  # fmt: skip
        service = Play(id=unit.new_id(), tenant=self._tenant, connection=contact.connection, prompts=prompts)
        until = unit.now + micro(LONGEST_ANNOUNCEMENT_SECONDS)
        self._speaking[contact.id] = Speaking(service=service.id, until=until)
        self.deadlines.set(contact.id, until)
        unit.ask(service)

    def _played(self, event: Played, unit: Unit) -> None:
        contact = self._acts.registry.of_customer(event.connection)
        speaking = self._speaking.get(contact.id) if contact is not None else None
        if contact is not None and speaking is not None and speaking.service == event.service:
            self._after(contact.id, unit)

    def _service_failed(self, event: ServiceFailed, unit: Unit) -> None:
        contact = self._acts.registry.of_customer(event.connection)
        speaking = self._speaking.get(contact.id) if contact is not None else None
        if contact is not None and speaking is not None and speaking.service == event.service:
            self._after(contact.id, unit)

    def _after(self, contact: str, unit: Unit) -> None:
        queued = self._model.queued.get(contact)
        queue = self._model.queue_configs.get(queued.queue) if queued is not None else None
        if queued is not None and queue is not None:
            self._quiet(queued, queue, unit)

    def _quiet(self, queued: Queued, queue: QueueConfig, unit: Unit) -> None:
        """The announcement is over: music again, and the next one later."""
        self._speaking.pop(queued.contact, None)
        self.deadlines.set(queued.contact, unit.now + micro(queue.announce.every_seconds))
        contact = self._acts.registry.get(queued.contact)
        if contact is not None:
            self._acts.play_music(contact, queue, unit)

    def again(self, queued: Queued, unit: Unit) -> None:
        """Nothing plays to a waiting caller although something should: music."""
        queue = self._model.queue_configs.get(queued.queue)
        if queue is not None:
            self._quiet(queued, queue, unit)

    def rebuild(self, now: int) -> None:
        """After a restart everybody is told again, at the usual distance."""
        self._speaking.clear()
        for queued in self._model.queued.values():
            queue = self._model.queue_configs.get(queued.queue)
            if queue is not None and queue.announce.spoken and switched(queued.medium):
                self.deadlines.set(queued.contact, now + micro(queue.announce.every_seconds))
