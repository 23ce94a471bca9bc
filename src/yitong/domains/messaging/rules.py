"""Decisions about text messages, as plain functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from yitong.domains.messaging.model.texts import Answer
from yitong.kit.clock import SECOND

LONGEST = 600
"""So many characters are sent at most (nine short messages in Chinese); more is cut off."""
TRIES = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 10 * SECOND, 1800 * SECOND
DELIVERED = frozenset({"DELIVRD"})
LOST = {"UNDELIV": "undelivered", "EXPIRED": "not_reached", "DELETED": "deleted", "REJECTD": "rejected"}
"""Final states of receipts (SMPP 5.2.28) that mean: it did not arrive. ACCEPTD, ENROUTE and UNKNOWN say nothing final."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What follows a try. ``pause``: microseconds until the next one; ``counts``: whether it was one of the tries."""

    state: str
    reason: str = ""
    pause: int = 0
    counts: bool = True


def plain(text: str) -> str:
    """Without control characters, spaces at the ends, and what is too long."""
    kept = "".join(letter for letter in text if letter == "\n" or letter.isprintable())
    return kept.strip()[:LONGEST]


def in_language(texts: Mapping[str, str], *languages: str) -> str:
    """The text in the first of the languages that it has; else in any."""
    return next((texts[language] for language in languages if texts.get(language)), next(iter(texts.values()), ""))


def pause_after(tries: int) -> int:
    """How long to wait after so many tries (microseconds): 10 s, doubled each time, half an hour at most."""
    return min(_FIRST_PAUSE << max(0, min(tries - 1, 20)), _LONGEST_PAUSE)


def after(answers: Sequence[Answer], tries: int) -> Verdict:
    """What becomes of a message whose parts were answered so; ``tries`` counts this one.

    One that may have been taken is never sent again by itself.
    """
    by = {answer.outcome: answer for answer in answers}
    if (unknown := by.get("unknown")) is not None:
        return Verdict(state="uncertain", reason=unknown.reason)
    if (refused := by.get("refused")) is not None:
        return Verdict(state="failed", reason=refused.reason)
    if (throttled := by.get("throttled")) is not None:
        return Verdict(state="waiting", reason=throttled.reason, pause=_FIRST_PAUSE, counts=False)
    if (unsent := by.get("unsent")) is not None:
        return Verdict(state="waiting", reason=unsent.reason, pause=SECOND, counts=False)
    if (later := by.get("later")) is not None:
        over = tries >= TRIES
        return Verdict(state="failed" if over else "waiting", reason=later.reason, pause=pause_after(tries))
    return Verdict(state="accepted")


def told_by_receipts(receipts: Iterable[str]) -> Verdict | None:
    """What the receipts of all parts ("" where there is none yet) make of an accepted message; None: nothing yet."""
    states = list(receipts)
    lost = next((LOST[state] for state in states if state in LOST), "")
    if lost:
        return Verdict(state="failed", reason=lost)
    return Verdict(state="delivered") if states and all(state in DELIVERED for state in states) else None
