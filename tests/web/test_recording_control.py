"""Pausing and recording on demand over the API: rights, teams, what the live documents show, one audit entry an act and an end."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from tests.web.centre import Centre, until
from tests.web.world import World


async def entries(world: World) -> list[tuple[str, str, str]]:
    """Action, cause and who did it, of the recordings' entries."""
    async with world.database.transaction() as connection:
        rows = await connection.execute(
            text(
                "select action, details->>'cause', coalesce(actor::text, '') from audit"
                " where tenant_id = :tenant and action like 'recording.%' order by number"
            ),
            {"tenant": world.mine.id},
        )
        return [(row[0], row[1], row[2]) for row in rows]


def shown(centre: Centre, world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is recorded, on the agent's desk and on the board."""
    live, agent = centre.host().partition.live, str(world.mine.people["1001"].agent)
    live.flush()
    (talk,) = live.document(f"desk.{agent}")[1]["assignments"].values()
    return talk["recorded"], live.document("board")[1]["agents"][agent]["recorded"]


async def test_pause_and_demand_from_desk_and_board(world: World, centre: Centre) -> None:
    await centre.start_worker()
    who, assignment = await centre.talking("1001")
    boss, other = await world.headers("1100"), await world.headers("1002")
    agent, user, chief = (world.mine.people[name] for name in ("1001", "1001", "1100"))
    own, theirs = f"/me/assignments/{assignment}/recording", f"/agents/{agent.agent}/recording"

    async def ask(path: str, by: dict[str, str], expect: int, **body: int) -> str:
        answer = await world.ask("POST", path, by, **({"json": body} if path.endswith(("pause", "start")) else {}))
        assert answer.status_code == expect, answer.text
        return str(answer.json()["code"]) if answer.content else ""

    assert await ask(f"{own}/pause", who, 204, seconds=200) == ""
    await until(lambda: shown(centre, world)[0]["pause"]["on"])
    desk, board = shown(centre, world)
    assert (desk["pause"]["by"], board["paused"], board["rule"]) == ("agent", True, True)
    assert board["pause"] == {"by": "agent", "until": desk["pause"]["until"]}
    assert desk["pause"]["until"] - desk["pause"]["since"] == 120_000_000, "the queue's limit"
    assert await ask(f"{own}/pause", who, 409) == "wrong_state"
    assert await ask(f"{own}/resume", other, 404) == "not_found"
    assert await ask(f"{theirs}/resume", other, 404) == "not_found", "only of one's teams"
    assert await ask(f"{own}/resume", who, 204) == ""
    assert shown(centre, world)[0]["pause"] is None

    assert await ask(f"{own}/start", who, 403) == "forbidden"
    assert await ask(f"{theirs}/start", who, 403) == "forbidden"
    assert await ask(f"{theirs}/start", boss, 204) == ""
    desk, board = shown(centre, world)
    assert (desk["demand"]["own"], board["demand"]["until"]) == (False, None)
    assert await ask(f"{theirs}/start", boss, 409) == "recorded_on_demand"
    assert await ask(f"{theirs}/stop", boss, 204) == ""
    assert await ask(f"{theirs}/stop", boss, 409) == "wrong_state"
    assert await ask(f"{theirs}/start", boss, 204, seconds=600) == ""
    assert (await world.ask("POST", f"/me/assignments/{assignment}/hang_up", who)).status_code == 204
    await until(lambda: [one.state for one in centre.assignments("1001")] == ["wrapping_up"])
    await centre.projected("mine")
    assert await entries(world) == [
        ("recording.paused", "agent", user.id), ("recording.resumed", "agent", user.id), ("recording.demanded", "", chief.id),
        ("recording.demand_ended", "key", chief.id), ("recording.demanded", "", chief.id), ("recording.demand_ended", "call_over", ""),
    ]  # fmt: skip
