"""Why an outside number was not reached, in the words of ledger, flows and desks. 占线 (busy) is one result, nobody there another."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from yitong.ct.model import Cause

BUSY, NO_ANSWER, REFUSED, NO_SUCH_NUMBER, CONGESTION, UNREACHABLE = RESULTS = (
    "busy", "no_answer", "refused", "no_such_number", "congestion", "unreachable",
)  # fmt: skip
_OF: Final = MappingProxyType({
    Cause.BUSY: BUSY, Cause.NO_ANSWER: NO_ANSWER, Cause.REFUSED: REFUSED, Cause.NOT_ALLOWED: REFUSED,
    Cause.NO_SUCH_NUMBER: NO_SUCH_NUMBER, Cause.OVERLOADED: CONGESTION,
})  # fmt: skip


def result_of(cause: Cause) -> str:
    """The result of a call that ended by ``cause`` before anybody answered; what has no word of its own: unreachable."""
    return _OF.get(cause, UNREACHABLE)
