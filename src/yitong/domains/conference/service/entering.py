"""The way in: number and PIN are asked, three wrong ones end it; and those who are called say whether they come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from yitong.contact.bus import Bus, Refused, Unit
from yitong.ct import services as ct
from yitong.ct.events import Collected, Played, ServiceFailed
from yitong.domains.conference import messages as m
from yitong.domains.conference.model import Conference, Entering, Member, Room
from yitong.domains.conference.rules import WRONG_TRIES, shut_until
from yitong.domains.conference.service.acts import Acts
from yitong.kit import pins

FIRST_SECONDS = 10.0


class Doors:
    """One function an input; ``Entering`` says where a caller is."""

    def __init__(self, bus: Bus, acts: Acts) -> None:
        self._acts = acts
        self._model = acts.model
        bus.obeys(m.EnterRoom, self.enter)
        bus.hears(Collected, self._collected)
        bus.hears(Played, self._played)
        bus.hears(ServiceFailed, self._failed)

    def enter(self, command: m.EnterRoom, unit: Unit) -> str:
        """A contact comes from its flow. Raises Refused: not_found, wrong_state."""
        contact = self._model.registry.get(command.contact)
        if contact is None:
            raise Refused("not_found")
        if contact.id in self._model.entering or self._model.of_connection(contact.connection) is not None:
            raise Refused("wrong_state")
        room = self._model.room_named(command.room) if command.room else None
        if command.room and room is None:
            return "wrong"
        if room is not None and not room.host_pin and not room.member_pin:
            self._let_in(contact.id, contact.connection, room, unit, host=False)
        else:
            self._ask(contact.id, contact.connection, room.id if room is not None else "", 1, unit)
        return ""

    # --- asking ----------------------------------------------------------------------------------------------------------------------

    def _ask(self, contact: str, connection: str, room: str, attempt: int, unit: Unit) -> None:
        if room and shut_until(self._model.guesses.get(room, ()), unit.now):
            self._refuse(contact, connection, room, "locked", unit)
            return
        what = "pin" if room else "number"
        unit.tell(m.EntryAsked(contact=contact, connection=connection, what=what, attempt=attempt, room=room))
        self.ask_again(self._model.entering[contact], unit)

    def ask_again(self, entering: Entering, unit: Unit) -> None:
        """The same question, also after a restart."""
        if entering.what == "sorry":
            self._sorry(entering, unit)
            return
        codes = ["conference.wrong"] if entering.attempt > 1 else []
        entering.service = self._collect(
            entering.connection, entering.contact, [*codes, f"conference.enter_{entering.what}"], unit, maximum=12, minimum=0
        )

    def _collect(self, connection: str, contact: str, codes: Iterable[Any], unit: Unit, *, maximum: int, minimum: int) -> str:
        service = ct.Collect(
            id=unit.new_id(), tenant=self._acts.tenant, connection=connection,
            prompts=self._acts.library.resolve(codes, self._acts.language(contact), {}), minimum=minimum, maximum=maximum,
            terminators="#", first_seconds=FIRST_SECONDS,
        )  # fmt: skip
        unit.ask(service)
        return service.id

    def _sorry(self, entering: Entering, unit: Unit) -> None:
        code = {"wrong": "conference.too_often", "full": "conference.full", "locked": "conference.locked"}[entering.refused]
        entering.service = self._acts.play(entering.connection, [code], self._acts.language(entering.contact), unit)
        if not entering.service:
            self._give_back(entering, unit)

    # --- answers ---------------------------------------------------------------------------------------------------------------------

    def _collected(self, event: Collected, unit: Unit) -> None:
        entering = self._entering(event)
        if entering is not None and event.reason != "stopped":
            answer = {"number": self._number, "pin": self._pin}[entering.what]
            answer(entering, event.digits, unit)
            return
        found = self._model.of_connection(event.connection)
        if found is not None and found[1].state == "confirming" and found[1].service == event.service:
            self._confirmed(*found, event.digits, unit)

    def _entering(self, event: Collected | Played | ServiceFailed) -> Entering | None:
        contact = self._model.registry.of_customer(event.connection)
        found = self._model.entering.get(contact.id) if contact is not None else None
        return found if found is not None and found.service == event.service else None

    def _number(self, entering: Entering, digits: str, unit: Unit) -> None:
        room = self._model.room_numbered(digits)
        if room is None:
            self._wrong(entering, unit)
        elif not room.host_pin and not room.member_pin:
            self._let_in(entering.contact, entering.connection, room, unit, host=False)
        else:
            self._ask(entering.contact, entering.connection, room.id, entering.attempt, unit)

    def _pin(self, entering: Entering, digits: str, unit: Unit) -> None:
        room = self._model.rooms.get(entering.room)
        if room is not None and pins.fits(digits, room.host_pin):
            self._let_in(entering.contact, entering.connection, room, unit, host=True)
        elif room is not None and (pins.fits(digits, room.member_pin) if room.member_pin else not digits):
            self._let_in(entering.contact, entering.connection, room, unit, host=False)
        else:
            self._wrong(entering, unit)

    def _wrong(self, entering: Entering, unit: Unit) -> None:
        if entering.attempt >= WRONG_TRIES:
            self._refuse(entering.contact, entering.connection, entering.room, "wrong", unit)
        else:
            self._ask(entering.contact, entering.connection, entering.room, entering.attempt + 1, unit)

    def _let_in(self, contact: str, connection: str, room: Room, unit: Unit, *, host: bool) -> None:
        known = self._model.of_room(room.id)
        if known is not None and not host and (known.locked or len(known.members) >= room.size):
            self._refuse(contact, connection, room.id, "locked" if known.locked else "full", unit)
            return
        one = self._acts.conference_in(room, unit)
        self._acts.admit(one, contact, connection, contact, unit, host=host, speaking=host or room.enters == "speaker")

    def _refuse(self, contact: str, connection: str, room: str, cause: str, unit: Unit) -> None:
        unit.tell(m.EntryRefused(contact=contact, connection=connection, room=room, cause=cause))
        self._sorry(self._model.entering[contact], unit)

    def _give_back(self, entering: Entering, unit: Unit) -> None:
        unit.tell(m.EntryEnded(contact=entering.contact, connection=entering.connection, cause=entering.refused or "failed"))
        self._acts.resume(entering.contact, entering.refused or "wrong", unit)

    # --- the ends of what plays --------------------------------------------------------------------------------------------------------

    def _played(self, event: Played, unit: Unit) -> None:
        entering = self._entering(event)
        if entering is not None and entering.what == "sorry":
            self._give_back(entering, unit)
            return
        found = self._model.of_connection(event.connection)
        if found is not None and found[1].state == "greeting" and found[1].service == event.service:
            self._acts.join(*found, unit)

    def _failed(self, event: ServiceFailed, unit: Unit) -> None:
        """What should play or collect cannot: nobody waits for it."""
        entering = self._entering(event)
        if entering is not None:
            self._give_back(entering, unit)
            return
        found = self._model.of_connection(event.connection)
        if found is not None and found[1].state == "greeting" and found[1].service == event.service:
            self._acts.join(*found, unit)

    # --- those who were called ---------------------------------------------------------------------------------------------------------

    def confirm(self, member: Member, unit: Unit) -> None:
        """Whoever was called presses 1 to come, so that no answering machine does."""
        member.service = self._collect(member.connection, member.contact, ["conference.invited"], unit, maximum=1, minimum=1)

    def _confirmed(self, one: Conference, member: Member, digits: str, unit: Unit) -> None:
        if digits != "1":
            self._acts.send_out(one, member, "refused", unit)
            return
        self._acts.admit(one, member.id, member.connection, member.contact, unit, host=member.host, speaking=member.speaking)
