"""Provisional answers that arrive for certain (RFC 3262): ours are sent again until their PRACK, theirs are acknowledged."""

from __future__ import annotations

import re
from collections.abc import Callable

from yitong.sip.core import Core
from yitong.sip.dialog import Dialog
from yitong.sip.grammar import ParseError, number
from yitong.sip.message import Header, Message, Request, Response
from yitong.sip.transaction import ServerTransaction

OPTION = "100rel"
_RACK = re.compile(r"([0-9]{1,10})[ \t]+([0-9]{1,10})[ \t]+(\S+)")
_MAXIMUM_WAITING = 10


def _has(message: Message, header: str) -> bool:
    try:
        return OPTION in (tag.lower() for tag in message.elements(header))
    except ParseError:
        return False


class _Sent:
    """One provisional answer without its PRACK, and what waits for that."""

    __slots__ = ("_due", "data", "described", "interval", "number", "timers", "transaction", "waiting")

    def __init__(self, transaction: ServerTransaction, number: int, due: Callable[[_Sent, str, float], None]) -> None:
        self.transaction = transaction
        self.number = number
        self.data = b""
        self.described = False
        self.interval = 0.0
        self.timers: dict[str, int] = {}
        self.waiting: list[Callable[[float], object]] = []
        self._due = due

    def handle_timer(self, name: str, now: float) -> None:
        self._due(self, name, now)


class Provisionals:
    """The reliable provisional answers of the server side. ``lost`` is told of an INVITE whose PRACK never came."""

    def __init__(self, core: Core, lost: Callable[[ServerTransaction, float], None]) -> None:
        self._core = core
        self._lost = lost
        self._numbers: dict[int, int] = {}
        self._sent: dict[int, _Sent] = {}

    def wanted(self, request: Request, status: int, described: bool) -> bool:
        """Whether an answer is sent reliably: always when they require it, one with a description also when they support it."""
        if request.method != "INVITE" or not 100 < status < 200 or OPTION not in self._core.settings.supported:
            return False
        return _has(request, "Require") or (described and _has(request, "Supported"))

    def waits(self, transaction: ServerTransaction, status: int, reliably: bool, again: Callable[[float], object]) -> bool:
        """Whether an answer must wait for a PRACK (§3): the next reliable one, and a 2xx after one with a description."""
        sent = self._sent.get(transaction.id)
        if sent is None or not (reliably or (200 <= status < 300 and sent.described)):
            return False
        if len(sent.waiting) < _MAXIMUM_WAITING:
            sent.waiting.append(again)
        return True

    def headers(self, transaction: ServerTransaction) -> list[Header]:
        """What makes the next provisional answer a reliable one."""
        following = self._numbers.get(transaction.id, 0) + 1
        self._numbers[transaction.id] = following
        return [("Require", OPTION), ("RSeq", str(following))]

    def sent(self, transaction: ServerTransaction, described: bool, now: float) -> None:
        """A reliable answer has gone out: send it again until its PRACK comes."""
        sent = _Sent(transaction, self._numbers[transaction.id], self._due)
        sent.data, sent.described, sent.interval = transaction.data, described, self._core.timings.t1
        self._sent[transaction.id] = sent
        self._core.start_timer(sent, "again", now + sent.interval)
        self._core.start_timer(sent, "lost", now + 64 * self._core.timings.t1)

    def _due(self, sent: _Sent, name: str, now: float) -> None:
        if name == "lost":
            self.drop(sent.transaction)
            self._lost(sent.transaction, now)
            return
        self._core.send(sent.data, sent.transaction.flow)
        sent.interval *= 2
        self._core.start_timer(sent, "again", now + sent.interval)

    def acknowledged(self, prack: Request, invite: ServerTransaction | None) -> list[Callable[[float], object]] | None:
        """Take a PRACK for an answer to ``invite``: what waited for it. None when nothing is open that it names. Raises ``ParseError``."""
        match = _RACK.fullmatch(prack.need("RAck"))
        if match is None:
            raise ParseError("wrong RAck")
        named = number(match[1]), number(match[2]), match[3]
        sent = self._sent.get(invite.id) if invite is not None else None
        if sent is None or invite is None or named != (sent.number, invite.request.cseq.number, "INVITE"):
            return None
        self._stop(sent)
        if sent.described and invite.dialog is not None:
            invite.dialog.offer_done = True
        return sent.waiting

    def drop(self, transaction: ServerTransaction) -> None:
        """A final answer has gone: nothing is sent again."""
        sent = self._sent.get(transaction.id)
        if sent is not None:
            self._stop(sent)

    def forget(self, transaction: ServerTransaction) -> None:
        """The transaction is over."""
        self.drop(transaction)
        self._numbers.pop(transaction.id, None)

    def _stop(self, sent: _Sent) -> None:
        del self._sent[sent.transaction.id]
        for name in list(sent.timers):
            self._core.stop_timer(sent, name)


def acknowledgement(dialog: Dialog, request: Request, response: Response) -> list[Header] | None:
    """RAck for a provisional answer of theirs in ``dialog`` (§4); empty: it was not sent reliably; None: it is to be passed over."""
    if response.status <= 100 or not _has(response, "Require") or not _has(request, "Supported"):
        return []
    following = number(response.need("RSeq"))
    if dialog.rseq >= 0 and following != dialog.rseq + 1:
        return None  # sent again, or one before it is missing
    dialog.rseq = following
    if response.content_type == "application/sdp":
        dialog.offer_done = True
    return [("RAck", f"{following} {request.cseq.number} INVITE")]
