"""Assessments by people of every role: begun, marked, published, answered, settled, counted; what nobody else may see or do."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import text
from tests.web.world import CRITERIA, NAME, World

from yitong.domains.assessment.store import kept
from yitong.kit.scope import Scope

MARKS = [{"key": "polite", "value": 4}, {"key": "named", "value": 1}, {"key": "secret", "value": 1}]
WORST = [{"key": "polite", "value": 5}, {"key": "named", "value": 1}, {"key": "secret", "value": 0}]


class Walk:
    """One assessment and its version."""

    def __init__(self, world: World, whole: dict[str, Any]) -> None:
        self.world = world
        self.whole = whole

    @property
    def path(self) -> str:
        return f"/assessments/{self.whole['id']}"

    async def do(self, who: str, method: str, act: str = "", expect: int = 200, **body: Any) -> Any:
        """Somebody does something to it, knowing its present version."""
        sent = {"json": body} if body else {}
        answer = await self.world.ask(
            method, self.path + act, await self.world.headers(who), headers={"If-Match": f'"{self.whole["version"]}"'}, **sent
        )
        assert answer.status_code == expect, (method, act, answer.text)
        given = answer.json() if answer.content else {}
        if expect == 200:
            self.whole = given
        return given


async def begun(world: World, name: str = "red", who: str = "1100", *, expect: int = 201, sheet: str = "") -> Walk:
    """A draft about the recording of that contact."""
    body = {"recording": world.mine.ids[f"recording {name}"], "sheet": sheet or world.mine.ids["score_sheet"]}
    answer = await world.ask("POST", "/assessments", await world.headers(who), json=body)
    assert answer.status_code == expect, answer.text
    return Walk(world, answer.json())


async def listed(world: World, who: str, query: str = "from=2020-01-01") -> list[dict[str, Any]]:
    answer = await world.ask("GET", f"/assessments?{query}", await world.headers(who))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def unread(world: World) -> int:
    """What the badge of the agent says."""
    answer = await world.ask("GET", "/assessments/unread", await world.headers("1001"))
    assert answer.status_code == 200, answer.text
    return int(answer.json()["count"])


async def has_read(world: World, id: str, version: int) -> None:
    """What remains of a reading that began before another version was there."""
    scope, agent = Scope(tenant=world.mine.id, user=""), world.mine.people["1001"].agent
    async with world.database.transaction() as connection:
        await kept.read(connection, scope, agent, id, version, at=world.seed.clock.now())


@pytest.mark.req("O45")
async def test_a_recording_is_the_basis_of_an_assessment(world: World) -> None:
    """A real web process and PostgreSQL: from the recording to the agent's answer and the corrected score."""
    await world.contact(world.mine, "red", "1001")
    one = await begun(world)
    assert (one.whole["state"], one.whole["percent"], one.whole["agent"]["extension"]) == ("draft", None, "1001")
    assert await listed(world, "1001") == []
    await one.do("1100", "POST", "/publish", 409)
    comments = [{"at_ms": 900, "text": "打断客户"}, {"at_ms": 200, "text": "问候得体"}]
    await one.do("1100", "PUT", marks=MARKS, comments=comments, note="总体良好")
    assert one.whole["percent"] == 88.0
    assert [comment["at_ms"] for comment in one.whole["comments"]] == [200, 900]
    await one.do("1100", "POST", "/publish")

    (seen,) = await listed(world, "1001", "unread=true")
    assert (seen["percent"], seen["state"], seen["unread"], await unread(world)) == (88.0, "published", True, 1)
    await one.do("1100", "GET")
    assert await unread(world) == 1, "the supervisor's reading is not the agent's"
    assert not (await listed(world, "1100"))[0]["unread"]
    assert (await one.do("1001", "GET"))["unread"]
    assert (await unread(world), await listed(world, "1001", "unread=true")) == (0, [])
    await one.do("1001", "PUT", "", 403, marks=MARKS)
    await one.do("1001", "POST", "/answer", text="客户先打断了我")
    await one.do("1001", "POST", "/answer", 409, text="再说一次")
    settled = await one.do("1100", "POST", "/settle", text="同意，改正", marks=[{"key": "polite", "value": 5}, *MARKS[1:]])
    assert (settled["state"], settled["percent"], settled["answer"]) == ("settled", 100.0, "客户先打断了我")
    assert await unread(world) == 1, "what became of the answer is news"
    await has_read(world, one.whole["id"], one.whole["version"] - 1)
    assert await unread(world) == 1, "he read what was settled meanwhile"
    await one.do("1100", "DELETE", "", 409)

    who, path = await world.headers("1100"), f"/recordings/{world.mine.ids['recording red']}"
    assert (await world.ask("DELETE", path, who, headers={"X-Reason": "gone"})).status_code == 204
    assert (await one.do("1001", "GET"))["percent"] == 100.0
    (mean,) = (await world.ask("GET", "/assessments/means?from=2020-01-01", await world.headers("1001"))).json()["items"]
    assert (mean["mean"], mean["count"], mean["lowest"]) == (100.0, 1, 100.0)
    async with world.database.transaction() as connection:
        told = await connection.execute(
            text("select action from audit where object_kind = 'assessment' and object_id = :id order by number"), {"id": one.whole["id"]}
        )
        actions = [row[0] for row in told]
    assert [action for action in actions if action not in ("assessment.altered", "assessment.read")] == [
        "assessment.made", "assessment.published", "assessment.answered", "assessment.settled",
    ]  # fmt: skip


async def test_who_may_assess_whom(world: World) -> None:
    for name, agent in (("red", "1001"), ("blue", "1002"), ("gone", "1001")):
        await world.contact(world.mine, name, agent)
    one = await begun(world)
    await begun(world, expect=409)
    await begun(world, "blue", expect=404)
    await begun(world, "red", "1200", expect=404)
    await begun(world, "red", "1001", expect=403)
    await begun(world, sheet=world.mine.ids["queue"], expect=422)
    await begun(world, "blue", "admin")
    who = await world.headers("1100")
    gone = f"/recordings/{world.mine.ids['recording gone']}"
    assert (await world.ask("DELETE", gone, who, headers={"X-Reason": "gone"})).status_code == 204
    await begun(world, "gone", expect=410)
    for stranger in ("1001", "1002", "1200"):
        await one.do(stranger, "GET", "", 404)
    assert (await world.ask("GET", "/assessments", await world.headers("nobody"))).status_code == 403
    assert (await world.ask("GET", "/score_sheets", await world.headers("1001"))).status_code == 403
    for wrong in ([{"key": "polite", "value": 6}], [{"key": "other", "value": 1}], [*MARKS, MARKS[0]]):
        assert (await one.do("1100", "PUT", "", 422, marks=wrong))["code"] == "mark_invalid"
    await one.do("1100", "PUT", marks=WORST)
    assert one.whole["percent"] == 0.0
    one.whole["version"] -= 1
    await one.do("1100", "PUT", "", 409, marks=MARKS)
    one.whole["version"] += 1
    await one.do("1100", "DELETE", "", 204)
    await begun(world)


async def test_nobody_assesses_himself(world: World) -> None:
    """A supervisor who takes calls and leads the team that he is in."""
    red = world.mine.ids["team red"]
    async with world.database.transaction() as connection:
        await connection.execute(
            text("insert into user_roles (tenant_id, user_id, role_id) values (:tenant, :user, :role)"),
            {"tenant": world.mine.id, "user": world.mine.people["1001"].id, "role": world.mine.ids["role supervisor"]},
        )
        await connection.execute(
            text("insert into team_supervisors (tenant_id, team_id, user_id) values (:tenant, :team, :user)"),
            {"tenant": world.mine.id, "team": red, "user": world.mine.people["1001"].id},
        )
    await world.contact(world.mine, "red", "1001")
    assert (await begun(world, "red", "1001", expect=409)).whole["code"] == "own_talk"
    one = await begun(world)
    await one.do("1001", "GET", "", 404)
    await one.do("1100", "PUT", marks=MARKS)
    await one.do("1100", "POST", "/publish")
    assert (await one.do("1001", "GET"))["own"] is True
    await one.do("1001", "POST", "/answer", text="不同意")
    assert (await one.do("1001", "POST", "/settle", 409, text="我同意自己"))["code"] == "own_talk"


async def test_lists_means_and_the_file_tell_the_same(world: World) -> None:
    for name, age in (("first", 3), ("second", 2), ("third", 1)):
        await world.contact(world.mine, name, "1001", minutes_ago=age)
    for name, polite in (("first", 5), ("second", 1), ("third", 3)):
        one = await begun(world, name)
        await one.do("1100", "PUT", marks=[{"key": "polite", "value": polite}, *MARKS[1:]], note="=1+1")
        if name != "third":
            await one.do("1100", "POST", "/publish")
    assert [one["percent"] for one in await listed(world, "1100")] == [76.0, 52.0, 100.0]
    assert [one["percent"] for one in await listed(world, "1100", "from=2020-01-01&score_from=60&state=published")] == [100.0]
    assert [one["percent"] for one in await listed(world, "1001")] == [52.0, 100.0]
    page = (await world.ask("GET", "/assessments?limit=1", await world.headers("1001"))).json()
    following = (await world.ask("GET", f"/assessments?limit=1&cursor={page['next']}", await world.headers("1001"))).json()
    assert [page["items"][0]["percent"], following["items"][0]["percent"]] == [52.0, 100.0]
    (mean,) = (await world.ask("GET", "/assessments/means?from=2020-01-01", await world.headers("1100"))).json()["items"]
    assert (mean["mean"], mean["count"], mean["lowest"], mean["highest"]) == (76.0, 2, 52.0, 100.0)
    file = await world.ask("GET", "/assessments/export?from=2020-01-01", await world.headers("1100"), headers={"Accept-Language": "en"})
    lines = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert file.headers["content-type"].startswith("text/csv")
    assert [line[7] for line in lines] == ["Per cent", "76.0", "52.0", "100.0"]
    assert {line[-1] for line in lines[1:]} == {"'=1+1"}


async def test_a_sheet_changes_and_what_was_assessed_by_it_stays(world: World) -> None:
    await world.contact(world.mine, "red", "1001")
    one, admin = await begun(world), await world.headers("admin")
    path = f"/config/score_sheets/{world.mine.ids['score_sheet']}"
    changed = {"code": "service", "name": NAME, "criteria": CRITERIA[:1], "enabled": False, "pass_percent": 90}
    assert (await world.ask("PUT", path, admin, json=changed, headers={"If-Match": '"1"'})).status_code == 200
    assert (await world.ask("DELETE", path, admin, headers={"If-Match": '"2"'})).json()["code"] == "in_use"
    assert (await world.ask("GET", "/score_sheets", await world.headers("1100"))).json()["items"] == []
    await one.do("1100", "PUT", marks=MARKS)
    assert (one.whole["percent"], one.whole["sheet"]["version"], one.whole["passed"]) == (88.0, 1, None)
    for criteria in ([], CRITERIA[2:], [CRITERIA[0], CRITERIA[0]]):
        answer = await world.ask("POST", "/config/score_sheets", admin, json={"code": "x", "name": NAME, "criteria": criteria})
        assert answer.status_code == 422, answer.text
