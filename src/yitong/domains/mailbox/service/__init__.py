"""Takes messages into mailboxes, opens them by PIN, keeps them as long as they are to be kept, and lights the lamps of their owners.

A message that is being spoken belongs to the switch until ``MessageRecorded``: core may die meanwhile, or the caller hang up. What the
switch told is taken up afterwards; of what nobody knows, the file says what there is (``MessageUnsure``, ``service/keeping.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.deadlines import Deadlines
from yitong.contact.messages import ContactEnded, NumberOf
from yitong.contact.registry import Registry
from yitong.ct.events import MessageRecorded, ServiceFailed, Snapshot
from yitong.ct.model import Prompt
from yitong.ct.services import RecordMessage
from yitong.domains.mailbox import rules
from yitong.domains.mailbox.messages import (
    MailboxOpened,
    MarkMessage,
    MessageAsked,
    MessageDropped,
    MessageLeft,
    MessageMarked,
    MessageRemoved,
    MessageTaken,
    MessageUnsure,
    PinRefused,
    SettleMessage,
    Status,
)
from yitong.domains.mailbox.model.boxes import Boxes, Mailbox
from yitong.domains.mailbox.model.calling import Calling
from yitong.domains.mailbox.model.kept import Draft, Kept, MailboxState, Tries
from yitong.domains.mailbox.service.lamps import Lamps
from yitong.domains.mailbox.service.notices import Notices

CLOSE_LEASE_US = 30_000_000
"""How long after the caller's end the switch may take to tell what it recorded."""


class Mailboxes:
    """The part of a partition that keeps mailboxes."""

    name = "mailbox"

    def __init__(self, bus: Bus, registry: Registry, *, tenant: str, site: str) -> None:
        self.boxes = Boxes(site)
        self.state = MailboxState()
        self.lamps = Lamps(self.boxes, tenant, site)
        self.calling = Calling()
        self.numbers: dict[str, dict[str, str]] = {}
        """What was asked for callers who listen: contact → Personal record → number. In memory only."""
        self.call_backs: dict[str, str] = {}
        self._registry = registry
        self._tenant = tenant
        self._deadlines = Deadlines()
        for kind, apply in (
            (MessageAsked, self._asked), (MessageTaken, self._taken), (MessageLeft, self._left), (MessageDropped, self._dropped),
            (MessageUnsure, self._unsure), (MessageMarked, self._marked), (MessageRemoved, self._removed), (MailboxOpened, self._opened),
            (PinRefused, self._pin_refused), (ContactEnded, self._contact_ended),
        ):  # fmt: skip
            bus.applies(kind, apply)
        bus.reacts(ContactEnded, self._keep_what_was_said)
        bus.hears(MessageRecorded, self._recorded)
        bus.hears(ServiceFailed, self._failed)
        bus.obeys(MarkMessage, self._mark)
        bus.obeys(SettleMessage, self._settle)
        bus.answers(NumberOf, self._number_known)
        self.notices = Notices(bus, self.boxes, self.held, lambda: self.state.notices, site)
        bus.settles(lambda unit: self.lamps.tell(self.state.messages, unit))

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Mailboxes, and the extensions of their owners."""
        self.lamps.configure(kind, key, value)
        self.calling.configure(kind, key, value)
        self.notices.configure(kind, key, value)
        if kind == "mailbox":
            self.boxes.configure(key, value)
            for one in self.state.messages.get(key, {}).values():
                self._keep_until(one)

    # --- reading -------------------------------------------------------------------------------------------------------------------

    def draft_of(self, contact: str) -> Draft | None:
        """The message that a live contact leaves."""
        return next((one for one in self.state.drafts.values() if one.contact == contact and not one.unsure and not one.over_at), None)

    def held(self, mailbox: str) -> Mapping[str, Kept]:
        """What is in a mailbox, deleted ones too."""
        return self.state.messages.get(mailbox, {})

    def opened(self, contact: str) -> str:
        """The mailbox that a caller has opened by its PIN, or empty."""
        return self.state.open.get(contact, "")

    def lives(self, contact: str) -> bool:
        """The contact has not ended."""
        return self._registry.get(contact) is not None

    # --- asked by steps ------------------------------------------------------------------------------------------------------------

    def begin(self, contact: str, box: Mailbox, prompts: tuple[Prompt, ...], unit: Unit) -> str:
        """Let the contact speak after ``prompts``; the message's id, which is that of the service too."""
        live = self._registry.get(contact)
        message = unit.new_id()
        if live is None:
            return message
        day = datetime.fromtimestamp(unit.now // 1_000_000, UTC)
        file = f"messages/{self._tenant}/{day:%Y/%m/%d}/{message}.wav"
        unit.tell(MessageAsked(
            contact=contact, segment=live.segment, connection=live.connection, mailbox=box.id, message=message, file=file
        ))  # fmt: skip
        unit.ask(RecordMessage(
            id=message, tenant=self._tenant, connection=live.connection, file=file, prompts=prompts, maximum_seconds=box.longest_seconds,
            silence_seconds=box.silence_seconds, terminators="#",
        ))  # fmt: skip
        return message

    def keep(self, draft: Draft, cause: str, unit: Unit) -> None:
        """What was said is in the mailbox."""
        unit.tell(MessageLeft(
            contact=draft.contact, segment=self._segment(draft.contact), connection=draft.connection, cause=cause, mailbox=draft.mailbox,
            message=draft.message, file=draft.file, milliseconds=draft.milliseconds, bytes=draft.bytes, sha256=draft.sha256,
        ))  # fmt: skip

    def drop(self, draft: Draft, cause: str, unit: Unit) -> None:
        """What was said is thrown away."""
        unit.tell(MessageDropped(
            contact=draft.contact, segment=self._segment(draft.contact), connection=draft.connection, cause=cause, mailbox=draft.mailbox,
            message=draft.message,
        ))  # fmt: skip

    def try_pin(self, contact: str, box: Mailbox | None, pin: str, unit: Unit) -> bool:
        """Open a mailbox by telephone; whether it did. Wrong PINs in a row shut it, and nobody is told."""
        tries = self.state.tries.get(box.id) if box is not None else None
        segment = self._segment(contact)
        if box is not None and rules.opens(box, pin, tries, unit.now):
            new, heard = rules.counted(self.held(box.id).values())
            unit.tell(MailboxOpened(contact=contact, segment=segment, mailbox=box.id, new=new, heard=heard))
            return True
        if box is None:
            unit.tell(PinRefused(contact=contact, segment=segment, mailbox=""))
            return False
        shut = tries.shut_until if tries is not None and tries.shut_until > unit.now else 0
        until = shut or rules.shut_until((tries.wrong if tries is not None else 0) + 1, unit.now)
        unit.tell(PinRefused(contact=contact, segment=segment, mailbox=box.id, shut_until=until))
        return False

    def mark(self, one: Kept, status: Status, unit: Unit, *, agent: str = "", cause: str = "") -> None:
        """Make a message new, heard or deleted, unless it is."""
        if one.status != status:
            unit.tell(MessageMarked(
                contact=one.contact, agent=agent, cause=cause, mailbox=one.mailbox, message=one.message, status=status
            ))  # fmt: skip

    def call_back(self, contact: str, one: Kept) -> bool:
        """Have «call_back» ring whoever left the message; whether he may be called."""
        number = self.numbers.get(contact, {}).get(one.calling, "")
        box = self.boxes.get(one.mailbox)
        if box is None or not self.calling.may_call(number, box.owners):
            return False
        self.call_backs[contact] = number
        return True

    def _number_known(self, question: NumberOf, number: str, unit: Unit) -> None:
        if self.lives(question.contact):
            self.numbers.setdefault(question.contact, {})[question.personal] = number

    def _segment(self, contact: str) -> str:
        live = self._registry.get(contact)
        return live.segment if live is not None else ""

    # --- told by the switch --------------------------------------------------------------------------------------------------------

    def _recorded(self, event: MessageRecorded, unit: Unit) -> None:
        draft = self.state.drafts.get(event.service)
        if draft is None or draft.taken:
            return
        box = self.boxes.get(draft.mailbox)
        if event.reason == "failed" and not event.milliseconds:
            self._doubt(draft, "failed", unit)  # the audio was lost; what was said before may be in the file
        elif not event.milliseconds or (box is not None and not rules.long_enough(event.milliseconds, event.reason, box)):
            self.drop(draft, "too_short" if event.reason != "prompt_missing" else event.reason, unit)
        else:
            self._take(draft, event.reason, event.milliseconds, event.bytes, event.sha256, unit)
            if draft.over_at:
                self.keep(draft, "hung_up", unit)

    def _failed(self, event: ServiceFailed, unit: Unit) -> None:
        draft = self.state.drafts.get(event.service)
        if draft is not None and not draft.taken:
            self.drop(draft, event.reason, unit)

    def _take(self, draft: Draft, cause: str, milliseconds: int, size: int, sha256: str, unit: Unit) -> None:
        unit.tell(MessageTaken(
            contact=draft.contact, segment=self._segment(draft.contact), connection=draft.connection, cause=cause, mailbox=draft.mailbox,
            message=draft.message, milliseconds=milliseconds, bytes=size, sha256=sha256,
        ))  # fmt: skip

    def _doubt(self, draft: Draft, cause: str, unit: Unit) -> None:
        unit.tell(MessageUnsure(
            contact=draft.contact, segment=self._segment(draft.contact), connection=draft.connection, cause=cause, mailbox=draft.mailbox,
            message=draft.message,
        ))  # fmt: skip

    def _keep_what_was_said(self, fact: ContactEnded, unit: Unit) -> None:
        """Who hangs up instead of choosing has left the message."""
        for draft in [one for one in self.state.drafts.values() if one.contact == fact.contact and one.taken]:
            self.keep(draft, "hung_up", unit)

    # --- commands ------------------------------------------------------------------------------------------------------------------

    def _mark(self, command: MarkMessage, unit: Unit) -> str:
        one = self.held(command.mailbox).get(command.message)
        if one is None:
            raise Refused("not_found")
        before = one.status
        self.mark(one, command.status, unit, agent=command.agent)
        return before

    def _settle(self, command: SettleMessage, unit: Unit) -> bool:
        draft = self.state.drafts.get(command.message)
        if draft is None or not draft.unsure:
            return False
        box = self.boxes.get(draft.mailbox)
        if command.milliseconds <= 0 or (box is not None and not rules.long_enough(command.milliseconds, "", box)):
            self.drop(draft, "too_short", unit)
            return True
        self._take(draft, "found", command.milliseconds, command.bytes, command.sha256, unit)
        self.keep(draft, "found", unit)
        return True

    # --- facts ---------------------------------------------------------------------------------------------------------------------

    def _asked(self, fact: MessageAsked, at: int) -> None:
        live = self._registry.get(fact.contact)
        self.state.drafts[fact.message] = Draft(
            message=fact.message, mailbox=fact.mailbox, contact=fact.contact, connection=fact.connection, file=fact.file, at=at,
            calling=live.calling_id if live is not None else "",
        )  # fmt: skip

    def _taken(self, fact: MessageTaken, at: int) -> None:
        draft = self.state.drafts.get(fact.message)
        if draft is not None:
            draft.milliseconds, draft.bytes, draft.sha256, draft.unsure = fact.milliseconds, fact.bytes, fact.sha256, False
            self._deadlines.drop(f"draft:{fact.message}")

    def _left(self, fact: MessageLeft, at: int) -> None:
        draft = self.state.drafts.pop(fact.message, None)
        self._deadlines.drop(f"draft:{fact.message}")
        one = Kept(
            message=fact.message, mailbox=fact.mailbox, contact=fact.contact, file=fact.file, milliseconds=fact.milliseconds, at=at,
            marked_at=at, calling=draft.calling if draft is not None else "",
        )  # fmt: skip
        self.state.messages.setdefault(fact.mailbox, {})[fact.message] = one
        self._keep_until(one)
        self.lamps.changed = True

    def _dropped(self, fact: MessageDropped, at: int) -> None:
        self.state.drafts.pop(fact.message, None)
        self._deadlines.drop(f"draft:{fact.message}")

    def _unsure(self, fact: MessageUnsure, at: int) -> None:
        draft = self.state.drafts.get(fact.message)
        if draft is not None:
            draft.unsure = True
            self._deadlines.drop(f"draft:{fact.message}")

    def _marked(self, fact: MessageMarked, at: int) -> None:
        one = self.held(fact.mailbox).get(fact.message)
        if one is not None:
            one.status, one.marked_at = fact.status, at
            self._keep_until(one)
            self.lamps.changed = True

    def _removed(self, fact: MessageRemoved, at: int) -> None:
        messages = self.state.messages.get(fact.mailbox, {})
        messages.pop(fact.message, None)
        if not messages:
            self.state.messages.pop(fact.mailbox, None)
        self._deadlines.drop(f"{fact.mailbox}:{fact.message}")
        self.lamps.changed = True

    def _opened(self, fact: MailboxOpened, at: int) -> None:
        self.state.open[fact.contact] = fact.mailbox
        self.state.tries.pop(fact.mailbox, None)

    def _pin_refused(self, fact: PinRefused, at: int) -> None:
        if fact.mailbox:
            tries = self.state.tries.setdefault(fact.mailbox, Tries())
            tries.wrong, tries.shut_until = tries.wrong + 1, fact.shut_until

    def _contact_ended(self, fact: ContactEnded, at: int) -> None:
        self.state.open.pop(fact.contact, None)
        self.numbers.pop(fact.contact, None)
        self.call_backs.pop(fact.contact, None)
        for draft in self.state.drafts.values():
            if draft.contact == fact.contact and not draft.over_at:
                draft.over_at = at
                self._watch(draft)

    # --- time and healing ----------------------------------------------------------------------------------------------------------

    def _keep_until(self, one: Kept) -> None:
        self._deadlines.set(f"{one.mailbox}:{one.message}", rules.gone_at(one, self.boxes.get(one.mailbox)))

    def _watch(self, draft: Draft) -> None:
        if not draft.taken and not draft.unsure:
            self._deadlines.set(f"draft:{draft.message}", draft.over_at + CLOSE_LEASE_US)

    def next_deadline(self) -> int | None:
        return min((at for at in (self._deadlines.next(), self.notices.next_deadline()) if at is not None), default=None)

    def timer(self, unit: Unit) -> None:
        """Messages whose time is over are removed; of one that the switch never told of, the file says what there is; notices go out."""
        for key in self._deadlines.due(unit.now):
            mailbox, _, message = key.partition(":")
            draft, one = self.state.drafts.get(message), self.held(mailbox).get(message)
            if mailbox == "draft" and draft is not None:
                self._doubt(draft, "silent", unit)
            elif one is not None:
                unit.tell(MessageRemoved(contact=one.contact, cause=rules.removal_cause(one), mailbox=mailbox, message=message))
        self.notices.timer(unit)

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """A message that the switch does not take (any more), though its caller is there and nothing was told of its end."""
        self.lamps.met(snapshot.epoch)
        there = {connection.connection: connection.collecting for connection in snapshot.connections}
        lost = [
            draft for draft in self.state.drafts.values()
            if not draft.taken and not draft.unsure and not draft.over_at and draft.at + fresh_us <= unit.now
            and there.get(draft.connection, draft.message) != draft.message
        ]  # fmt: skip
        for draft in lost:
            self._doubt(draft, "interrupted", unit)
        return len(lost)

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self.state)

    def load(self, data: bytes, now: int) -> None:
        self.state = msgspec.msgpack.decode(data, type=MailboxState)
        self._deadlines.clear()
        self.notices.loaded()
        for messages in self.state.messages.values():
            for one in messages.values():
                self._keep_until(one)
        for draft in self.state.drafts.values():
            if draft.over_at:
                self._watch(draft)
