"""Facts about what happens to a contact inside a flow, and what a flow asks of others."""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact
from yitong.contact.messages import Question
from yitong.ct.model import Prompt


class FlowStarted(Fact, frozen=True):
    """A contact entered a published flow; the version stays pinned for this contact."""

    TYPE: ClassVar[str] = "flow.started"
    flow: str
    flow_version: int


class StepEntered(Fact, frozen=True):
    """The contact is at ``step`` (id in the document) of kind ``kind`` ("menu"); ``visit`` counts from 1."""

    TYPE: ClassVar[str] = "flow.step_entered"
    step: str
    kind: str
    visit: int


class StepRetried(Fact, frozen=True):
    """The step asks once more: ``reason`` is timeout or wrong, ``keys`` what was pressed (menus only), ``attempt`` counts from 2."""

    TYPE: ClassVar[str] = "flow.step_retried"
    step: str
    reason: str
    attempt: int
    keys: str = ""


class StepLeft(Fact, frozen=True):
    """The step ended with ``outcome``, which chose the next step. ``keys``: what was pressed, where that is not personal (menu, survey)."""

    TYPE: ClassVar[str] = "flow.step_left"
    step: str
    outcome: str
    keys: str = ""


class SideFlowBegan(Fact, frozen=True):
    """An agent let the contact into a flow at a step; where it stood before is kept. ``beside``: he waits until it comes back."""

    TYPE: ClassVar[str] = "flow.side_began"
    flow: str
    flow_version: int
    beside: bool


class SideFlowAlone(Fact, frozen=True):
    """The agent does not wait any more; the contact goes on in the flow."""

    TYPE: ClassVar[str] = "flow.side_alone"
    flow: str


class SideFlowEnded(Fact, frozen=True):
    """The contact left that flow; ``cause`` in the envelope: returned, taken_back, transferred, finished, customer_left, fault.

    ``result``: what the step says that sent it back, or empty.
    """

    TYPE: ClassVar[str] = "flow.side_ended"
    flow: str
    result: str = ""


class FlowEnded(Fact, frozen=True):
    """The flow is over for this contact; ``cause`` in the envelope: finished, customer_left, fault."""

    TYPE: ClassVar[str] = "flow.ended"
    flow: str


class Speak(Question, frozen=True, tag=True):
    """Say ``text`` in ``language`` to who waits for it. Answered by the name of a prompt file, empty when nobody can say it.

    Personal, for call data stands in it: it goes to a worker, never into the ledger. ``service``: the id that the Play will have;
    ``otherwise``: what is played in its place.
    """

    service: str
    connection: str
    text: str
    language: str
    otherwise: tuple[Prompt, ...] = ()
