"""What operators run on the ledger: trace, rebuild, and the filler for tests at size."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.ledger.telling import Teller, story

from yitong.app import demo
from yitong.app.rebuild import rebuild
from yitong.app.trace import trace
from yitong.contact import store
from yitong.kit.database import Database
from yitong.kit.settings import Settings

SCRIPT = Path(__file__).parents[2] / "scripts" / "fill_ledger.py"


async def test_trace_tells_the_way_of_a_contact(
    database: Database, teller: Teller, settings: Settings, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    batches = story(teller)
    async with database.transaction() as connection:
        for batch in batches:
            await store.append(connection, batch.tenant, batch.site, batch.events)
    reached = replace(settings, database_url=postgres_url)
    assert await trace(reached, batches[2].events[0].contact) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "contact.arrived" in lines[1]
    assert [line for line in lines if "acd.offer_ended (refused)" in line]
    assert "acd.wrap_up_ended" in lines[-1]
    assert float(lines[-1].split()[0]) > 40
    for unknown in ("no such thing", teller.id()):
        assert await trace(reached, unknown) == 1


async def test_the_filler_s_projections_are_what_a_rebuild_makes(
    settings: Settings, postgres_url: str, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    reached = replace(settings, database_url=postgres_url, demo_password="x")
    await demo.load(reached)
    spec = importlib.util.spec_from_file_location("fill_ledger", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    filler = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(filler)
    for _ in range(2):
        await filler.fill(postgres_url, 60, "archive", 90, project=True, step=25)
    assert (filled := await _sums(database))[0] == 120
    assert await rebuild(reached) == 0
    assert await _sums(database) == filled
    assert "events folded" in capsys.readouterr().out
    async with database.transaction() as connection:
        assert await store.faults(connection) == {}


async def _sums(database: Database) -> tuple[object, ...]:
    query = """
        select (select count(*) from contacts), (select md5(string_agg(contacts::text, '' order by id)) from contacts),
          (select md5(string_agg(segments::text, '' order by id)) from segments),
          (select md5(string_agg(queue_intervals::text, '' order by queue_id, began_at)) from queue_intervals),
          (select md5(string_agg(agent_days::text, '' order by agent_id, day)) from agent_days)"""
    async with database.transaction() as connection:
        return tuple((await connection.execute(text(query))).one())
