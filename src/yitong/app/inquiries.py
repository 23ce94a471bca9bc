"""What one partition wants of the worker: who calls, which number a record keeps, a text as speech. A call waits for the last only."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from yitong.contact.messages import Card, NumberOf, Question, WhoIs
from yitong.flow.messages import Speak
from yitong.kit import logs
from yitong.kit.gather import Gathering
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.tasks import Tasks

RATE, BURST = 10.0, 3
"""Questions who calls a second in the long run, and so many in a row: each is of all that called meanwhile."""
SECONDS = 10.0
"""The call goes on meanwhile; an answer after the usual 300 ms still reaches the desk."""
SPEECH_SECONDS = 10.0
"""How long a caller waits for a text to be spoken before he hears what stands in its place."""
_AWAY: tuple[type[Exception], ...] = (*OUTAGES, msgspec.MsgspecError)
_log = logs.get("yitong.core")


class Crm(msgspec.Struct, frozen=True, kw_only=True):
    """One of those of whom ``ask.crm`` asks."""

    contact: str
    number: str


class Inquiries:
    """``know(contact, card)`` and ``answered(question, answer)`` hear what came of it; ``ids_of`` names log lines."""

    def __init__(
        self, tenant: str, *, nats: Nats, tasks: Tasks, know: Callable[[str, Card | None], None],
        answered: Callable[[Question, str], None], ids_of: Callable[[Question], dict[str, str]],
    ) -> None:  # fmt: skip
        self._tenant, self._nats, self._tasks = tenant, nats, tasks
        self._know, self._answered, self._ids_of = know, answered, ids_of
        self._callers: list[WhoIs] = []
        self._gathering = Gathering(self._ask_all, rate=RATE, burst=BURST)

    def ask(self, question: Question) -> None:
        """Ask, some together."""
        if isinstance(question, WhoIs):
            self._callers.append(question)
            self._gathering.within(0.0)
        elif isinstance(question, NumberOf):
            self._tasks.start(self._ask_number(question), "question")
        elif isinstance(question, Speak):
            self._tasks.start(self._ask_speech(question), "speech")

    def _ask_all(self) -> None:
        asked, self._callers = self._callers, []
        if asked:
            self._tasks.start(self._ask_crm(asked), "callers")

    async def _ask_crm(self, callers: list[WhoIs]) -> None:
        asked = [Crm(contact=one.contact, number=one.number) for one in callers]
        try:
            cards: list[Card | None] = await self._nats.request(f"ask.crm.{self._tenant}", asked, list[Card | None], seconds=SECONDS)
        except _AWAY as error:
            _log.info("nobody says who calls", contacts=[one.contact for one in callers], error=repr(error))
            return
        for one, card in zip(callers, cards, strict=False):
            self._know(one.contact, card)

    async def _ask_number(self, question: NumberOf) -> None:
        with logs.bound(**self._ids_of(question)):
            try:
                number: str = await self._nats.request(f"ask.number.{self._tenant}", question, str, seconds=SECONDS)
            except _AWAY as error:
                _log.info("nobody says which number it is", error=repr(error))
            else:
                self._answered(question, number)

    async def _ask_speech(self, question: Speak) -> None:
        """Answered in any case: the caller waits."""
        with logs.bound(**self._ids_of(question)):
            file = ""
            try:
                file = await self._nats.request(f"ask.speech.{self._tenant}", question, str, seconds=SPEECH_SECONDS)
            except _AWAY as error:
                _log.warning("nobody speaks", error=repr(error))
            self._answered(question, file)
