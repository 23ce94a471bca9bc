"""The projections as rows in memory: what a fold reads, changes and adds to. ``store`` loads and saves them; nothing here waits.

Times are UTC microseconds (0: not yet), ids strings ("": none), as in facts.
"""

from __future__ import annotations

from collections.abc import KeysView
from typing import Any

import msgspec

Key = tuple[Any, ...]
Row = dict[str, Any]

EMPTY: dict[str, Any] = {"id": "", "at": 0, "text": "", "int": 0, "bool": False, "list": [], "json": {}, "date": "", "number": None}
"""What a column of each sort holds when nothing is known. ``number``: an integer that may be missing. Lists and objects are replaced,
never changed in place: rows share the empty ones."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A projection: its key and its columns with their sorts (see EMPTY).

    ``adds``: rows are sums, and saving adds to what is there; ``greatest``: columns of such a row that keep the highest instead.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]
    adds: bool = False
    greatest: frozenset[str] = frozenset()


def _table(name: str, key: str, columns: str, *, adds: bool = False, greatest: str = "") -> Table:
    """``columns`` as "id: a b; at: c": the sort before the names."""
    sorted_ = {column: sort.strip() for sort, _, names in (part.partition(":") for part in columns.split(";")) for column in names.split()}
    return Table(name=name, key=tuple(key.split()), columns=sorted_, adds=adds, greatest=frozenset(greatest.split()))


CONTACTS = _table(
    "contacts", "tenant_id id",
    "id: tenant_id id site_id calling_id called_id customer_id flow_id queue_id agent_id wrap_up_code_id wrap_up_note_id;"
    "text: channel direction call number trunk language ended_by cause outcome;"
    "at: arrived_at connected_at ended_at queued_at answered_at;"
    "int: wait_us ring_us talk_us hold_us wrap_up_us segments sequence; number: flow_version survey_answer;"
    "bool: customer_new; list: keys; json: attributes",
)  # fmt: skip
SEGMENTS = _table(
    "segments", "tenant_id id",
    "id: tenant_id id site_id contact_id queue_id agent_id; text: kind cause connection; at: arrived_at began_at ended_at answered_at;"
    "int: number ring_us talk_us hold_us holds wrap_up_us",
)  # fmt: skip
OFFERS = _table(
    "offers", "tenant_id id",
    "id: tenant_id id site_id contact_id segment_id agent_id queue_id; at: offered_at answered_at ended_at; text: outcome cause;"
    "int: rang_us talk_us hold_us wrap_up_us; json: decision",
)  # fmt: skip
SURVEYS = _table(
    "surveys", "tenant_id contact_id segment_id survey",
    "id: tenant_id contact_id segment_id site_id agent_id queue_id; text: survey; at: asked_at answered_at; number: answer",
)  # fmt: skip
RECORDINGS = _table(
    "recordings", "tenant_id id",
    "id: tenant_id id site_id contact_id segment_id agent_id queue_id demand_id conference_id room_id; at: began_at ended_at;"
    "text: file sha256; int: milliseconds bytes; bool: complete; list: holds pauses",
)  # fmt: skip
CONFERENCE_AGENTS = _table("conference_agents", "tenant_id conference_id agent_id", "id: tenant_id conference_id agent_id site_id")
FAXES = _table(
    "faxes", "tenant_id id",
    "id: tenant_id id site_id contact_id station_id recipient_id; at: began_at ended_at; text: document file outcome; int: pages rate;"
    "bool: sent error_correction t38",
)  # fmt: skip
MESSAGES = _table(
    "mailbox_messages", "tenant_id id",
    "id: tenant_id id site_id contact_id mailbox_id agent_id; at: began_at left_at heard_at ended_at; text: status cause file sha256;"
    "int: milliseconds bytes",
)  # fmt: skip
TEXTS = _table(
    "text_requests", "tenant_id id",
    "id: tenant_id id site_id contact_id mailbox_id agent_id recipient_id body_id; text: source; at: asked_at expires_at cancelled_at",
)  # fmt: skip
NOTICES = _table(
    "mailbox_notices", "tenant_id mailbox_id", "id: tenant_id mailbox_id site_id; bool: off; int: times; at: sent_at; text: cause"
)
ACTIVITY = _table(
    "agent_activity", "tenant_id agent_id began_at number",
    "id: tenant_id agent_id site_id contact_id queue_id; at: began_at ended_at; int: number; text: state reason",
)  # fmt: skip
AGENT_FOLDS = _table("agent_folds", "tenant_id agent_id", "id: tenant_id agent_id site_id; json: value")
QUEUE_INTERVALS = _table(
    "queue_intervals", "tenant_id queue_id began_at",
    "id: tenant_id site_id queue_id; at: began_at;"
    "int: requested offered answered answered_in_time abandoned abandoned_short abandoned_in_time flowed_out timed_out lost refused_full"
    " refused_no_agent answered_wait_us abandoned_wait_us other_wait_us longest_wait_us ring_us talk_us hold_us wrap_up_us wrapped_up",
    adds=True, greatest="longest_wait_us",
)  # fmt: skip
AGENT_DAYS = _table(
    "agent_days", "tenant_id agent_id day",
    "id: tenant_id site_id agent_id; date: day;"
    "int: offered answered refused missed withdrawn failed login_us ready_us not_ready_us busy_us working_after_call_us"
    " ring_us talk_us hold_us wrap_up_us wrapped_up dialled reached",
    adds=True,
)  # fmt: skip
AGENT_PAUSES = _table(
    "agent_pauses", "tenant_id agent_id day reason", "id: tenant_id site_id agent_id; date: day; text: reason; int: pauses not_ready_us",
    adds=True,
)  # fmt: skip

TABLES = {
    table.name: table
    for table in (
        CONTACTS, SEGMENTS, OFFERS, SURVEYS, RECORDINGS, CONFERENCE_AGENTS, FAXES, MESSAGES, TEXTS, NOTICES,
        ACTIVITY, AGENT_FOLDS, QUEUE_INTERVALS,
        AGENT_DAYS, AGENT_PAUSES,
    )
}  # fmt: skip
_BLANK = {name: {column: EMPTY[sort] for column, sort in table.columns.items()} for name, table in TABLES.items()}
OF_CONTACT = (CONTACTS, SEGMENTS, OFFERS, SURVEYS, RECORDINGS, FAXES, MESSAGES)


class Rows:
    """Rows by table and key, and which of them changed since they were saved."""

    def __init__(self) -> None:
        self._held: dict[str, dict[Key, Row]] = {name: {} for name in TABLES}
        self._changed: dict[str, set[Key]] = {name: set() for name in TABLES}
        self._of_contact: dict[str, dict[str, list[Key]]] = {}

    def get(self, table: Table, *key: Any) -> Row | None:
        """The row to read; change it through ``change`` only."""
        return self._held[table.name].get(key)

    def hold(self, table: Table, row: Row) -> Row:
        """Take in a row as it is in the database."""
        key = tuple(row[column] for column in table.key)
        self._held[table.name][key] = row
        contact = row["id"] if table is CONTACTS else row.get("contact_id", "")
        if table in OF_CONTACT and contact:
            keys = self._of_contact.setdefault(contact, {}).setdefault(table.name, [])
            if key not in keys:
                keys.append(key)
        return row

    def make(self, table: Table, **cells: Any) -> Row:
        """A new row; columns left out hold EMPTY of their sort. A row that is there already stays and is returned."""
        key = tuple(cells[column] for column in table.key)
        row = self._held[table.name].get(key)
        if row is None:
            row = _BLANK[table.name] | cells
            self.hold(table, row)
        self._changed[table.name].add(key)
        return row

    def change(self, table: Table, row: Row, **cells: Any) -> None:
        """Set columns of a held row."""
        row.update(cells)
        self._changed[table.name].add(tuple(row[column] for column in table.key))

    def add(self, table: Table, key: Row, **deltas: int) -> None:
        """Add to a row of sums (or keep the highest, where the column says so)."""
        row = self.make(table, **key)
        for column, delta in deltas.items():
            row[column] = max(row[column], delta) if column in table.greatest else row[column] + delta

    def of_contact(self, table: Table, contact: str) -> list[Row]:
        """The held rows of a contact, in the order in which they were made."""
        return [self._held[table.name][key] for key in self._of_contact.get(contact, {}).get(table.name, ())]

    def contacts(self) -> KeysView[str]:
        """Contacts of which all rows are held."""
        return self._of_contact.keys()

    def changed(self, table: Table) -> list[Row]:
        """The rows that must be saved."""
        return [self._held[table.name][key] for key in self._changed[table.name]]

    def saved(self) -> None:
        """Everything is in the database: nothing is changed any more, sums begin anew."""
        recordings = self._held[RECORDINGS.name]
        for key in self._changed[RECORDINGS.name]:
            if not recordings[key]["contact_id"]:
                del recordings[key]  # no contact's end would have it forgotten
        for name, table in TABLES.items():
            self._changed[name].clear()
            if table.adds or table is ACTIVITY or table is CONFERENCE_AGENTS:
                self._held[name].clear()

    def forget(self) -> None:
        """Hold nothing any more."""
        for name in TABLES:
            self._held[name].clear()
            self._changed[name].clear()
        self._of_contact.clear()

    def forget_contact(self, contact: str) -> None:
        """Hold this contact's rows no more; they are loaded again when needed."""
        for name, keys in self._of_contact.pop(contact, {}).items():
            for key in keys:
                self._held[name].pop(key, None)
