"""Contacts as people may look at them afterwards, by Scope: the list, one with its whole journey, its recordings.

Agents see contacts in which they took part, and those whom they called and did not reach; supervisors those of the agents of their
teams, and those that gave up in a queue of a site of theirs before anybody was reached; with ``contacts.all`` everything of one's sites.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import phonenumbers
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import moment
from yitong.kit.scope import Scope

VISIBLE = """
c.tenant_id = :tenant and c.site_id = any(cast(:sites as uuid[])) and (:all
  or exists (select 1 from segments s join agents a on (a.tenant_id, a.id) = (s.tenant_id, s.agent_id)
             where (s.tenant_id, s.contact_id) = (c.tenant_id, c.id) and (s.answered_at is not null or s.kind = 'dial')
               and (a.id = cast(:agent as uuid) or a.team_id = any(cast(:teams as uuid[]))))
  or (c.agent_id is null and c.queue_id is not null and exists (
        select 1 from teams t where t.tenant_id = c.tenant_id and t.site_id = c.site_id and t.id = any(cast(:teams as uuid[]))))
)
"""

# Each agent's newest contacts by index, then the newest of them all: a page costs the same however many contacts there are.
_OF_AGENTS = """
select v.id from agents a cross join lateral (
    select s.arrived_at, c.id from segments s join contacts c on (c.tenant_id, c.id) = (s.tenant_id, s.contact_id)
    where s.tenant_id = a.tenant_id and s.agent_id = a.id and (s.answered_at is not null or s.kind = 'dial')
      and c.site_id = any(cast(:sites as uuid[])) {taken} {when} {where}
    group by s.arrived_at, s.contact_id, c.id order by s.arrived_at desc, s.contact_id desc limit :limit) v
  where a.tenant_id = :tenant and (a.id = cast(:agent as uuid) or a.team_id = any(cast(:teams as uuid[])))
union
(select c.id from contacts c
  where c.tenant_id = :tenant and c.agent_id is null and c.queue_id is not null and c.site_id = any(cast(:sites as uuid[]))
    and c.site_id in (select t.site_id from teams t where t.tenant_id = :tenant and t.id = any(cast(:teams as uuid[]))) {where}
  order by c.arrived_at desc, c.id desc limit :limit)
"""

_BOUNDS = {"since": "s.arrived_at >= :since", "until": "s.arrived_at < :until", "before_at": "s.arrived_at <= :before_at"}
"""What bounds the time of contacts bounds the walk over an agent's segments, which carry it."""

_LIST = """
select c.id, c.channel, c.direction, c.number, c.arrived_at, c.ended_at, c.outcome, c.cause, c.language,
  c.answered_at is not null as answered,
  c.wait_us, c.ring_us, c.talk_us, c.hold_us, c.wrap_up_us, c.survey_answer, c.queue_id, c.agent_id, c.customer_id, c.customer_new,
  c.keys, c.flow_id, c.flow_version, c.sequence,
  (select p.value from personals p where (p.tenant_id, p.id) = (c.tenant_id, c.calling_id)) as calling,
  (select p.value from personals p where (p.tenant_id, p.id) = (c.tenant_id, c.called_id)) as called,
  (select q.name from queues q where (q.tenant_id, q.id) = (c.tenant_id, c.queue_id)) as queue,
  (select a.name from agents a where (a.tenant_id, a.id) = (c.tenant_id, c.agent_id)) as agent,
  (select u.name from customers u where (u.tenant_id, u.id) = (c.tenant_id, c.customer_id)) as customer_name,
  (select w.name from wrap_up_codes w where (w.tenant_id, w.id) = (c.tenant_id, c.wrap_up_code_id)) as wrap_up_code,
  c.wrap_up_code_id, c.wrap_up_note_id,
  (select f.id from recording_files f where (f.tenant_id, f.contact_id) = (c.tenant_id, c.id) and f.file <> '' and f.deleted_at is null
   order by f.ended_at limit 1) as recording
from contacts c
"""


_RECORDED = """exists (select 1 from recording_files g where (g.tenant_id, g.contact_id) = (c.tenant_id, c.id) and g.file <> ''
  and g.deleted_at is null)"""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; None and "" mean anything. ``number``: how the customer's number begins; ``talk_from``, ``talk_to``: seconds of
    talk, both included; ``wrap_up``: a code's id; ``tag``: of one of its recordings.
    """

    since: datetime | None = None
    until: datetime | None = None
    queue: str = ""
    agent: str = ""
    number: str = ""
    answered: bool | None = None
    talk_from: float | None = None
    talk_to: float | None = None
    survey: int | None = None
    wrap_up: str = ""
    tag: str = ""
    recorded: bool | None = None

    @property
    def rare(self) -> bool:
        """Few contacts are so, or an index leads to them: they are met sooner than the newest of each agent."""
        facts = (self.talk_from, self.talk_to, self.survey, self.wrap_up or None, self.tag or None, self.recorded)
        return any(fact is not None for fact in facts)


def who(scope: Scope, agent: str) -> dict[str, Any]:
    everything = scope.may("contacts.all")
    return {
        "tenant": scope.tenant, "sites": sorted(scope.sites), "all": everything,
        "agent": agent or None if scope.may("contacts.own") else None,
        "teams": sorted(scope.teams) if scope.may("contacts.team") else [],
    }  # fmt: skip


async def contacts(
    connection: AsyncConnection, scope: Scope, agent: str, wanted: Filter, *, before: tuple[int, str] | None, limit: int
) -> list[dict[str, Any]]:
    """Contacts that the caller (``agent``: himself as an agent) may see, newest first, after the place ``before``."""
    conditions, values = _conditions(wanted)
    few = False
    if wanted.number.strip("+"):
        begins = _begins(wanted.number, await _country_code(connection, scope))
        callers = await _of_number(connection, scope, begins)
        few = callers is not None
        if callers is not None:
            conditions.append("c.id = any(cast(:callers as uuid[])) and c.calling_id = any(cast(:addresses as uuid[]))")
            values |= {"callers": [contact for contact, _ in callers], "addresses": [address for _, address in callers]}
        else:
            conditions.append(
                "exists (select 1 from personals p where p.tenant_id = c.tenant_id and p.id = c.calling_id and p.kind = 'address'"
                f" and ({_ranges(begins)}))"
            )
            values |= _bounds(begins)
    if before is not None:
        conditions.append("(c.arrived_at, c.id) < (:before_at, cast(:before_id as uuid))")
        values |= {"before_at": moment(before[0]), "before_id": before[1]}
    where = "".join(f" and {condition}" for condition in conditions)
    if few or wanted.rare:
        chosen = f"{VISIBLE} {where}"
    elif scope.may("contacts.all"):
        chosen = f"c.site_id = any(cast(:sites as uuid[])) {where}"
    else:
        taken = "and false" if wanted.answered is False else ""  # what an agent took is answered: nothing to search
        when = "".join(f" and {_BOUNDS[name]}" for name in _BOUNDS if name in values)
        chosen = f"c.id in ({_OF_AGENTS.format(where=where, taken=taken, when=when)})"
    rows = await connection.execute(
        text(f"{_LIST} where c.tenant_id = :tenant and {chosen} order by c.arrived_at desc, c.id desc limit :limit"),
        who(scope, agent) | values | {"limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def _country_code(connection: AsyncConnection, scope: Scope) -> str:
    country = await connection.scalar(text("select country from tenants where id = :tenant"), {"tenant": scope.tenant})
    return f"+{phonenumbers.country_code_for_region(str(country))}"


def _conditions(wanted: Filter) -> tuple[list[str], dict[str, Any]]:
    given: dict[str, tuple[str, Any]] = {
        "since": ("c.arrived_at >= :since", wanted.since),
        "until": ("c.arrived_at < :until", wanted.until),
        "queue": ("c.queue_id = cast(:queue as uuid)", wanted.queue),
        "by": (
            "exists (select 1 from segments g where (g.tenant_id, g.contact_id) = (c.tenant_id, c.id) and g.agent_id = cast(:by as uuid)"
            " and (g.answered_at is not null or g.kind = 'dial'))", wanted.agent,
        ),
    }  # fmt: skip
    given |= {
        "talk_from": ("c.talk_us >= :talk_from * 1000000", wanted.talk_from),
        "talk_to": ("c.talk_us <= :talk_to * 1000000", wanted.talk_to),
        "survey": ("c.survey_answer = :survey", wanted.survey),
        "wrap_up": ("c.wrap_up_code_id = cast(:wrap_up as uuid)", wanted.wrap_up),
        "tag": (
            "c.id in (select g.contact_id from recording_files g where g.tenant_id = :tenant and g.tags <> '[]' and g.tags @> :tag)",
            Jsonb([wanted.tag]) if wanted.tag else "",
        ),
    }  # fmt: skip
    used = {name: pair for name, pair in given.items() if pair[1] is not None and pair[1] != ""}
    conditions = [condition for condition, _ in used.values()]
    values = {name: value for name, (_, value) in used.items()}
    if wanted.answered is not None:
        conditions.append("c.answered_at is not null" if wanted.answered else "c.answered_at is null")
    if wanted.recorded is not None:
        conditions.append("not " * (not wanted.recorded) + _RECORDED)
    return conditions, values


_FEW = 5_000
"""Up to so many contacts of the numbers looked for are gone through one by one; of more, the newest are soon met on the way."""


def _begins(number: str, country_code: str) -> tuple[str, ...]:
    """How the kept numbers begin that are meant: as they are written, in E.164, and from the national form."""
    digits = number.removeprefix("+")
    return tuple(dict.fromkeys((f"+{digits}", digits, f"{country_code}{digits.removeprefix('0')}")))


def _bounds(begins: tuple[str, ...]) -> dict[str, Any]:
    return {f"n{place}": begin for place, begin in enumerate(begins)} | {
        f"m{place}": begin[:-1] + chr(ord(begin[-1]) + 1) for place, begin in enumerate(begins)
    }


def _ranges(begins: tuple[str, ...]) -> str:
    """A value that begins so lies from the beginning up to its successor: found by the index also where the value is a parameter."""
    return " or ".join(f"(p.value ~>=~ :n{place} and p.value ~<~ :m{place})" for place in range(len(begins)))


async def _of_number(connection: AsyncConnection, scope: Scope, begins: tuple[str, ...]) -> list[tuple[str, str]] | None:
    """The contacts of every site that one of these numbers has a part in, each with the kept number's id; None when they are many."""
    rows = await connection.execute(
        text(
            "select p.contact_id, p.id from personals p where p.tenant_id = :tenant and p.kind = 'address' and p.contact_id is not null"
            f" and ({_ranges(begins)}) limit :most"
        ),
        {"tenant": scope.tenant, "most": _FEW + 1} | _bounds(begins),
    )
    found = [(str(row[0]), str(row[1])) for row in rows]
    return found if len(found) <= _FEW else None


async def contact(connection: AsyncConnection, scope: Scope, agent: str, id: str) -> dict[str, Any] | None:
    """One contact, if the caller may see it."""
    rows = await connection.execute(text(f"{_LIST} where c.id = :id and {VISIBLE}"), who(scope, agent) | {"id": id})
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def _rows(connection: AsyncConnection, scope: Scope, id: str, query: str) -> list[dict[str, Any]]:
    rows = await connection.execute(text(query), {"tenant": scope.tenant, "id": id})
    return [dict(row) for row in rows.mappings()]


async def segments(connection: AsyncConnection, scope: Scope, id: str) -> list[dict[str, Any]]:
    """The parts of a contact that the caller was found to be allowed to see."""
    return await _rows(connection, scope, id, """
        select s.id, s.number, s.kind, s.began_at, s.ended_at, s.answered_at, s.cause, s.queue_id, s.agent_id, s.ring_us, s.talk_us,
          s.hold_us, s.holds, s.wrap_up_us,
          (select q.name from queues q where (q.tenant_id, q.id) = (s.tenant_id, s.queue_id)) as queue,
          (select a.name from agents a where (a.tenant_id, a.id) = (s.tenant_id, s.agent_id)) as agent
        from segments s where s.tenant_id = :tenant and s.contact_id = :id order by s.number""")  # fmt: skip


async def events(connection: AsyncConnection, scope: Scope, id: str) -> list[dict[str, Any]]:
    """The journey: every fact of the contact in order."""
    return await _rows(connection, scope, id, """
        select l.id, l.type, l.version, l.occurred_at, l.sequence, l.segment_id, l.queue_id, l.agent_id, l.cause, l.payload,
          (select q.name from queues q where (q.tenant_id, q.id) = (l.tenant_id, l.queue_id)) as queue,
          (select a.name from agents a where (a.tenant_id, a.id) = (l.tenant_id, l.agent_id)) as agent
        from ledger l
        where l.tenant_id = :tenant and l.contact_id = :id
        order by l.occurred_at, l.sequence limit 2000""")  # fmt: skip


async def flows(connection: AsyncConnection, scope: Scope, id: str) -> dict[tuple[str, int], dict[str, Any]]:
    """The documents of the flows through which the contact went, by id and version."""
    rows = await _rows(connection, scope, id, """
        select v.flow_id, v.number, v.document from flow_versions v where v.tenant_id = :tenant and (v.flow_id::text, v.number::text) in (
          select l.payload->>'flow', l.payload->>'flow_version' from ledger l
          where l.tenant_id = :tenant and l.contact_id = :id and l.type in ('flow.started', 'flow.side_began'))""")  # fmt: skip
    return {(str(row["flow_id"]), row["number"]): row["document"] for row in rows}


async def surveys(connection: AsyncConnection, scope: Scope, id: str) -> list[dict[str, Any]]:
    """What the caller was asked and answered."""
    return await _rows(connection, scope, id, """
        select v.survey, v.segment_id, v.asked_at, v.answered_at, v.answer, v.agent_id, v.queue_id
        from surveys v where v.tenant_id = :tenant and v.contact_id = :id order by v.asked_at""")  # fmt: skip


async def personal(connection: AsyncConnection, scope: Scope, id: str | None) -> str:
    """A personal value of the tenant; "" when it was erased."""
    found = await connection.scalar(
        text("select value from personals where tenant_id = :tenant and id = cast(:id as uuid)"), {"tenant": scope.tenant, "id": id}
    )
    return str(found or "")


async def customer_numbers(connection: AsyncConnection, scope: Scope, id: str | None) -> dict[str, Any] | None:
    """The customer's card."""
    found = await connection.execute(
        text("""
            select u.id, u.version, u.name, u.region, u.class, u.language, u.note,
              array(select n.number from customer_numbers n where (n.tenant_id, n.customer_id) = (u.tenant_id, u.id)
                    order by n.place) as numbers
            from customers u where u.tenant_id = :tenant and u.id = cast(:id as uuid)"""),
        {"tenant": scope.tenant, "id": id},
    )
    row = found.mappings().first()
    return None if row is None else dict(row)
