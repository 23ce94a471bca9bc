"""The bus inside one partition (tenant and site): one input is one decision, one decision is one batch of facts.

The rules, which make a restart harmless:

* State changes only in ``apply`` handlers, which see facts, live and replayed alike, and cause nothing.
* ``react`` handlers see facts live only and may tell further facts or ask commands.
* ``hears`` handlers see what the switch tells (``ct.events``) and may tell facts or ask services.
* ``obey``: a command has exactly one handler, which may refuse by raising ``Refused``.
* What leaves the partition (services for the switch, live documents, answers) leaves after the batch is acknowledged by the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from yitong.contact.ledger import Batch, Event, Fact, Personal, fact_of, payload_of
from yitong.contact.messages import Command, Question
from yitong.ct.events import CtEvent
from yitong.ct.services import AnyService
from yitong.kit.ids import Ids


class Refused(Exception):
    """A command that cannot be obeyed; ``code`` is stable (``wrong_state``), ``parameters`` fill the sentence shown to the user."""

    def __init__(self, code: str, **parameters: Any) -> None:
        super().__init__(code)
        self.code = code
        self.parameters = parameters


class Bus:
    """Who handles which message; filled once by the composition root."""

    def __init__(self) -> None:
        self._apply: dict[type, list[Callable[[Any, int], None]]] = defaultdict(list)
        self._react: dict[type, list[Callable[[Any, Unit], None]]] = defaultdict(list)
        self._hear: dict[type, list[Callable[[Any, Unit], None]]] = defaultdict(list)
        self._obey: dict[type, Callable[[Any, Unit], Any]] = {}
        self._keep: list[Callable[[Personal], None]] = []
        self._settle: list[Callable[[Unit], None]] = []
        self._answer: dict[type[Question], Callable[[Any, Any, Unit], None]] = {}

    def applies(self, kind: type[Fact], handler: Callable[[Any, int], None]) -> None:
        """``handler(fact, occurred_at)`` changes state."""
        self._apply[kind].append(handler)

    def reacts(self, kind: type[Fact], handler: Callable[[Any, Unit], None]) -> None:
        """``handler(fact, unit)`` decides what follows; live only."""
        self._react[kind].append(handler)

    def hears(self, kind: type[CtEvent], handler: Callable[[Any, Unit], None]) -> None:
        """``handler(ct event, unit)`` is told what the switch told."""
        self._hear[kind].append(handler)

    def obeys(self, kind: type[Command], handler: Callable[[Any, Unit], Any]) -> None:
        """``handler(command, unit)`` is the only one for ``kind``."""
        if kind in self._obey:
            raise TypeError(f"{kind.__name__} has two handlers")
        self._obey[kind] = handler

    def keeps(self, handler: Callable[[Personal], None]) -> None:
        """``handler(record)`` holds personal values of live contacts in memory."""
        self._keep.append(handler)

    def settles(self, handler: Callable[[Unit], None]) -> None:
        """``handler(unit)`` is called at the end of each decision (the dispatcher: who gets whom now)."""
        self._settle.append(handler)

    def answers(self, kind: type[Question], handler: Callable[[Any, Any, Unit], None]) -> None:
        """``handler(question, answer, unit)`` hears what came of a question of ``kind``."""
        self._answer[kind] = handler

    def answered(self, question: Question, answer: Any, unit: Unit) -> None:
        self._answer[type(question)](question, answer, unit)

    def kept(self, record: Personal) -> None:
        """Hand a personal value, live or replayed, to whoever holds it."""
        for handler in self._keep:
            handler(record)

    def settle(self, unit: Unit) -> None:
        for handler in self._settle:
            handler(unit)

    def replay(self, event: Event) -> None:
        """Apply a fact that was true before this process lived."""
        fact = fact_of(event)
        if fact is not None:
            self.apply(fact, event.occurred_at)

    def apply(self, fact: Fact, at: int) -> None:
        for handler in self._apply[type(fact)]:
            handler(fact, at)

    def react(self, fact: Fact, unit: Unit) -> None:
        for handler in self._react[type(fact)]:
            handler(fact, unit)

    def hear(self, event: CtEvent, unit: Unit) -> None:
        for handler in self._hear[type(event)]:
            handler(event, unit)

    def obey(self, command: Command, unit: Unit) -> Any:
        return self._obey[type(command)](command, unit)

    def commands(self) -> dict[type, Callable[[Any, Unit], Any]]:
        """Every command with its handler (for ``docs/messages.md`` and the check that none is unused)."""
        return dict(self._obey)


class Unit:
    """One decision while it is made: ``now`` is its moment, ``ids`` makes its identifiers."""

    def __init__(self, bus: Bus, now: int, ids: Ids) -> None:
        self.now = now
        self.ids = ids
        self.facts: list[Fact] = []
        self.personals: list[Personal] = []
        self.services: list[AnyService] = []
        self.questions: list[Question] = []
        self._bus = bus

    def new_id(self) -> str:
        return self.ids.new(self.now)

    def tell(self, fact: Fact) -> None:
        """Make ``fact`` true: apply it at once, keep it for the batch, let the others react."""
        self._bus.apply(fact, self.now)
        self.facts.append(fact)
        self._bus.react(fact, self)

    def ask(self, service: AnyService) -> None:
        """Ask the switch, once the batch is acknowledged."""
        self.services.append(service)

    def obey(self, command: Command) -> Any:
        """Have another part obey ``command`` within this decision."""
        return self._bus.obey(command, self)

    def keep(self, tenant: str, kind: str, value: str, contact: str = "") -> str:
        """Keep a personal value apart from the ledger; returns the id that facts may carry."""
        record = Personal(id=self.new_id(), tenant=tenant, kind=kind, value=value, at=self.now, contact=contact)
        self.personals.append(record)
        self._bus.kept(record)
        return record.id

    def inquire(self, question: Question) -> None:
        """Want to know something from outside; nobody waits for the answer."""
        self.questions.append(question)

    def batch(self, *, tenant: str, site: str, producer: str, epoch: int, after: int) -> Batch:
        """The facts in their envelopes, numbered from ``after + 1``."""
        return Batch(
            tenant=tenant,
            site=site,
            events=tuple(
                Event(
                    id=self.new_id(), type=fact.TYPE, version=fact.VERSION, tenant=tenant, site=site, producer=producer, epoch=epoch,
                    sequence=after + number, occurred_at=self.now, contact=fact.contact, segment=fact.segment,
                    connection=fact.connection, agent=fact.agent, queue=fact.queue, cause=fact.cause, payload=payload_of(fact),
                )
                for number, fact in enumerate(self.facts, 1)
            ),
        )  # fmt: skip
