"""What the switch has refused and whom it keeps silent, for the administrator's page; and a ban that he lifts."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator

import structlog

from yitong.ct.security import AskSecurity, Ban, BanReason, Refusal, RefusalKind, SecurityStanding, Suspect
from yitong.ct.switches.soft.directory import Directory
from yitong.kit.clock import SECOND, Clock
from yitong.sip.guard import Guard
from yitong.sip.guessing import Guessing

MOST = 300
"""Lines kept: a flood of made-up addresses pushes out the oldest, the counts by kind stay."""
_Key = tuple[RefusalKind, str, str, str]
_log = structlog.get_logger("yitong.switch.defence")


class Defence:
    """The same refusal of the same source is one line with a count. No number that somebody called is ever in it."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self.guard = Guard()
        self.guessing = Guessing()
        self._directory = directory
        self._clock = clock
        self._since = clock.now()
        self._counts: Counter[RefusalKind] = Counter()
        self._lines: OrderedDict[_Key, tuple[int, int, int]] = OrderedDict()

    def refused(self, kind: RefusalKind, source: str, *, account: str = "", tenant: str = "") -> None:
        """Something was refused. ``account``: only one of ours."""
        now = self._clock.now()
        self._counts[kind] += 1
        key = (kind, source, account if tenant else "", tenant)
        count, first, _ = self._lines.pop(key, (0, now, now))
        self._lines[key] = (count + 1, first, now)
        while len(self._lines) > MOST:
            self._lines.popitem(last=False)

    def asked(self, ask: AskSecurity, over_toll: set[str]) -> SecurityStanding:
        """How we stand, after what was asked was done. ``over_toll``: the devices that have talked abroad for their whole day."""
        lifted = ask.act == "lift" and self.guard.lift(ask.source)
        if lifted:
            _log.warning("a ban is lifted by an administrator", source=ask.source)
        counts = {kind.value: count for kind, count in self._counts.items()}
        return SecurityStanding(
            since=self._since, bans=self._bans(), refused=self._newest(), counts=counts,
            suspects=[*self._guessed(), *_abroad(over_toll)], lifted=lifted,
        )  # fmt: skip

    def _bans(self) -> list[Ban]:
        now, utc = self._clock.monotonic(), self._clock.now()

        def at(monotonic: float) -> int:
            return utc + round((monotonic - now) * SECOND)

        return [
            Ban(
                source=one.source, reason=BanReason(one.reason), tries=one.tries, since=at(one.since), until=at(one.until),
                dropped=one.dropped,
            )
            for one in self.guard.silences(now)
        ]  # fmt: skip

    def _newest(self) -> list[Refusal]:
        return [
            Refusal(kind=kind, source=source, account=account, tenant=tenant, count=count, first=first, last=last)
            for (kind, source, account, tenant), (count, first, last) in reversed(self._lines.items())
        ]

    def _guessed(self) -> Iterator[Suspect]:
        for name in self.guessing.shut():
            realm, _, username = name.rpartition("/")
            who = self._directory.identity(realm, username)
            if who is not None:
                yield Suspect(tenant=who.tenant, account=who.extension or username, reason="guessed")


def _abroad(devices: set[str]) -> Iterator[Suspect]:
    for device in sorted(devices):
        tenant, _, account = device.split("/", 2)
        yield Suspect(tenant=tenant, account=account, reason="abroad_today")
