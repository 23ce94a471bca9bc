"""Agents' work as supervisors see it: whose, for which days, and the file; the figures are those of rules/work.py."""

from __future__ import annotations

import csv
import io
from typing import Any

from sqlalchemy import text
from tests.web.world import NAME, World

DAYS = {"2026-03-30": 3, "2026-03-31": 5}


async def worked(world: World) -> None:
    """Both agents answered some calls on two days, and had lunch."""
    mine = world.mine
    async with world.database.transaction() as connection:
        for day, count in DAYS.items():
            for extension in ("1001", "1002"):
                values = {"tenant": mine.id, "site": mine.site, "agent": mine.people[extension].agent, "day": day, "count": count}
                await connection.execute(
                    text("""
                        insert into agent_days (tenant_id, site_id, agent_id, day, answered, missed, login_us, ready_us, not_ready_us,
                          busy_us, ring_us, talk_us)
                        values (:tenant, :site, :agent, cast(:day as date), :count, 1, 3600000000, 1800000000, 600000000, 1200000000,
                          200000000, 1000000000)"""),
                    values,
                )
                await connection.execute(
                    text("insert into agent_pauses values (:tenant, :site, :agent, cast(:day as date), :reason, 2, 600000000)"),
                    values | {"reason": mine.ids["reason"]},
                )


async def asked(world: World, who: str, query: str, expect: int = 200) -> Any:
    answer = await world.ask("GET", f"/agent_work?{query}", await world.headers(who))
    assert answer.status_code == expect, answer.text
    return answer.json()


async def test_supervisors_see_what_the_agents_of_their_teams_did(world: World) -> None:
    await worked(world)
    period = "from=2026-03-30&to=2026-03-31"
    (one,) = (await asked(world, "1100", period))["items"]
    assert (one["agent"]["extension"], one["answered"], one["missed"], one["handling_seconds"]) == ("1001", 8, 2, 250.0)
    assert one["occupancy"] == 2000 / 5600
    assert one["pauses"] == [{"reason": world.mine.ids["reason"], "name": NAME, "count": 4, "seconds": 1200.0}]
    everybody = await asked(world, "admin", period)
    assert [line["agent"]["extension"] for line in everybody["items"]] == ["1001", "1002"]
    assert (everybody["total"]["answered"], everybody["total"]["login_seconds"]) == (16, 14_400.0)
    days = (await asked(world, "1100", f"{period}&by=day"))["items"]
    assert [(line["day"], line["answered"]) for line in days] == list(DAYS.items())
    assert (await asked(world, "1100", f"{period}&agent={world.mine.people['1002'].agent}"))["items"] == []
    await asked(world, "1001", period, 403)
    for wrong in ("from=2026-03-31&to=2026-03-30", "from=2026-01-01&to=2026-12-31"):
        assert (await asked(world, "1100", wrong, 422))["code"] == "period_invalid"
    who = await world.headers("1100")
    file = await world.ask("GET", f"/agent_work/export?{period}&by=day", who, headers={"Accept-Language": "en"})
    head, *lines = csv.reader(io.StringIO(file.content.decode("utf-8-sig")))
    assert [dict(zip(head, line, strict=True))["Answered"] for line in lines] == ["3", "5"]
    assert head[-1] == "Not ready: name (s)"
