"""What one telephone account may cost when it is in the wrong hands (case R12): so many calls to outside numbers at once, so much time
abroad a day. Emergency numbers are never refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import structlog

from yitong.ct.model import Cause, DeviceKind
from yitong.ct.numbering import NumberClass, Rules, number_class
from yitong.ct.switches.soft.journal import Journal
from yitong.ct.switching.board import Board, finish
from yitong.ct.switching.table import LiveConnection
from yitong.kit.clock import SECOND, Clock

CALLS_AT_ONCE = 2
ABROAD_SECONDS = 1_800
LOOK_SECONDS = 5.0
_KIND = "abroad"
_GIVEN = "given"
_OURS = (DeviceKind.PHONE, DeviceKind.PAGE)
_log = structlog.get_logger("yitong.switch.tolls")


class Spent(msgspec.Struct, frozen=True):
    """How long an account has talked abroad on a day (UTC)."""

    day: str
    us: int


class Given(msgspec.Struct, frozen=True):
    """The telephone on whose account an outside connection is."""

    device: str


class Tolls:
    """``rules``: the classes of numbers of a tenant. What was spent, and who pays for what, outlives the switch in its journal."""

    def __init__(self, board: Board, rules: Callable[[str], Rules], journal: Journal, clock: Clock) -> None:
        self._board = board
        self._rules = rules
        self._journal = journal
        self._clock = clock
        self._looked = clock.now()
        self._given = {key: msgspec.msgpack.decode(data, type=Given).device for key, data in journal.all(_GIVEN).items()}
        """Outside connection → the telephone on whose account it is, also when that has given the call away and left it."""
        self.over: set[str] = set()
        """The accounts that have spent their day: an alarm while there is one."""

    def refuses(self, device: str, tenant: str, number: str) -> int:
        """The status that a call of a device to an outside number gets; 0: it may be made."""
        kind = number_class(number, self._rules(tenant))
        if kind is NumberClass.EMERGENCY:
            return 0
        if sum(1 for one, payer in self._outside() if payer == device and self._at_once(one)) >= CALLS_AT_ONCE:
            _log.warning("more calls to outside numbers at once than an account may have", device=device)
            return 486
        return 403 if kind is NumberClass.INTERNATIONAL and self._spent(device) >= ABROAD_SECONDS * SECOND else 0

    def gives(self, device: str, connection: str) -> None:
        """A telephone transfers a call to an outside number, and leaves it: the account stays the same."""
        self._keep(self._given | {one.connection: payer for one, payer in self._outside()} | {connection: device})

    def _keep(self, given: dict[str, str]) -> None:
        with self._journal.together():
            for connection in self._given.keys() - given.keys():
                self._journal.drop(_GIVEN, connection)
            for connection, device in given.items() - self._given.items():
                self._journal.put(_GIVEN, connection, Given(device))
        self._given = given

    def _at_once(self, one: LiveConnection) -> bool:
        """Whether a call counts as one of the few: what was given away does so unless somebody who called us is in it."""
        call = self._board.table.calls.get(one.call, {})
        return self._near(one) is not None or not any(other.incoming and other.kind not in _OURS for other in call.values())

    async def watch(self, later: Callable[[Callable[[], None]], None]) -> None:
        """For ever."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            later(self.look)

    def look(self) -> None:
        """Count what was talked since the last look; whoever has spent his day is ended."""
        now, since = self._clock.now(), self._looked
        self._looked = now
        day = _day(now)
        self.over = {device for device in self.over if self._spent(device) >= ABROAD_SECONDS * SECOND}
        charged = list(self._outside())
        self._keep({outside.connection: payer for outside, payer in charged})
        for outside, payer in charged:
            if not outside.in_call or number_class(outside.invitation.called, self._rules(outside.tenant)) is not NumberClass.INTERNATIONAL:
                continue
            spent = self._spent(payer) + max(0, now - max(since, outside.since))
            self._journal.put(_KIND, payer, Spent(day, spent))
            if spent >= ABROAD_SECONDS * SECOND:
                self._end(outside, payer, now)

    def _end(self, outside: LiveConnection, payer: str, now: int) -> None:
        if payer not in self.over:
            _log.error("an account has talked abroad for longer than a day allows: its calls there end", device=payer)
        self.over.add(payer)
        finish(self._board, outside, Cause.NOT_ALLOWED, now)

    def _outside(self) -> Iterator[tuple[LiveConnection, str]]:
        """Calls to outside numbers with the telephone on whose account they are."""
        for one in self._board.table.connections.values():
            if one.kind is DeviceKind.TRUNK and not one.incoming:
                near = self._near(one)
                payer = near.device if near is not None else self._given.get(one.connection, "")
                if payer:
                    yield one, payer

    def _near(self, one: LiveConnection) -> LiveConnection | None:
        """The telephone of ours for which an outside number was called, while it is there."""
        near = self._board.table.connections.get(one.routed_by)
        return near if near is not None and near.kind in _OURS else None

    def _spent(self, device: str) -> int:
        data = self._journal.values.get((_KIND, device))
        spent = msgspec.msgpack.decode(data, type=Spent) if data is not None else Spent("", 0)
        return spent.us if spent.day == _day(self._clock.now()) else 0


def _day(now: int) -> str:
    return datetime.fromtimestamp(now // SECOND, UTC).date().isoformat()
