"""What stands in the audit log because it stands in the ledger: acts on recordings, and their ends that nobody asked for.

Written in the transaction that writes the events, so each has one entry, whatever dies meanwhile; making projections anew writes none.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact.ledger import Event
from yitong.domains.recording.messages import DemandBegan, DemandEnded, PauseBegan, PauseEnded
from yitong.kit.audit import audit

ACTIONS = {
    DemandBegan.TYPE: "recording.demanded", DemandEnded.TYPE: "recording.demand_ended", PauseBegan.TYPE: "recording.paused",
    PauseEnded.TYPE: "recording.resumed",
}  # fmt: skip
DETAILS = ("demand", "until", "by_agent")


async def note(connection: AsyncConnection, events: Iterable[Event]) -> None:
    """An entry for every event that has one, in their order."""
    for event in [event for event in events if event.type in ACTIONS]:
        said = {name: event.payload[name] for name in DETAILS if event.payload.get(name)}
        await audit(
            connection, tenant=event.tenant, at=event.occurred_at, actor=str(event.payload.get("user", "")), action=ACTIONS[event.type],
            kind="contact", object=event.contact, details={"cause": event.cause, "agent": event.agent, "segment": event.segment, **said},
        )  # fmt: skip
