"""What the dispatcher is asked. A command that does not fit the moment is refused with ``wrong_state`` and changes nothing."""

from __future__ import annotations

from typing import Literal

from yitong.contact.messages import Command

Duty = Literal["logged_off", "not_ready", "ready"]


class EnqueueContact(Command, frozen=True, tag=True):
    """Let a contact wait in a queue (id or code). Answers "" when it waits, else why not: full, no_agents.

    ``virtual_arrival`` keeps a place from before (0: the contact's first place here, or now); ``priority`` adds to the queue's.
    """

    contact: str
    queue: str
    priority: int = 0
    virtual_arrival: int = 0


class LeaveQueue(Command, frozen=True, tag=True):
    """Take a contact out of its queue with an outcome (flowed_out, callback)."""

    contact: str
    outcome: str = "flowed_out"


class SetAgentState(Command, frozen=True, tag=True):
    """An agent's duty. During a call ``not_ready`` asks for a break after it; ``logged_off`` is refused (wrong_state)."""

    agent: str
    state: Duty
    reason: str = ""


class LockDesk(Command, frozen=True, tag=True):
    """A break with ``reason`` behind a lock. Refused (wrong_state) while the agent has a contact; he is not ready until it is unlocked."""

    agent: str
    reason: str = ""


class UnlockDesk(Command, frozen=True, tag=True):
    """The end of the lock; the break goes on. ``by``: agent, supervisor."""

    agent: str
    by: str = "agent"


class RefuseOffer(Command, frozen=True, tag=True):
    """The agent does not take this offer; the next one gets it."""

    agent: str
    assignment: str


class OpenContact(Command, frozen=True, tag=True):
    """Take an offered contact that is not switched (a mail): the answer to it is written at the desk."""

    agent: str
    assignment: str


class ReturnContact(Command, frozen=True, tag=True):
    """Give a contact that is not switched back, to its queue or another one (id or code); it keeps its place there."""

    agent: str
    assignment: str
    queue: str = ""


class HoldContact(Command, frozen=True, tag=True):
    """The customer hears music until retrieved."""

    agent: str
    assignment: str


class RetrieveContact(Command, frozen=True, tag=True):
    """The end of a hold."""

    agent: str
    assignment: str


class HangUp(Command, frozen=True, tag=True):
    """The agent's part of the call ends; the customer goes on in the flow (survey). A mail is done with it."""

    agent: str
    assignment: str


class Consult(Command, frozen=True, tag=True):
    """Ask somebody about the contact while the customer waits: an agent by id, or whoever has ``number`` (an extension, or outside)."""

    agent: str
    assignment: str
    to_agent: str = ""
    number: str = ""


class Alternate(Command, frozen=True, tag=True):
    """Go over to the customer, or back to whom was consulted."""

    agent: str
    assignment: str


class Reconnect(Command, frozen=True, tag=True):
    """End the consultation and go back to the customer."""

    agent: str
    assignment: str


class Conference(Command, frozen=True, tag=True):
    """Let the customer, the consulted one and the agent hear each other."""

    agent: str
    assignment: str


class Transfer(Command, frozen=True, tag=True):
    """Give the customer to whom is consulted, who may still be ringing; or at once (blind) to ``to_agent``, ``number`` or ``queue``."""

    agent: str
    assignment: str
    to_agent: str = ""
    number: str = ""
    queue: str = ""


class Mute(Command, frozen=True, tag=True):
    """Let the others hear the agent or not."""

    agent: str
    assignment: str
    on: bool


class SendKeys(Command, frozen=True, tag=True):
    """Keys towards whom the agent talks with now."""

    agent: str
    assignment: str
    keys: str


class Supervise(Command, frozen=True, tag=True):
    """A supervisor (``agent``) listens to what ``whom`` talks, whispers to him, or talks too. Answers the id of his assignment.

    Asked again for the same one it changes the way, without a gap; ``participation``: silent, whisper, active.
    Raises Refused: wrong_state (nobody talks), no_telephone, own_telephone_busy (the supervisor's).
    """

    agent: str
    whom: str
    participation: Literal["silent", "whisper", "active"] = "silent"


class Intercept(Command, frozen=True, tag=True):
    """The supervisor takes the customer over from whom he supervises; that agent is freed."""

    agent: str
    assignment: str


class ForceRelease(Command, frozen=True, tag=True):
    """End an agent's talk; the customer goes on in the flow."""

    agent: str


class CallOut(Command, frozen=True, tag=True):
    """Call an outside number: the agent's own telephone rings first (and answers by itself), then the number. Answers the assignment.

    ``prompt`` or ``fax``: what is sent by itself as soon as the number answers (as SendInto does, and the agent waits). ``after_beep``:
    it is judged first who answered; a machine gets the prompt after its beep, and the call ends without the agent.
    """

    agent: str
    number: str
    prompt: str = ""
    fax: str = ""
    after_beep: bool = False


class ForceAgentState(Command, frozen=True, tag=True):
    """A supervisor changes an agent's duty. What holds for the agent himself holds here."""

    agent: str
    state: Duty
    reason: str = ""


class WrapUp(Command, frozen=True, tag=True):
    """After-call work. A ``draft`` is kept and changes nothing; otherwise it ends, with the duty ``next_state`` if one is named."""

    agent: str
    assignment: str
    code: str = ""
    note: str = ""
    draft: bool = False
    next_state: Literal["", "ready", "not_ready"] = ""
    reason: str = ""
