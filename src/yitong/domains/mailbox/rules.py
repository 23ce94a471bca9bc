"""Decisions about messages and PINs, as plain functions."""

from __future__ import annotations

from collections.abc import Iterable

from yitong.domains.mailbox.messages import Status
from yitong.domains.mailbox.model.boxes import KEEP_DAYS, Mailbox
from yitong.domains.mailbox.model.kept import Kept, Tries
from yitong.kit import pins
from yitong.kit.clock import SECOND

MOST_MESSAGES = 300
"""So many messages a mailbox holds, deleted ones left out; then it is full."""
DELETED_DAYS = 7
"""How long a deleted message can be taken back."""
FREE_TRIES = 3
"""So many wrong PINs in a row shut nothing."""
_FIRST_SHUT, _LONGEST_SHUT = 30 * SECOND, 3600 * SECOND
_DAY = 86_400 * SECOND


def said_milliseconds(milliseconds: int, reason: str, silence_seconds: float) -> int:
    """How long somebody spoke: without the silence that ended the recording."""
    return max(0, milliseconds - round(silence_seconds * 1000)) if reason == "silence" else milliseconds


def long_enough(milliseconds: int, reason: str, box: Mailbox) -> bool:
    """Whether it is a message, not a click or a breath."""
    said = said_milliseconds(milliseconds, reason, box.silence_seconds)
    return said > 0 and said >= box.shortest_seconds * 1000


def full(messages: Iterable[Kept]) -> bool:
    """Whether a mailbox takes no more."""
    return sum(1 for one in messages if one.status != "deleted") >= MOST_MESSAGES


def counted(messages: Iterable[Kept]) -> tuple[int, int]:
    """New ones and heard ones."""
    statuses = [one.status for one in messages]
    return statuses.count("new"), statuses.count("heard")


def gone_at(one: Kept, box: Mailbox | None) -> int:
    """When a message is removed for good, whatever happens: after the mailbox's days, or those of deleted ones."""
    kept = one.at + (box.keep_days if box is not None else KEEP_DAYS) * _DAY
    return min(kept, one.marked_at + DELETED_DAYS * _DAY) if one.status == "deleted" else kept


def removal_cause(one: Kept) -> str:
    return "deleted" if one.status == "deleted" else "expired"


def opens(box: Mailbox | None, pin: str, tries: Tries | None, now: int) -> bool:
    """Whether ``pin`` opens the mailbox now; never one that does not exist, has no PIN, or is shut."""
    right = box is not None and pins.fits(pin, box.pin)
    return right and (tries is None or tries.shut_until <= now)


def shut_until(wrong: int, now: int) -> int:
    """Until when a mailbox is shut after so many wrong PINs in a row: 30 s, doubled with each further one, an hour at most."""
    if wrong < FREE_TRIES:
        return 0
    return now + min(_FIRST_SHUT << min(wrong - FREE_TRIES, 20), _LONGEST_SHUT)


def in_order(messages: Iterable[Kept]) -> list[str]:
    """Which messages a telephone plays: the new ones, then the heard ones, each the oldest first."""
    rank: dict[Status, int] = {"new": 0, "heard": 1}
    shown = [one for one in messages if one.status in rank]
    return [one.message for one in sorted(shown, key=lambda one: (rank[one.status], one.at, one.message))]


def notice(box: Mailbox, new: int, language: str) -> str:
    """What a notice by text message says: nothing of who called, for it passes others' hands."""
    chinese = language.lower().startswith("zh")
    name = box.name.get("zh-CN" if chinese else "en") or next(iter(box.name.values()), box.code)
    if chinese:
        return f"“{name}”有 {new} 条新留言。" + (f"请拨打 {box.number} 收听。" if box.number else "请在座席台收听。")
    said = f"{new} new message{'s' if new > 1 else ''} in {name}. "
    return said + (f"Call {box.number} to listen." if box.number else "Listen at your desk.")
