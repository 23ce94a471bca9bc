"""Which trunk an outside number is called by: configuration, health and channels in use in, an order of trunks out. No socket, no clock.

The order: trunks that answer before those that do not; the caller's site's before another site's; lower ``order`` first; then the one
that is cheapest for this number; equal ones share by ``weight``. Full ones and those that do not serve the number are left out. For an
emergency number every trunk serves, full or not. A number of another site of ours goes by its link, and by a link goes nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from yitong.ct.numbering import rewritten
from yitong.ct.switches.soft.trunk_record import CallerId, TrunkRecord

UNKNOWN_PRICE = Decimal("Infinity")


class Health(StrEnum):
    """Of a trunk: whether its last OPTIONS, REGISTER or INVITE was answered."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass
class Trunk:
    """A trunk that can be called. ``registered``: None without registration; ``rests_until``: it was overloaded (seconds, monotonic)."""

    device: str
    tenant: str
    record: TrunkRecord
    health: Health = Health.UNKNOWN
    registered: bool | None = None
    rests_until: float = 0.0
    given: int = 0
    """Calls that it was chosen for; what equal trunks share by."""

    def works(self, now: float) -> bool:
        """Whether a call by it may be expected to go through."""
        return self.health is not Health.DOWN and self.registered is not False and self.rests_until <= now

    def price(self, number: str) -> Decimal | None:
        """A minute to the number, by the longest prefix that fits it as dialled or as the trunk gets it; None: not served."""
        forms = (number, called_by(self.record, number))
        found = [one for one in self.record.prefixes if any(form.startswith(one.prefix) for form in forms)]
        if found:
            price = max(found, key=lambda one: len(one.prefix)).price
            return UNKNOWN_PRICE if price is None else price
        return None if self.record.prefixes else UNKNOWN_PRICE


class Outside:
    """Every trunk of the switch that can be called, by device (``{tenant}/trunk/{code}``)."""

    def __init__(self) -> None:
        self.trunks: dict[str, Trunk] = {}

    def configure(self, records: Mapping[str, tuple[str, TrunkRecord]]) -> set[str]:
        """Take every trunk, by device, with its tenant; the devices whose record is new or changed. What is known of the others stays."""
        usable = {device: held for device, held in records.items() if held[1].host and held[1].enabled}
        for device in set(self.trunks) - set(usable):
            del self.trunks[device]
        changed = {device for device, held in usable.items() if device not in self.trunks or self.trunks[device].record != held[1]}
        for device in changed:
            tenant, record = usable[device]
            level = max((one.given / max(1, one.record.weight) for one in self.trunks.values()), default=0.0)
            given = round(level * max(1, record.weight))
            self.trunks[device] = Trunk(device, tenant, record, registered=False if record.register else None, given=given)
        return changed

    def candidates(
        self, tenant: str, site: str, number: str, busy: Mapping[str, int], now: float, *, emergency: bool = False
    ) -> list[Trunk]:
        """The trunks for a number, the best first. ``busy``: calls by device now."""
        ranked = []
        distant = not emergency and any(one.tenant == tenant and one.record.reaches(number) for one in self.trunks.values())
        for trunk in self.trunks.values():
            if (trunk.record.link and not (distant and trunk.record.reaches(number))) or (distant and not trunk.record.link):
                continue
            price = trunk.price(number)
            full = 0 < trunk.record.channels <= busy.get(trunk.device, 0)
            if trunk.tenant != tenant or ((price is None or full) and not emergency):
                continue
            share = trunk.given / max(1, trunk.record.weight)
            elsewhere = bool(trunk.record.site) and trunk.record.site != site
            cost = UNKNOWN_PRICE if price is None else price
            ranked.append(((not trunk.works(now), elsewhere, trunk.record.order, cost, share, trunk.device), trunk))
        return [trunk for _, trunk in sorted(ranked, key=lambda one: one[0])]

    def chosen(self, trunk: Trunk) -> None:
        """A call goes by it; the shares are kept small and comparable."""
        trunk.given += 1
        if trunk.given > 1_000_000:
            for one in self.trunks.values():
                one.given = one.given // 2


def called_by(record: TrunkRecord, number: str) -> str:
    """The number as the trunk wants it."""
    return rewritten(number, record.rewrite_called)


def shown_by(record: TrunkRecord, calling: str, *, ours: bool) -> str:
    """The calling number as the trunk shows it; empty: withheld. ``ours``: the number that the call says is one of the tenant's."""
    match CallerId.GIVEN if record.link else record.caller_id:
        case CallerId.WITHHELD:
            return ""
        case CallerId.FIXED:
            number = record.caller_number
        case CallerId.OWN:
            number = calling if ours else record.caller_number
        case CallerId.GIVEN:
            number = calling or record.caller_number
    return rewritten(number or record.username, record.rewrite_calling)
