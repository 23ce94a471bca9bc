"""The eight service levels in use (kpis: §2), each with its formula id. No denominator means no value, never 0 or 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Base quantities of a queue over an interval: answered (in time), abandoned (short; in time, includes short), flowed out,
    callbacks asked for, and the moment's queue for ``SL-RT``."""

    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    abandoned_short: int = 0
    abandoned_in_time: int = 0
    flowed_out: int = 0
    callbacks_in_time: int = 0
    waiting: int = 0
    waiting_too_long: int = 0


def ratio(numerator: float, denominator: float) -> float | None:
    """``numerator / denominator``, or None without a denominator."""
    return numerator / denominator if denominator > 0 else None


FORMULAS: Mapping[str, Callable[[Counts], float | None]] = {
    "SL-ANS": lambda c: ratio(c.answered_in_time, c.answered),
    "SL-POS": lambda c: ratio(c.answered_in_time + c.abandoned_in_time, c.answered + c.abandoned),
    "SL-NEG": lambda c: ratio(c.answered_in_time, c.answered + c.abandoned),
    "SL-IGN": lambda c: ratio(c.answered_in_time, c.answered + c.abandoned - c.abandoned_in_time),
    "SL-SHORT": lambda c: ratio(c.answered_in_time, c.answered + c.abandoned - c.abandoned_short),
    "SL-FLOW": lambda c: ratio(c.answered_in_time, c.answered + c.abandoned + c.flowed_out),
    "SL-AWS": lambda c: ratio(c.answered_in_time + c.abandoned_in_time + c.callbacks_in_time, c.answered + c.abandoned),
    "SL-RT": lambda c: ratio(c.waiting - c.waiting_too_long, c.waiting),
}
DEFAULT = "SL-SHORT"


def service_level(counts: Counts, formula: str = DEFAULT) -> float | None:
    """The service level by ``formula`` (0..1), or None when nothing happened. Raises KeyError for an unknown formula."""
    return FORMULAS[formula](counts)
