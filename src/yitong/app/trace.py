"""``yitong trace CONTACT``: the way of one contact, told from the ledger alone. See ``docs/life-of-a-call.md``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from yitong.app.migrate import require_current
from yitong.contact import store
from yitong.contact.ledger import Event
from yitong.kit.clock import SECOND, moment
from yitong.kit.database import Database
from yitong.kit.settings import Settings

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def lines(events: Iterable[Event]) -> Iterator[str]:
    """One line an event: offset in seconds from the first, type, cause, and what the payload says beyond nothing."""
    began = 0
    for event in events:
        began = began or event.occurred_at
        said = {name: value for name, value in event.payload.items() if value not in ("", 0, False, None, [], {})}
        of = {"segment": event.segment, "connection": event.connection, "agent": event.agent, "queue": event.queue}
        parts = [f"{name}={value}" for name, value in said.items() if not isinstance(value, dict | list)]
        parts += [f"{name}={value[-6:]}" for name, value in of.items() if value]
        cause = f" ({event.cause})" if event.cause else ""
        yield f"{(event.occurred_at - began) / SECOND:10.3f}  {event.type + cause:42s} {' '.join(parts)}".rstrip()


async def trace(settings: Settings, contact: str) -> int:
    """Print it; returns the exit code (1: there is no such contact)."""
    database = Database(settings.database_url, name="trace", size=1)
    try:
        await require_current(database)
        events: list[Event] = []
        async with database.transaction() as connection:
            for tenant in await store.tenants_of_contact(connection, contact) if _ID.fullmatch(contact) else []:
                events += await store.of_contact(connection, tenant, contact)
    finally:
        await database.close()
    if not events:
        print(f"yitong: the ledger has no contact {contact}", file=sys.stderr)
        return 1
    print(f"contact {contact}, tenant {events[0].tenant}, began {moment(events[0].occurred_at).isoformat()}")
    for line in lines(events):
        print(line)
    return 0
