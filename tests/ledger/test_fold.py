"""The projections: right after a story, and equal row by row when they are made anew from the ledger."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from tests.ledger.telling import Teller, story

from yitong.app import migrate
from yitong.contact import store
from yitong.contact.ledger import Batch
from yitong.domains.acd import messages as acd
from yitong.domains.reporting.model import TABLES
from yitong.domains.reporting.service import Projector
from yitong.kit.clock import SECOND, SystemClock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds


async def _write(database: Database, batches: Sequence[Batch]) -> None:
    async with database.transaction() as connection:
        for batch in batches:
            await store.append(connection, batch.tenant, batch.site, batch.events)


async def _rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    async with database.transaction() as connection:
        for name, table in TABLES.items():
            rows = await connection.execute(text(f"select * from {name} order by {', '.join(table.key)}"))
            found[name] = [tuple(row) for row in rows]
    return found


async def _one(database: Database, query: str) -> Any:
    async with database.transaction() as connection:
        return (await connection.execute(text(query))).mappings().one()


def _projector(database: Database) -> Projector:
    return Projector(database, SystemClock(), RandomIds())


async def test_a_served_contact_stands_in_the_projections_as_it_was(database: Database, served: Sequence[Batch]) -> None:
    await _write(database, served)
    assert await _projector(database).catch_up() == sum(len(batch.events) for batch in served)

    contact = await _one(database, "select * from contacts where survey_answer is not null")
    assert contact["outcome"] == "answered"
    assert (contact["wait_us"], contact["ring_us"], contact["talk_us"], contact["hold_us"], contact["wrap_up_us"]) == (
        7 * SECOND, 5 * SECOND, 25 * SECOND, 5 * SECOND, 12 * SECOND,
    )  # fmt: skip
    assert [key["keys"] for key in contact["keys"]] == ["0"]
    assert (contact["segments"], contact["survey_answer"], contact["customer_new"], contact["ended_by"]) == (4, 1, True, "customer")
    segment = await _one(database, "select * from segments where kind = 'agent'")
    assert (segment["holds"], segment["talk_us"], segment["cause"], segment["number"]) == (1, 25 * SECOND, "agent_left", 3)
    recording = await _one(database, "select * from recordings")
    assert (recording["milliseconds"], recording["holds"], recording["complete"]) == (30_000, [[10_000, 15_000]], True)
    other = await _one(database, "select outcome, wait_us from contacts where survey_answer is null")
    assert tuple(other.values()) == ("abandoned", 4 * SECOND)


async def test_base_quantities_are_counted_from_the_facts_alone(database: Database, served: Sequence[Batch]) -> None:
    await _write(database, served)
    await _projector(database).catch_up()
    sums = ", ".join(f"sum({name})::int as {name}" for name in (
        "requested", "offered", "answered", "answered_in_time", "abandoned", "abandoned_short", "abandoned_in_time",
    ))  # fmt: skip
    queue = await _one(database, f"select {sums}, sum(talk_us)::bigint as talk_us, max(longest_wait_us) as longest from queue_intervals")
    assert dict(queue) == {
        "requested": 2, "offered": 2, "answered": 1, "answered_in_time": 1, "abandoned": 1, "abandoned_short": 1, "abandoned_in_time": 1,
        "talk_us": 25 * SECOND, "longest": 7 * SECOND,
    }  # fmt: skip
    offers = await _one(database, "select array_agg(outcome order by offered_at) as outcomes from offers")
    assert offers["outcomes"] == ["refused", "answered"]


async def test_agent_states_are_intervals_without_gap_or_overlap(database: Database, served: Sequence[Batch]) -> None:
    await _write(database, served)
    await _projector(database).catch_up()
    async with database.transaction() as connection:
        rows = (await connection.execute(text("select * from agent_activity order by agent_id, began_at, number"))).mappings().all()
    for before, after in pairwise(rows):
        if before["agent_id"] == after["agent_id"]:
            assert before["ended_at"] == after["began_at"], "an interval ends where the next begins"
            assert before["ended_at"] > before["began_at"]
    bob = [row["state"] for row in rows if row["agent_id"] == rows[-1]["agent_id"]]
    ann = [row["state"] for row in rows if row["agent_id"] != rows[-1]["agent_id"]]
    assert sorted([ann, bob], key=len) == [
        ["ready", "busy", "ready", "not_ready"],
        ["ready", "busy", "working_after_call", "ready", "logged_off"],
    ]
    days = await _one(
        database,
        "select sum(login_us)::bigint as login, sum(busy_us + working_after_call_us + ready_us + not_ready_us)::bigint as parts"
        " from agent_days",
    )
    assert days["login"] == days["parts"] > 0


async def test_pauses_from_before_the_upgrade_are_counted_by_it_as_by_the_fold(
    database: Database, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over midnight and over a week; the last one still lasts."""
    agent = teller.id()
    there = acd.AgentDeviceChanged(agent=agent, device="d", kind="phone", registered=True, answering=True)
    story_ = [teller.tell(there, acd.AgentDutyChanged(agent=agent, duty="ready"))]
    for reason, hours in (("meal", 1.0), ("", 14.0), ("meal", 0.5), ("leave", 150.0), ("meal", 2.0)):
        duties: tuple[acd.Duty, ...] = ("not_ready", "ready")
        for duty in duties:
            story_.append(teller.tell(acd.AgentDutyChanged(agent=agent, duty=duty, reason=reason), after=hours * 3600))
    story_.append(teller.tell(acd.AgentDutyChanged(agent=agent, duty="not_ready", reason="meal"), after=60))
    await _write(database, story_)
    await _projector(database).catch_up()
    folded = (await _rows(database))["agent_pauses"]
    assert len(folded) > 8
    paused = await _one(database, "select sum(not_ready_us)::bigint as us, sum(pauses)::int as pauses from agent_pauses")
    spent = await _one(database, "select sum(not_ready_us)::bigint as us from agent_days")
    assert (paused["us"], paused["pauses"]) == (spent["us"], 5)
    made: list[str] = []
    (file,) = (migrate.MIGRATIONS / "versions").glob("*_agent_work.py")
    migration = importlib.import_module(f"yitong.app.migrations.versions.{file.stem}")
    monkeypatch.setattr(migration, "op", SimpleNamespace(execute=made.append))
    migration._pauses()
    async with database.transaction() as connection:
        await connection.execute(text("truncate agent_pauses"))
        await connection.execute(text(made[0]))
    assert (await _rows(database))["agent_pauses"] == folded


async def test_rebuilding_gives_equal_rows(database: Database, teller: Teller) -> None:
    projector = _projector(database)
    for _ in range(8):  # folded little by little, as it happens live
        for batch in story(teller):
            await _write(database, [batch])
            if teller.sequence % 3:
                await projector.catch_up(step=7)
    await projector.catch_up()
    live = await _rows(database)
    assert len(live["contacts"]) == 16
    async with database.transaction() as connection:
        await connection.execute(text("update contacts set talk_us = talk_us + 1"))
        await connection.execute(text("delete from segments where number = 2"))
    await _projector(database).rebuild()
    assert await _rows(database) == live


async def test_an_event_that_cannot_be_folded_stops_no_other(database: Database, teller: Teller) -> None:
    batches = story(teller)
    broken = batches[5].events[0]
    async with database.transaction() as connection:
        for batch in batches:
            await store.append(connection, batch.tenant, batch.site, batch.events)
        await connection.execute(text("update ledger set payload = '{}' where id = :id"), {"id": broken.id})
    await _projector(database).catch_up()
    async with database.transaction() as connection:
        assert await store.faults(connection) == {"not_folded": 1}
    assert (await _one(database, "select count(*) as n from contacts where outcome = 'answered'"))["n"] == 1
