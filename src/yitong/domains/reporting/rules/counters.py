"""The base quantities of today (kpis §1) as running sums: what the board shows. A fold of facts, the same live and replayed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import msgspec

from yitong.contact.ledger import Fact
from yitong.domains.acd import messages as acd
from yitong.domains.reporting.rules.service_level import Counts, service_level
from yitong.kit.clock import microseconds, moment


class QueueToday(msgspec.Struct, kw_only=True):
    """A queue since midnight of its site. ``requested`` counts refused ones too; ``waited_us`` is the sum over the answered."""

    requested: int = 0
    offered: int = 0
    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    abandoned_short: int = 0
    abandoned_in_time: int = 0
    flowed_out: int = 0
    timed_out: int = 0
    lost: int = 0
    refused_full: int = 0
    refused_no_agent: int = 0
    waited_us: int = 0

    def level(self) -> float | None:
        """Our default service level."""
        return service_level(Counts(
            answered=self.answered, answered_in_time=self.answered_in_time, abandoned=self.abandoned,
            abandoned_short=self.abandoned_short, abandoned_in_time=self.abandoned_in_time, flowed_out=self.flowed_out,
        ))  # fmt: skip

    def asa_seconds(self) -> float | None:
        """Average speed of answer."""
        return self.waited_us / self.answered / 1_000_000 if self.answered else None

    def plus(self, other: QueueToday) -> QueueToday:
        return QueueToday(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class AgentToday(msgspec.Struct, kw_only=True):
    """An agent since midnight of the site; seconds of states are counted when they end."""

    offered: int = 0
    answered: int = 0
    refused: int = 0
    missed: int = 0
    dialled: int = 0
    reached: int = 0
    talk_us: int = 0
    hold_us: int = 0
    wrap_up_us: int = 0
    ready_us: int = 0
    not_ready_us: int = 0


class Today(msgspec.Struct, kw_only=True):
    """The sums of one day. ``began_at`` and ``ends_at`` are its midnights."""

    day: str = ""
    began_at: int = 0
    ends_at: int = 0
    queues: dict[str, QueueToday] = {}
    agents: dict[str, AgentToday] = {}

    def queue(self, key: str) -> QueueToday:
        return self.queues.setdefault(key, QueueToday())

    def agent(self, key: str) -> AgentToday:
        return self.agents.setdefault(key, AgentToday())


def day_of(at: int, zone: tzinfo) -> Today:
    """An empty day: the one in ``zone`` that ``at`` lies in."""
    local = moment(at).astimezone(zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone)
    return Today(day=local.date().isoformat(), began_at=microseconds(midnight), ends_at=microseconds(midnight + timedelta(days=1)))


def count(today: Today, fact: Fact) -> bool:
    """Take a fact into the sums; false when it counts nothing."""
    counting = _COUNTING.get(type(fact))
    if counting is None:
        return False
    counting(today, fact)
    return True


def _queued(today: Today, fact: acd.ContactQueued) -> None:
    queue = today.queue(fact.queue)
    queue.offered += 1
    queue.requested += 0 if fact.again else 1


def _refused(today: Today, fact: acd.QueueRefused) -> None:
    queue = today.queue(fact.queue)
    queue.requested += 1
    if fact.cause == "full":
        queue.refused_full += 1
    else:
        queue.refused_no_agent += 1


def _left(today: Today, fact: acd.ContactLeftQueue) -> None:
    queue = today.queue(fact.queue)
    in_time = int(fact.waited_us <= fact.answer_within_us)
    if fact.outcome == "answered":
        queue.answered += 1
        queue.answered_in_time += in_time
        queue.waited_us += fact.waited_us
    elif fact.outcome == "abandoned":
        queue.abandoned += 1
        queue.abandoned_in_time += in_time
        queue.abandoned_short += int(fact.waited_us <= fact.short_us)
    elif fact.outcome == "timeout":
        queue.timed_out += 1
    elif fact.outcome == "lost":
        queue.lost += 1
    else:
        queue.flowed_out += 1


def _offer(today: Today, fact: acd.ContactOffered) -> None:
    today.agent(fact.agent).offered += 1


def _offer_ended(today: Today, fact: acd.OfferEnded) -> None:
    agent = today.agent(fact.agent)
    agent.refused += int(fact.cause == "refused")
    agent.missed += int(fact.cause in ("no_answer", "unreachable"))


def _answered(today: Today, fact: acd.OfferAnswered) -> None:
    today.agent(fact.agent).answered += 1


def _taken(today: Today, fact: acd.ContactTaken) -> None:
    today.agent(fact.agent).answered += 1


def _dialled(today: Today, fact: acd.DialWentOut) -> None:
    today.agent(fact.agent).dialled += 1


def _reached(today: Today, fact: acd.DialAnswered) -> None:
    today.agent(fact.agent).reached += 1


def _ended(today: Today, fact: acd.AssignmentEnded) -> None:
    agent = today.agent(fact.agent)
    agent.talk_us += fact.talk_us
    agent.hold_us += fact.hold_us


def _wrapped_up(today: Today, fact: acd.WrapUpEnded) -> None:
    today.agent(fact.agent).wrap_up_us += fact.wrap_up_us


_COUNTING: dict[type[Fact], Callable[[Today, Any], None]] = {
    acd.ContactQueued: _queued, acd.QueueRefused: _refused, acd.ContactLeftQueue: _left, acd.ContactOffered: _offer,
    acd.OfferEnded: _offer_ended, acd.OfferAnswered: _answered, acd.ContactTaken: _taken,
    acd.DialWentOut: _dialled, acd.DialAnswered: _reached,
    acd.AssignmentEnded: _ended, acd.WrapUpEnded: _wrapped_up,
}  # fmt: skip
