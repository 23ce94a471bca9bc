"""The work of agents over a period (kpis §4): one function from base quantities to figures, for one agent, one day, or all together.

Ratios are made of sums, never of other ratios; without a denominator there is no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo

import msgspec

from yitong.domains.reporting.rules.agents import days
from yitong.domains.reporting.rules.service_level import ratio

FORMULAS = {
    "handled": "answered + reached",
    "handling_seconds": "(talk + hold + wrap_up) / handled",
    "occupancy": "(busy - ring + working_after_call) / (busy - ring + working_after_call + ready)",
    "workload": "(talk + hold + wrap_up) / login",
    "missed_share": "(refused + missed) / (answered + refused + missed)",
}
"""Each figure by what it is made of: ``busy``, ``ready``, ... are an agent's time in the five states, ``talk``, ... that of his talks."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Base quantities; ``*_us`` are microseconds. ``login_us`` is from logging on to logging off, breaks included."""

    offered: int = 0
    answered: int = 0
    refused: int = 0
    missed: int = 0
    withdrawn: int = 0
    failed: int = 0
    dialled: int = 0
    reached: int = 0
    login_us: int = 0
    ready_us: int = 0
    not_ready_us: int = 0
    busy_us: int = 0
    working_after_call_us: int = 0
    ring_us: int = 0
    talk_us: int = 0
    hold_us: int = 0
    wrap_up_us: int = 0

    def plus(self, other: Work) -> Work:
        return Work(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """The state in which an agent still is: its time is in no sum yet."""

    state: str
    reason: str
    began_at: int


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Not ready for one reason: how often, and microseconds in sum."""

    pauses: int = 0
    not_ready_us: int = 0


def total(works: Iterable[Work]) -> Work:
    """The sum."""
    summed = Work()
    for work in works:
        summed = summed.plus(work)
    return summed


def running(open_: Open, now: int, zone: tzinfo) -> dict[str, Work]:
    """What the state that still lasts adds to each day (ISO) until ``now``; nothing while logged off."""
    if open_.state == "logged_off" or now <= open_.began_at:
        return {}
    return {day: Work(**{f"{open_.state}_us": spent, "login_us": spent}) for day, spent in days(open_.began_at, now, zone)}


def on_contact_us(work: Work) -> int:
    """Time with contacts by the clock; ringing is neither that nor idle."""
    return max(0, work.busy_us - work.ring_us) + work.working_after_call_us


def occupancy(work: Work) -> float | None:
    """On contact against on contact and idle."""
    return ratio(on_contact_us(work), on_contact_us(work) + work.ready_us)


def workload(work: Work, *, with_hold: bool = True) -> float | None:
    """工作负荷率: contacts' time against the time logged in, breaks included."""
    return ratio(work.talk_us + with_hold * work.hold_us + work.wrap_up_us, work.login_us)


def handled(work: Work) -> int:
    """Contacts that the agent talked with: taken and called."""
    return work.answered + work.reached


def handling_seconds(work: Work) -> float | None:
    """平均处理时长."""
    return _seconds(ratio(work.talk_us + work.hold_us + work.wrap_up_us, handled(work)))


def missed_share(work: Work) -> float | None:
    """Offers that the agent refused or let ring out, of those that were his to answer."""
    return ratio(work.refused + work.missed, work.answered + work.refused + work.missed)


def figures(work: Work) -> dict[str, float | int | None]:
    """Everything that is shown, times in seconds."""
    sums: dict[str, float | int | None] = {}
    for name, value in msgspec.to_builtins(work).items():
        sums[name.removesuffix("_us") + "_seconds" if name.endswith("_us") else name] = _seconds(value) if name.endswith("_us") else value
    return sums | {
        "handled": handled(work), "handling_seconds": handling_seconds(work), "occupancy": occupancy(work), "workload": workload(work),
        "missed_share": missed_share(work),
    }  # fmt: skip


def pauses_with(kept: Mapping[str, Pause], open_: Open | None, now: int, zone: tzinfo, first: str, last: str) -> dict[str, Pause]:
    """Pauses by reason of the days ``first`` to ``last``, with the one that still lasts."""
    found = dict(kept)
    if open_ is None or open_.state != "not_ready":
        return found
    parts = list(days(open_.began_at, now, zone))
    spent = sum(part for day, part in parts if first <= day <= last)
    begun = int(bool(parts) and first <= parts[0][0] <= last)
    if spent or begun:
        before = found.get(open_.reason, Pause())
        found[open_.reason] = Pause(pauses=before.pauses + begun, not_ready_us=before.not_ready_us + spent)
    return found


def _seconds(microseconds: float | None) -> float | None:
    return None if microseconds is None else round(microseconds / 1_000_000, 3)
