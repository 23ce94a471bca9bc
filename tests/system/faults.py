"""The room in which processes are killed: a queue, numbers and agents of its own on the running product, and what is measured there."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from tests.figures import figure
from tests.system.load import Call, Load, Phone, make_agents, until
from tests.system.stack import PASSWORD, PATIENCE, Api, Stack

__all__ = ["Room", "figure", "gaps"]
ROOT = Path(__file__).parents[2]
FLOW = json.loads((ROOT / "packs/demo/flows/hotline.json").read_text())
STRAIGHT = {
    "schema_version": 1, "name": {"en": "Straight to the queue"}, "start": "person",
    "steps": {
        "person": {"kind": "queue", "queue": "fast", "next": {"served": "end", "timeout": "end", "full": "end", "no_agents": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


class Room:
    """Configuration made once for a stack: ``hotline`` (menu, queue ``load``, survey) and
    ``fast_line`` (queue ``fast``, 1 s of wrap-up)."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.people: dict[str, Api] = {}
        self.secrets: dict[str, str] = {}
        self.fast: dict[str, str] = {}
        self.queues: dict[str, str] = {}
        self._dead: set[int] = set()
        self._tag = 100 + secrets.randbelow(900)
        self.hotline, self.fast_line = f"969{self._tag}1", f"969{self._tag}2"

    async def prepare(self, load: Load, *, slow: int = 27, fast: int = 4) -> None:
        """Make what is not there yet."""
        if self.secrets:
            return
        first = {kind: (await load.ask("admin", "GET", f"/config/{kind}"))["items"][0]["id"] for kind in ("sites", "teams")}
        site = first["sites"]
        trunk = await load.ask("admin", "POST", "/config/trunks", expect=201, json={
            "code": f"load{self._tag}", "name": {"en": "Load"}, "site": site, "addresses": ["127.0.0.0/8"],
            "numbers": [self.hotline, self.fast_line],
        })  # fmt: skip
        for number, (code, flow, seconds) in enumerate(((self.hotline, FLOW, 0), (self.fast_line, STRAIGHT, 1))):
            kind = ("load", "fast")[number]
            queue = f"{kind}{self._tag}"
            skill = (await load.ask("admin", "POST", "/config/skills", expect=201, json={"code": queue, "name": {"en": queue}}))["id"]
            made = await load.ask("admin", "POST", "/config/queues", expect=201, json={
                "code": queue, "name": {"en": queue}, "site": site, "requirement": [{"skill": skill, "level": 1}], "music": "music",
                "ring_seconds": (60, 8)[number], "wrap_up_seconds": seconds, "maximum_wait_seconds": 600,
            })  # fmt: skip
            self.queues[kind] = made["id"]
            document = copy.deepcopy(flow)
            document["steps"]["person"]["queue"] = queue
            await self._number(load, queue, document, code, site, trunk["id"])
            base = 200_000 + 100 * self._tag + 50 * number
            numbers = range(base, base + (slow, fast)[number])
            made_agents = await make_agents(load.people["admin"], numbers, site, first["teams"], {skill: 50}, PASSWORD)
            (self.secrets, self.fast)[number].update(made_agents)
        await asyncio.sleep(1.0)  # the worker publishes it to core and switch

    async def _number(self, load: Load, code: str, document: dict[str, Any], number: str, site: str, trunk: str) -> None:
        flow = await load.ask(
            "admin", "POST", "/config/flows", expect=201, json={"code": code, "name": {"en": code}, "document": document}
        )  # fmt: skip
        await load.ask("admin", "POST", f"/config/flows/{flow['id']}/publish")
        await load.ask(
            "admin", "POST", "/config/numbers", expect=201,
            json={"number": number, "name": {"en": code}, "flow": flow["id"], "site": site, "trunk": trunk},
        )  # fmt: skip

    def caller(self, case: int, index: int) -> str:
        """A caller's number that no other test uses; those of a case begin with ``caller(case, 0)[:7]``."""
        return f"13{self._tag}{case:02}{index:04}"

    async def agents(self, load: Load, users: list[str], **options: Any) -> list[Phone]:
        """Their phones, registered; they are ready."""
        known = {**self.secrets, **self.fast}
        return list(await asyncio.gather(*(load.agent(user, known[user], **options) for user in users)))

    async def dismiss(self, load: Load) -> None:
        """Everybody hangs up and goes home, so that the next test begins with an empty room."""
        for call in [*load.callers.calls, *load.desks.calls]:
            call.hang_up()
        users = set(load.desks.phones)
        end = time.monotonic() + PATIENCE * 30
        while users and time.monotonic() < end:
            await self.end_wrap_ups(load, users)
            users -= await self._go_home(load, users)
        assert not users, f"agents who cannot go home: {await self.state_of(load, users)}"
        await load.close()

    async def _go_home(self, load: Load, users: set[str]) -> set[str]:
        states = await self.state_of(load, users)
        home = {user for user in users if states[user] in ("ready", "not_ready", "logged_off")}
        gone = set()
        for user in home:
            with contextlib.suppress(AssertionError):
                await load.ask(user, "PUT", "/me/state", expect=204, json={"state": "logged_off"})
                gone.add(user)
        return gone

    async def end_wrap_ups(self, load: Load, users: set[str]) -> None:
        """End the wrap-up of each of these agents who is in one; they are ready then."""
        items = (await load.ask("admin", "GET", "/agents"))["items"]
        for one in items:
            if one["extension"] not in users or one["state"] != "working_after_call" or not one["contact"]:
                continue
            try:
                events = (await load.ask("admin", "GET", f"/contacts/{one['contact']}"))["events"]
            except AssertionError:
                continue  # not written yet: next time
            for assignment in {event["payload"]["assignment"] for event in events if event["type"] == "acd.wrap_up_began"}:
                with contextlib.suppress(AssertionError):
                    path = f"/me/assignments/{assignment}/wrap_up"
                    await load.ask(one["extension"], "PUT", path, expect=204, json={"next_state": "ready"})

    async def state_of(self, load: Load, users: set[str]) -> dict[str, str]:
        """What the product says of agents."""
        items = (await load.ask("admin", "GET", "/agents"))["items"]
        return {one["extension"]: one["state"] for one in items if one["extension"] in users}

    async def waiting(self, load: Load, queue: str) -> int:
        """How many wait, as the product says."""
        items = (await load.ask("admin", "GET", "/queues"))["items"]
        return int(next(one["waiting"] for one in items if one["id"] == self.queues[queue]))

    async def contacts(self, load: Load, case: int) -> list[dict[str, Any]]:
        """The contacts of a case's callers."""
        found: list[dict[str, Any]] = []
        cursor, prefix = "", self.caller(case, 0)[:7]
        while True:
            page = await load.ask("admin", "GET", "/contacts", params={"limit": 200, **({"cursor": cursor} if cursor else {})})
            found.extend(one for one in page["items"] if str(one["calling"]).startswith(prefix))
            cursor = page["next"]
            if not cursor:
                return found

    async def closed(self, load: Load, case: int, users: set[str], seconds: float = 30.0) -> list[dict[str, Any]]:
        """The contacts of a case, once each of ``users`` has one and all are closed. Nobody may have two."""
        end = time.monotonic() + PATIENCE * seconds
        while True:
            found = await self.contacts(load, case)
            callers = [one["calling"] for one in found]
            twice = {calling for calling in callers if callers.count(calling) > 1}
            assert not twice, f"two contacts of one call: {twice}"
            missing, still = users - set(callers), [one["calling"] for one in found if not one["ended_at"]]
            if not missing and not still:
                return found
            assert time.monotonic() < end, f"without a contact: {sorted(missing)}; still open: {still}"
            await asyncio.sleep(0.5)

    async def talking(self, load: Load, phones: list[Phone], case: int, number: str) -> list[tuple[Call, Call]]:
        """Each phone talks with a caller of its own: (caller's side, agent's side)."""
        callers = []
        for index in range(len(phones)):
            callers.append(load.callers.call(self.caller(case, index), number, keys="0" if number == self.hotline else ""))
            await asyncio.sleep(0.05)
        await until(lambda: all(phone.call and phone.call.state == "up" for phone in phones), 40, "not all talk")
        sides = {phone.call.calling: phone.call for phone in phones if phone.call}
        return [(caller, sides[caller.user]) for caller in callers]

    async def new_call(self, load: Load, phones: list[Phone], case: int, call: Call | None = None) -> Call:
        """The next call (or the one that waits already) reaches one of ``phones``; who is refused meanwhile calls again."""
        end, number = time.monotonic() + 120, 1
        while not call or not any(phone.call and phone.call.calling == call.user for phone in phones):
            assert time.monotonic() < end, f"no new call works; the last: {call and (call.state, call.status)}"
            if not call or call.state == "over":
                call = load.callers.call(self.caller(case, number), self.fast_line)
                number += 1
            await asyncio.sleep(0.2)
        return call

    def healthz(self) -> dict[str, Any]:
        """The body of /healthz; empty while web is away."""
        try:
            answer: dict[str, Any] = httpx.get(f"{self.stack.base}/healthz", timeout=2.0).json()
            return answer
        except (httpx.HTTPError, ValueError):
            return {}

    async def well(self, seconds: float = 60.0) -> None:
        """All processes are heard again, none of those that were killed is heard still, and nothing is away."""
        end = time.monotonic() + PATIENCE * seconds
        while not _well(await asyncio.to_thread(self.healthz), self._dead):
            assert time.monotonic() < end, f"not well: {self.healthz()}"
            await asyncio.sleep(0.2)

    async def spare_ready(self) -> None:
        """The process that takes the place of one that dies stands by, as it does a few seconds after every start."""
        await until(lambda: self.stack.pids("ready"), 60, "no spare process")

    async def no_ghosts(self, seconds: float = 64.0) -> None:
        """Switch and core know of no call any more."""
        end = time.monotonic() + PATIENCE * seconds
        while True:
            beats = {one["process"]: one["figures"] for one in (await asyncio.to_thread(self.healthz)).get("processes", ())}
            calls, contacts = beats.get("switch", {}).get("calls"), beats.get("core", {}).get("contacts")
            if calls == 0 and contacts == 0:
                return
            assert time.monotonic() < end, f"left over: {calls} calls in the switch, {contacts} contacts in core"
            await asyncio.sleep(0.3)

    def engine(self, name: str) -> list[int]:
        """The processes of an engine (``postgres``, ``nats-server``): descendants of our supervisor that are called so."""
        parents = {pid: (name, parent) for pid, name, parent in _processes()}
        (supervisor,) = self.stack.pids("run")

        def ours(pid: int) -> bool:
            while pid in parents and pid != supervisor:
                pid = parents[pid][1]
            return pid == supervisor

        return [pid for pid, (comm, _) in parents.items() if comm == name and ours(pid)]

    async def died(self, process: str) -> float:
        """``kill -9`` of one of our processes or of ``nats-server``; returns the wall-clock moment."""
        if process == "nats-server":
            for pid in self.engine(process):
                os.kill(pid, signal.SIGKILL)
        else:
            self._dead.update(self.stack.pids(process))
            await asyncio.to_thread(self.stack.kill, process)
        return time.time()


def _well(health: dict[str, Any], dead: set[int]) -> bool:
    """Whether all is well, in the words of processes that live: the last heartbeat of a killed one is still good for some seconds."""
    return health.get("state") == "ok" and not dead & {one["pid"] for one in health["processes"]}


def _processes() -> Iterator[tuple[int, str, int]]:
    """(process id, name, parent) of everything that runs."""
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit():
                head, _, tail = (folder / "stat").read_text().rpartition(")")
                yield int(folder.name), head.partition("(")[2], int(tail.split()[1])


def gaps(pairs: list[tuple[Call, Call]], begin: float, end: float) -> list[float]:
    """The largest silence in ms at each ear of the pairs between two moments."""
    return [call.stream.largest_gap(begin, end) for pair in pairs for call in pair if call.stream is not None]
