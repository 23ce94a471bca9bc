"""«listen_mailbox»: number and PIN, how many are new, then message after message.

1 again, 2 next, 3 delete, 4 keep as new, 5 call back (where the flow has a way for it), 6 set or cancel notices by text message (where the
flow offers it and the mailbox has a number for them), 0 leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Unit
from yitong.contact.messages import NumberOf
from yitong.ct.events import Collected, CtEvent, Played, ServiceFailed
from yitong.ct.model import Prompt
from yitong.ct.services import Collect, Play
from yitong.domains.mailbox import rules
from yitong.domains.mailbox.model.boxes import Mailbox
from yitong.domains.mailbox.model.kept import Kept
from yitong.domains.mailbox.service import Mailboxes
from yitong.domains.mailbox.steps.speaking import CODE, TRIES, check_mailbox, check_said, said, saying
from yitong.flow.messages import StepRetried
from yitong.flow.prompts import Library
from yitong.flow.step import Place, Problem

_DOOR = ("number", "pin", "wrong")
_INSIDE = ("you_have", "new", "none", "message", "options", "deleted", "kept", "no_more")
_CALL = ("call", "cannot_call")
_NOTICES = ("notice", "notice_on", "notice_off")
_LONGEST_NUMBER, _LONGEST_PIN = 10, 12


class Listening(msgspec.Struct, kw_only=True):
    """Where a caller is. Not a fact: after a restart of core he begins again, behind the door if he was.

    ``asked``: number, pin, message, empty (nothing to hear, but notices may be set), or end (the last word is played).
    ``tries``: what was not understood here, in a row.
    """

    asked: str = ""
    number: str = ""
    order: list[str] = []
    place: int = 0
    tries: int = 0


class ListenMailboxStep:
    """``mailbox``: the code of one; without it the caller gives its number. Outcomes: done, refused (PIN), timeout, failed.

    ``call_back`` adds the outcome of that name, which leads to a step «call_back». ``notices``: key 6 sets and cancels them.
    """

    kind = "listen_mailbox"
    repeats = True
    schema: Mapping[str, Any] = {"properties": {
        "mailbox": CODE, "tries": TRIES, "call_back": {"type": "boolean"}, "notices": {"type": "boolean"},
        **saying((*_DOOR, *_INSIDE, *_CALL, *_NOTICES)),
    }}  # fmt: skip

    def __init__(self, mailboxes: Mailboxes, library: Library) -> None:
        self._mailboxes = mailboxes
        self._library = library
        self._at: dict[str, Listening] = {}

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        more = {"call_back"} if parameters.get("call_back") else set[str]()
        return frozenset({"done", "refused", "timeout", "failed"} | more)

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done", "call_back"})

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        names = (*_DOOR, *_INSIDE, *(_CALL if parameters.get("call_back") else ()), *(_NOTICES if parameters.get("notices") else ()))
        return check_said(step, parameters, names, knowledge) + check_mailbox(step, parameters, knowledge)

    # --- the door ------------------------------------------------------------------------------------------------------------------

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        self._at = {contact: one for contact, one in self._at.items() if self._mailboxes.lives(contact)}
        self._at[place.contact] = Listening()
        if "mailbox" in parameters and self._mailboxes.boxes.coded(parameters["mailbox"]) is None:
            return "failed"
        if self._mailboxes.opened(place.contact):
            return self._inside(place, parameters, unit)
        self._knock(place, parameters, (), unit)
        return None

    def _knock(self, place: Place, parameters: Mapping[str, Any], before: tuple[Prompt, ...], unit: Unit) -> None:
        """Ask for the number, where the flow does not say it, then for the PIN."""
        self._ask_digits(place, parameters, "pin" if "mailbox" in parameters else "number", before, unit)

    def _ask_digits(self, place: Place, parameters: Mapping[str, Any], what: str, before: tuple[Prompt, ...], unit: Unit) -> None:
        longest = _LONGEST_PIN if what == "pin" else _LONGEST_NUMBER
        self._collect(place, what, (*before, *self._say(place, parameters, what)), longest, unit)

    def _collect(self, place: Place, asked: str, prompts: tuple[Prompt, ...], longest: int, unit: Unit) -> None:
        self._at[place.contact].asked = asked
        service = Collect(
            id=unit.new_id(), tenant=place.tenant, connection=place.connection, prompts=prompts, minimum=1, maximum=longest,
            terminators="#" if longest > 1 else "", first_seconds=8.0, between_seconds=5.0,
        )  # fmt: skip
        place.wait_for(service.id)
        unit.ask(service)

    def _say(self, place: Place, parameters: Mapping[str, Any], *names: str) -> tuple[Prompt, ...]:
        pieces = [piece for name in names for piece in said(parameters, name)]
        return self._library.resolve(pieces, place.language, place.values)

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        one = self._at.get(place.contact)
        if one is None or getattr(event, "service", "") != place.waiting:
            return None
        if isinstance(event, ServiceFailed):
            return "failed"
        if isinstance(event, Played) and one.asked == "end":
            return "done"
        if not isinstance(event, Collected) or event.reason == "stopped":
            return None
        if one.asked == "number":
            return self._number_given(place, parameters, event.digits, unit)
        if one.asked == "pin":
            return self._pin_given(place, parameters, event.digits, unit)
        box = self._notified(place, parameters) if event.digits == "6" else None
        if one.asked == "empty":
            told = self._turned(place, parameters, box, unit) if box is not None else ()
            return self._end(place, told, unit)
        if box is not None:
            self._collect(place, "message", (*self._turned(place, parameters, box, unit), *self._options(place, parameters)), 1, unit)
            return None
        return self._key_pressed(place, parameters, one, event.digits, unit)

    def _number_given(self, place: Place, parameters: Mapping[str, Any], digits: str, unit: Unit) -> str | None:
        if not digits:
            return self._again(place, parameters, "timeout", unit)
        self._at[place.contact].number = digits
        self._ask_digits(place, parameters, "pin", (), unit)
        return None

    def _pin_given(self, place: Place, parameters: Mapping[str, Any], digits: str, unit: Unit) -> str | None:
        """A number that no mailbox has is asked for its PIN too, so that nobody learns which there are."""
        if not digits:
            return self._again(place, parameters, "timeout", unit)
        boxes = self._mailboxes.boxes
        box = boxes.coded(parameters["mailbox"]) if "mailbox" in parameters else boxes.numbered(self._at[place.contact].number)
        if self._mailboxes.try_pin(place.contact, box, digits, unit):
            return self._inside(place, parameters, unit)
        return self._again(place, parameters, "wrong", unit)

    def _again(self, place: Place, parameters: Mapping[str, Any], reason: str, unit: Unit) -> str | None:
        """From the beginning, after a pause that doubles with each try."""
        if place.attempt >= parameters.get("tries", 3):
            return "refused" if reason == "wrong" else "timeout"
        unit.tell(StepRetried(contact=place.contact, step=place.step, reason=reason, attempt=place.attempt + 1))
        pause = (Prompt(silence_ms=1000 << min(place.attempt - 1, 4)), *self._say(place, parameters, "wrong")) if reason == "wrong" else ()
        self._knock(place, parameters, pause, unit)
        return None

    # --- inside --------------------------------------------------------------------------------------------------------------------

    def _inside(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        """Say how many are new, then the first one."""
        held = self._mailboxes.held(self._mailboxes.opened(place.contact))
        one = self._at[place.contact]
        one.order, one.place, one.tries = rules.in_order(held.values()), 0, 0
        if not one.order:
            return self._nothing(place, parameters, self._say(place, parameters, "none"), unit)
        new, _ = rules.counted(held.values())
        count = self._library.number(new, place.language)
        before = (*self._say(place, parameters, "you_have"), *count, *self._say(place, parameters, "new"))
        return self._play(place, parameters, one, before, unit)

    def _current(self, place: Place, one: Listening) -> Kept | None:
        """The message that is to be played; those that were deleted at a desk meanwhile are passed over."""
        held = self._mailboxes.held(self._mailboxes.opened(place.contact))
        while one.place < len(one.order):
            found = held.get(one.order[one.place])
            if found is not None and found.status != "deleted":
                return found
            one.place += 1
        return None

    def _play(
        self, place: Place, parameters: Mapping[str, Any], one: Listening, before: tuple[Prompt, ...], unit: Unit
    ) -> str | None:  # fmt: skip
        """The present message and what may be done with it."""
        kept = self._current(place, one)
        if kept is None:
            return self._nothing(place, parameters, (*before, *self._say(place, parameters, "no_more")), unit)
        number = self._library.number(one.place + 1, place.language)
        sound = Prompt(file=f"recording:{kept.file}")
        head = (*before, *self._say(place, parameters, "message"), *number, sound)
        if parameters.get("call_back") and kept.calling:
            unit.inquire(NumberOf(contact=place.contact, personal=kept.calling))
        self._collect(place, "message", (*head, *self._options(place, parameters)), 1, unit)
        return None

    def _options(self, place: Place, parameters: Mapping[str, Any]) -> tuple[Prompt, ...]:
        notice = ["notice"] if self._notified(place, parameters) is not None else []
        return self._say(place, parameters, *(["call"] if parameters.get("call_back") else []), *notice, "options")

    def _notified(self, place: Place, parameters: Mapping[str, Any]) -> Mailbox | None:
        """The opened mailbox, where notices may be set and cancelled here."""
        box = self._mailboxes.boxes.get(self._mailboxes.opened(place.contact)) if parameters.get("notices") else None
        return box if box is not None and box.notify_number else None

    def _nothing(self, place: Place, parameters: Mapping[str, Any], prompts: tuple[Prompt, ...], unit: Unit) -> str | None:
        """There is nothing (more) to hear; notices may still be set or cancelled."""
        if self._notified(place, parameters) is None:
            return self._end(place, prompts, unit)
        self._collect(place, "empty", (*prompts, *self._say(place, parameters, "notice")), 1, unit)
        return None

    def _turned(self, place: Place, parameters: Mapping[str, Any], box: Mailbox, unit: Unit) -> tuple[Prompt, ...]:
        """Set notices if they are off, cancel them if they are on; what is said of it."""
        on = not self._mailboxes.notices.on(box)
        self._mailboxes.notices.turn(box, on, unit, cause="telephone", contact=place.contact)
        return self._say(place, parameters, "notice_on" if on else "notice_off")

    def _key_pressed(self, place: Place, parameters: Mapping[str, Any], one: Listening, key: str, unit: Unit) -> str | None:
        kept = self._current(place, one)
        if kept is not None and key not in ("3", "4"):
            self._mailboxes.mark(kept, "heard", unit, cause="telephone")
        if key == "5" and parameters.get("call_back") and kept is not None:
            if self._mailboxes.call_back(place.contact, kept):
                return "call_back"
            return self._refuse_call(place, parameters, unit)
        one.tries = 0 if key in ("0", "1", "2", "3", "4") else one.tries + 1
        if key == "0" or one.tries >= parameters.get("tries", 3):
            return "done"
        before: tuple[Prompt, ...] = ()
        if key in ("3", "4") and kept is not None:
            self._mailboxes.mark(kept, "deleted" if key == "3" else "new", unit, cause="telephone")
            before = self._say(place, parameters, "deleted" if key == "3" else "kept")
        if key in ("2", "3", "4"):
            one.place += 1
        elif key != "1":
            self._collect(place, "message", self._options(place, parameters), 1, unit)
            return None
        return self._play(place, parameters, one, before, unit)

    def _refuse_call(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        prompts = (*self._say(place, parameters, "cannot_call"), *self._options(place, parameters))
        self._collect(place, "message", prompts, 1, unit)
        return None

    def _end(self, place: Place, prompts: tuple[Prompt, ...], unit: Unit) -> str | None:
        if not prompts:
            return "done"
        self._at[place.contact].asked = "end"
        service = Play(id=unit.new_id(), tenant=place.tenant, connection=place.connection, prompts=prompts)
        place.wait_for(service.id)
        unit.ask(service)
        return None
