"""Notices by text message: the number of a mailbox's owner is told of new messages until somebody has heard them (H45, H46, H47).

A message makes the first notice due at once; each notice names when the next one is due. The hours of the mailbox put it off. Whoever hears
or deletes the last new message, at the desk or by telephone, ends it, and what has not left yet is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.deadlines import Deadlines
from yitong.domains.mailbox import rules
from yitong.domains.mailbox.messages import (
    MessageLeft,
    MessageMarked,
    MessageRemoved,
    NoticeOver,
    NoticePut,
    NoticeSent,
    NoticeSet,
    SetNotice,
)
from yitong.domains.mailbox.model.boxes import Boxes, Mailbox
from yitong.domains.mailbox.model.kept import Kept, Notice
from yitong.domains.messaging.messages import CancelText, SendText
from yitong.kit.clock import SECOND
from yitong.kit.week import is_open

LASTING_SECONDS = 2 * 3600
"""A notice that could not be sent for so long says nothing worth knowing."""
_STEP = 300 * SECOND
_WEEK_STEPS = 8 * 24 * 12


class Notices:
    """``held`` gives the messages of a mailbox, ``all`` the notices as the partition's snapshot keeps them."""

    def __init__(
        self, bus: Bus, boxes: Boxes, held: Callable[[str], Mapping[str, Kept]], all_: Callable[[], dict[str, Notice]], site: str
    ) -> None:
        self._boxes = boxes
        self._held = held
        self._all = all_
        self._site = site
        self._zone = self._tenant_zone = ""
        self._language = "zh-CN"
        self._deadlines = Deadlines()
        bus.applies(MessageLeft, self._left)
        bus.applies(NoticeSet, self._was_set)
        bus.applies(NoticeSent, self._sent)
        bus.applies(NoticePut, self._put_off)
        bus.applies(NoticeOver, self._over)
        bus.reacts(MessageMarked, self._perhaps_heard)
        bus.reacts(MessageRemoved, self._perhaps_heard)
        bus.obeys(SetNotice, self._set)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """The zone in which hours are meant, and the language of notices."""
        if kind == "tenant" and value is not None:
            self._tenant_zone, self._language = str(value.get("zone") or ""), str(value.get("language") or "zh-CN")
        elif kind == "site" and key == self._site:
            self._zone = str((value or {}).get("zone") or "")

    def of(self, mailbox: str) -> Notice:
        """How the mailbox stands."""
        return self._all().get(mailbox) or Notice()

    def on(self, box: Mailbox) -> bool:
        """Whether its owner is notified."""
        return bool(box.notify_number) and not self.of(box.id).off

    # --- turning it on and off -------------------------------------------------------------------------------------------------------

    def turn(self, box: Mailbox, on: bool, unit: Unit, *, agent: str = "", cause: str = "", contact: str = "") -> None:
        """By telephone or at the desk. Turned on, new messages that wait are told at once."""
        if on == self.on(box):
            return
        unit.tell(NoticeSet(contact=contact, agent=agent, cause=cause, mailbox=box.id, on=on))
        if not on:
            self._end(box.id, "off", unit)

    def _set(self, command: SetNotice, unit: Unit) -> None:
        box = self._boxes.get(command.mailbox)
        if box is None:
            raise Refused("not_found")
        if not box.notify_number:
            raise Refused("no_notice")
        self.turn(box, command.on, unit, agent=command.agent)

    # --- time ------------------------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        return self._deadlines.next()

    def timer(self, unit: Unit) -> None:
        """Notices that are due."""
        for mailbox in self._deadlines.due(unit.now):
            notice = self.of(mailbox)
            if notice.due and notice.due <= unit.now:
                self._notify(mailbox, notice, unit)

    def _notify(self, mailbox: str, notice: Notice, unit: Unit) -> None:
        box = self._boxes.get(mailbox)
        new, _ = rules.counted(self._held(mailbox).values())
        if box is None or not self.on(box) or not new:
            self._end(mailbox, "heard" if not new else "off", unit)
            return
        opens = self._opens(box, unit.now)
        if opens > unit.now:
            unit.tell(NoticePut(contact=notice.contact, mailbox=mailbox, next_at=opens))
            return
        try:
            order = SendText(
                recipient=box.notify_number, body=rules.notice(box, new, self._language), source="mailbox", mailbox=mailbox,
                contact=notice.contact, lasting_seconds=LASTING_SECONDS,
            )  # fmt: skip
            text = str(unit.obey(order))
        except Refused as refused:
            self._end(mailbox, refused.code, unit)
            return
        again = box.notify_minutes > 0 and notice.sent + 1 < box.notify_times
        unit.tell(NoticeSent(
            contact=notice.contact, mailbox=mailbox, text=text, number=notice.sent + 1,
            next_at=unit.now + box.notify_minutes * 60 * SECOND if again else 0,
        ))  # fmt: skip

    def _opens(self, box: Mailbox, now: int) -> int:
        """The moment from ``now`` on at which notices may be sent, to five minutes; ``now`` when they never may."""
        zone = self._zone or self._tenant_zone or "UTC"
        if not box.notify_hours or is_open(now, zone, box.notify_hours):
            return now
        first = now - now % _STEP + _STEP
        moments = (first + step * _STEP for step in range(_WEEK_STEPS))
        return next((moment for moment in moments if is_open(moment, zone, box.notify_hours)), now)

    def _perhaps_heard(self, fact: MessageMarked | MessageRemoved, unit: Unit) -> None:
        if rules.counted(self._held(fact.mailbox).values())[0] == 0:
            self._end(fact.mailbox, "heard", unit)

    def _end(self, mailbox: str, cause: str, unit: Unit) -> None:
        notice = self._all().get(mailbox)
        if notice is None or not (notice.due or notice.text):
            return
        if notice.text:
            unit.obey(CancelText(text=notice.text, contact=notice.contact))
        unit.tell(NoticeOver(contact=notice.contact, cause=cause, mailbox=mailbox))

    # --- facts -----------------------------------------------------------------------------------------------------------------------

    def _mine(self, mailbox: str) -> Notice:
        return self._all().setdefault(mailbox, Notice())

    def _due(self, mailbox: str, at: int) -> None:
        self._mine(mailbox).due = at
        if at:
            self._deadlines.set(mailbox, at)
        else:
            self._deadlines.drop(mailbox)

    def _left(self, fact: MessageLeft, at: int) -> None:
        box = self._boxes.get(fact.mailbox)
        if box is not None and self.on(box):
            notice = self._mine(fact.mailbox)
            notice.sent, notice.contact = 0, fact.contact
            self._due(fact.mailbox, at)

    def _was_set(self, fact: NoticeSet, at: int) -> None:
        notice = self._mine(fact.mailbox)
        notice.off = not fact.on
        if fact.on:
            new = [one for one in self._held(fact.mailbox).values() if one.status == "new"]
            if new:
                notice.sent, notice.contact = 0, new[-1].contact
                self._due(fact.mailbox, at)

    def _sent(self, fact: NoticeSent, at: int) -> None:
        notice = self._mine(fact.mailbox)
        notice.sent, notice.text = fact.number, fact.text
        self._due(fact.mailbox, fact.next_at)

    def _put_off(self, fact: NoticePut, at: int) -> None:
        self._due(fact.mailbox, fact.next_at)

    def _over(self, fact: NoticeOver, at: int) -> None:
        notice = self._mine(fact.mailbox)
        notice.sent, notice.text = 0, ""
        self._due(fact.mailbox, 0)
        if not notice.off:
            self._all().pop(fact.mailbox, None)

    def loaded(self) -> None:
        """The snapshot was read."""
        self._deadlines.clear()
        for mailbox, notice in self._all().items():
            if notice.due:
                self._deadlines.set(mailbox, notice.due)
