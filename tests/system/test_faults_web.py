"""``kill -9`` of the web process: desks are back within seconds and show what is so (K5), writes are done once or not at all (K7)."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from typing import Any

import httpx
import pytest
import websockets
from tests.system.faults import Room, figure, gaps
from tests.system.load import Call, Load, Phone, until
from websockets.asyncio.client import connect

pytestmark = [pytest.mark.phone, pytest.mark.timeout(240)]

BOUND_SECONDS = 5.0


class Desk:
    """A desk page's live connection, as ``frontend/src/live/connection.ts`` keeps it: random pauses of half a second to four."""

    def __init__(self, base: str, token: str) -> None:
        self._url = base.replace("http", "ws", 1) + "/api/v1/live"
        self._token = token
        self._attempts = 0
        self.data: dict[str, Any] = {}
        self.shown_at = 0.0
        self.lost_at = 0.0
        self._task = asyncio.ensure_future(self._live())

    async def _live(self) -> None:
        while True:
            try:
                async with connect(
                    self._url, subprotocols=[websockets.Subprotocol("yitong.live.v1")], proxy=None, open_timeout=8
                ) as socket:
                    self._attempts = 0
                    await socket.send(json.dumps({"type": "hello", "token": self._token, "topics": {"desk": None}}))
                    async for message in socket:
                        self._heard(json.loads(message))
            except (OSError, TimeoutError, websockets.WebSocketException):
                pass
            self.lost_at = time.monotonic()
            longest = min(0.5 * 2**self._attempts, 4.0)
            self._attempts += 1
            await asyncio.sleep(longest * random.uniform(0.1, 1.0))

    def _heard(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            self.data, self.shown_at = message["data"], time.monotonic()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def desks(room: Room, load: Load, users: list[str]) -> list[Desk]:
    """A desk of each of ``users``, showing his document."""
    await asyncio.gather(*(load.ask(user, "GET", "/me") for user in users))
    opened = [Desk(room.stack.base, load.people[user].token) for user in users]
    await until(lambda: all(desk.shown_at for desk in opened), 20, "every desk shows its document")
    return opened


@pytest.mark.case("K5")
async def test_desks_are_back_and_show_what_is_so(room: Room, load: Load) -> None:
    phones = await room.agents(load, sorted(room.fast))
    pairs = await _three(room, load, phones)
    idle = sorted(room.secrets)[:12]
    for user in idle:
        await load.ask(user, "PUT", "/me/state", expect=204, json={"state": "not_ready", "reason": "break"})
    users = [*sorted(room.fast), *idle]
    open_desks = await desks(room, load, users)
    before, shown = await room.state_of(load, set(users)), [_meaning(desk.data) for desk in open_desks]
    await room.spare_ready()

    killed, at = time.monotonic(), await room.died("web")
    await until(lambda: all(desk.shown_at > killed for desk in open_desks), 60, "not every desk is back")
    back = [desk.shown_at - killed for desk in open_desks]
    lost = [desk.lost_at - killed for desk in open_desks]
    await room.well()
    assert await room.state_of(load, set(users)) == before, "an agent's state changed without a cause"
    assert [_meaning(desk.data) for desk in open_desks] == shown
    worst = max(gaps(pairs, at, time.time() - 0.1))
    assert all(side.state == "up" for pair in pairs for side in pair)
    figure("K5", f"{len(users)} desks back {min(back):.1f}-{max(back):.1f} s after the kill, all noticed within {max(lost):.1f} s; "
                 f"0 of {len(users)} agents' states changed; gap in the talks <= {worst:.0f} ms")  # fmt: skip
    assert max(back) <= BOUND_SECONDS
    for desk in open_desks:
        await desk.close()
    for caller, _ in pairs:
        caller.hang_up()
    await room.closed(load, 30, {caller.user for caller, _ in pairs})


def _meaning(document: dict[str, Any]) -> str:
    """What a desk shows of the agent's own state and calls; telephones of former tests may be found gone at any moment."""
    agent = {name: value for name, value in document["agent"].items() if name != "devices"}
    return json.dumps({"agent": agent, "assignments": document["assignments"]}, sort_keys=True)


async def _three(room: Room, load: Load, phones: list[Phone]) -> list[tuple[Call, Call]]:
    """Three of four agents talk."""
    callers = [load.callers.call(room.caller(30, index), room.fast_line) for index in range(3)]
    await until(lambda: sum(bool(phone.call and phone.call.state == "up") for phone in phones) == 3, 20, "three talk")
    sides = {phone.call.calling: phone.call for phone in phones if phone.call}
    return [(caller, sides[caller.user]) for caller in callers]


class Write:
    """One request on its way at the kill, sent again with the same key until its fate is known."""

    def __init__(self, method: str, path: str, body: dict[str, Any], version: int | None = None) -> None:
        self.method, self.path, self.body = method, path, body
        self.headers = {"Idempotency-Key": secrets.token_hex(16)} | ({"If-Match": f'"{version}"'} if version is not None else {})
        self.first = self.last = ""

    async def send(self, client: httpx.AsyncClient) -> str:
        """The status, with the problem's code; empty when the connection broke."""
        try:
            answer = await client.request(self.method, f"/api/v1{self.path}", json=self.body, headers=self.headers)
        except httpx.TransportError:
            return ""
        return str(answer.status_code) + (f" {answer.json()['code']}" if answer.status_code >= 400 else "")

    async def settle(self, client: httpx.AsyncClient) -> None:
        """Again with the same key, as an operator's script does it, until the answer says what became of it."""
        end = time.monotonic() + 60
        while (said := await self.send(client)) in ("", "409 idempotency_in_progress") or said.startswith("503"):
            assert time.monotonic() < end, f"{self.method} {self.path}: still {said!r}"
            await asyncio.sleep(1.0)
        self.last = said


@pytest.mark.soak
@pytest.mark.case("K7")
async def test_writes_under_way_are_done_once_or_not_at_all(room: Room, load: Load) -> None:
    tag = secrets.token_hex(4)
    await load.ask("admin", "GET", "/me")
    headers = {"Authorization": f"Bearer {load.people['admin'].token}"}
    limits = httpx.Limits(max_connections=80)
    async with httpx.AsyncClient(base_url=room.stack.base, headers=headers, trust_env=False, timeout=20, limits=limits) as client:
        skill = (await load.ask("admin", "GET", "/config/skills"))["items"][0]
        made = [Write("POST", "/customers", {"name": f"K7 {tag} {index}"}) for index in range(40)]
        named = [Write("POST", "/config/skills", {"code": f"k7{tag}{index}", "name": {"en": "K7"}}) for index in range(20)]
        path, value = f"/config/skills/{skill['id']}", {"code": skill["code"], "name": skill["name"]}
        changed = [Write("PUT", path, value, skill["version"]) for _ in range(10)]
        writes = [*made, *named, *changed]
        random.Random(7).shuffle(writes)
        first = {asyncio.ensure_future(write.send(client)): write for write in writes}
        await until(lambda: sum(task.done() for task in first) >= 15, 30, "some are done")
        await room.died("web")
        for task, write in first.items():
            write.first = await task
        cut = [write for write in writes if not write.first]
        for write in writes:
            write.last = write.first
        await asyncio.gather(*(write.settle(client) for write in cut))
    lost = sum(write.last.endswith("idempotency_answer_lost") for write in writes)

    names = await _customers(load, f"K7 {tag}")
    assert sorted(names) == sorted(write.body["name"] for write in made), "a customer is missing or there twice"
    codes = [one["code"] for one in await _all(load, "/config/skills") if one["code"].startswith(f"k7{tag}")]
    assert sorted(codes) == sorted(write.body["code"] for write in named)
    assert all(write.last in ("201", "409 idempotency_answer_lost") for write in made + named), [write.last for write in made + named]
    now = await load.ask("admin", "GET", path)
    assert now["version"] == skill["version"] + 1, "ten changes of one version: exactly one counts"
    assert sum(write.last == "200" for write in changed) <= 1
    assert cut, "nothing was under way at the kill"
    figure("K7", f"{len(writes)} writes, {len(cut)} cut off by the kill; sent again with the same key each is there exactly once "
                 f"({lost} had been done and only their answer was lost)")  # fmt: skip


async def _customers(load: Load, words: str) -> list[str]:
    return [one["name"] for one in await _all(load, "/customers", q=words) if one["name"].startswith(words)]


async def _all(load: Load, path: str, **asked: str) -> list[dict[str, Any]]:
    """Every page of a list."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await load.ask("admin", "GET", path, params={"limit": 100, **asked, **({"cursor": cursor} if cursor else {})})
        found += page["items"]
        cursor = page["next"] or ""
        if not cursor:
            return found
