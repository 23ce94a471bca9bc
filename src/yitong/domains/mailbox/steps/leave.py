"""«leave_message»: greeting, beep, the caller speaks; then 1 keeps it, 2 plays it, 3 says it again. Who hangs up has left it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yitong.contact.bus import Unit
from yitong.ct.events import Collected, CtEvent, MessageRecorded, ServiceFailed
from yitong.ct.model import Prompt
from yitong.ct.services import Collect
from yitong.domains.mailbox import rules
from yitong.domains.mailbox.model.boxes import Mailbox
from yitong.domains.mailbox.model.kept import Draft
from yitong.domains.mailbox.service import Mailboxes
from yitong.domains.mailbox.steps.speaking import CODE, TRIES, check_mailbox, check_said, said, saying
from yitong.flow.messages import StepRetried
from yitong.flow.prompts import PIECES_SCHEMA, Library
from yitong.flow.step import Place, Problem

BEEP = Prompt(tone="beep")
_SAID = ("review", "too_short")


class LeaveMessageStep:
    """``mailbox``: the code of one; without it, that of the number called. ``prompts``: in place of the mailbox's own greeting.

    Outcomes: done (a message was left), nothing (nobody spoke), full (the mailbox is), failed (no such mailbox, or it cannot be recorded).
    """

    kind = "leave_message"
    repeats = True
    schema: Mapping[str, Any] = {
        "properties": {
            "mailbox": CODE, "prompts": PIECES_SCHEMA, "review": {"type": "boolean"}, "tries": TRIES, **saying(_SAID),
        },
    }  # fmt: skip

    def __init__(self, mailboxes: Mailboxes, library: Library) -> None:
        self._mailboxes = mailboxes
        self._library = library

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done", "nothing", "full", "failed"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done"})

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        greeting = [*parameters.get("prompts", ())]
        names = _SAID if parameters.get("review", True) else ("too_short",)
        problems = check_said(step, {**parameters, "greeting_prompts": greeting}, ("greeting", *names), knowledge)
        return problems + check_mailbox(step, parameters, knowledge)

    def _box(self, place: Place, parameters: Mapping[str, Any]) -> Mailbox | None:
        boxes = self._mailboxes.boxes
        code = str(parameters.get("mailbox", ""))
        return boxes.coded(code) if code else boxes.of_called(str(place.values.get("contact", {}).get("number", "")))

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        """Begin, or after a restart of core go on where the caller is: still speaking, or asked what is to become of it."""
        box = self._box(place, parameters)
        if box is None:
            return "failed"
        draft = self._mailboxes.draft_of(place.contact)
        if draft is not None:
            return self._go_on(place, parameters, draft, unit)
        if rules.full(self._mailboxes.held(box.id).values()):
            return "full"
        pieces = parameters.get("prompts") or ([box.greeting] if box.greeting else ["mailbox.greeting"])
        self._record(place, parameters, box, list(pieces), unit)
        return None

    def _go_on(self, place: Place, parameters: Mapping[str, Any], draft: Draft, unit: Unit) -> str | None:
        if not draft.taken:
            place.wait_for(draft.message)
            return None
        return self._spoken(place, parameters, draft, unit)

    def _record(self, place: Place, parameters: Mapping[str, Any], box: Mailbox, pieces: list[Any], unit: Unit) -> None:
        prompts = self._library.resolve(pieces, place.language, place.values)
        place.wait_for(self._mailboxes.begin(place.contact, box, (*prompts, BEEP), unit))

    def _spoken(self, place: Place, parameters: Mapping[str, Any], draft: Draft, unit: Unit) -> str | None:
        """There is a message: what is to become of it?"""
        if not parameters.get("review", True):
            self._mailboxes.keep(draft, "kept", unit)
            return "done"
        self._ask(place, parameters, (), unit)
        return None

    def _ask(self, place: Place, parameters: Mapping[str, Any], before: tuple[Prompt, ...], unit: Unit) -> None:
        prompts = self._library.resolve(said(parameters, "review"), place.language, place.values)
        service = Collect(id=unit.new_id(), tenant=place.tenant, connection=place.connection, prompts=(*before, *prompts), discard=True)
        place.wait_for(service.id)
        unit.ask(service)

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        if isinstance(event, MessageRecorded) and event.service == place.waiting:
            return self._recorded(place, parameters, event, unit)
        draft = self._mailboxes.draft_of(place.contact)
        if isinstance(event, ServiceFailed) and event.service == place.waiting:
            if draft is not None and draft.taken:
                self._mailboxes.keep(draft, "no_answer", unit)
                return "done"
            return "failed"
        if isinstance(event, Collected) and event.service == place.waiting and event.reason != "stopped" and draft is not None:
            return self._chosen(place, parameters, draft, event.digits, unit)
        return None

    def _recorded(self, place: Place, parameters: Mapping[str, Any], event: MessageRecorded, unit: Unit) -> str | None:
        """The mailboxes have heard it before: a message is there, or it was too short."""
        if event.reason == "hung_up":
            return None
        draft = self._mailboxes.draft_of(place.contact)
        if draft is not None and draft.taken:
            return self._spoken(place, parameters, draft, unit)
        box = self._box(place, parameters)
        if box is None or event.reason == "failed":
            return "failed"
        if place.attempt >= parameters.get("tries", 2):
            return "nothing"
        unit.tell(StepRetried(contact=place.contact, step=place.step, reason="timeout", attempt=place.attempt + 1))
        silent = event.reason == "prompt_missing"
        self._record(place, parameters, box, [] if silent else said(parameters, "too_short"), unit)
        return None

    def _chosen(self, place: Place, parameters: Mapping[str, Any], draft: Draft, key: str, unit: Unit) -> str | None:
        box = self._mailboxes.boxes.get(draft.mailbox)
        if key == "1" or (not key and place.attempt > parameters.get("tries", 2)) or box is None:
            self._mailboxes.keep(draft, "kept" if key else "no_answer", unit)
            return "done"
        if key == "2":
            self._ask(place, parameters, (Prompt(file=f"recording:{draft.file}"),), unit)
        elif key == "3":
            self._mailboxes.drop(draft, "again", unit)
            self._record(place, parameters, box, [], unit)
        else:
            reason = "wrong" if key else "timeout"
            unit.tell(StepRetried(contact=place.contact, step=place.step, reason=reason, attempt=place.attempt + 1))
            self._ask(place, parameters, (), unit)
        return None
