"""Many callers and agents' telephones from one process.

``Load`` holds one socket for the callers and one for the agents' phones. Run it in an event loop; the API of the product is called in
threads meanwhile (``Load.ask``).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import httpx
from tests.system.sounds import Sounds
from tests.system.stack import PATIENCE, Api
from tests.system.telephones import Call, Phone, Phones

__all__ = ["Call", "Load", "Phone", "Phones", "count", "make_agents", "patiently", "until"]
T = TypeVar("T")


class Load:
    """Callers, agents' phones and their people."""

    def __init__(self, base: str, sip_port: int, *, sound: bool = True, people: dict[str, Api] | None = None) -> None:
        """``people``: those who are signed in already; they stay so when it is closed."""
        self.base = base
        self.sounds = Sounds() if sound else None
        server = ("127.0.0.1", sip_port)
        self.callers = Phones(server, self.sounds)
        self.desks = Phones(server, self.sounds)
        self.people: dict[str, Api] = {} if people is None else people
        self._kept = people is not None
        self._signing_in = asyncio.Semaphore(3)

    async def open(self) -> Load:
        await self.callers.open()
        await self.desks.open()
        return self

    async def close(self) -> None:
        for call in [*self.callers.calls, *self.desks.calls]:
            call.hang_up()
        await asyncio.sleep(0.3)
        self.callers.close()
        self.desks.close()
        for person in () if self._kept else self.people.values():
            person.close()
        if self.sounds is not None:
            self.sounds.stop()

    async def ask(self, user: str, method: str, path: str, expect: int = 200, **options: Any) -> Any:
        """A request of a signed-in person, beside the calls."""
        if user not in self.people:
            async with self._signing_in:
                self.people[user] = await asyncio.to_thread(_again, lambda: Api(self.base, user))
        return await asyncio.to_thread(patiently, self.people[user], method, path, expect, **options)

    async def agent(self, user: str, secret: str, **options: Any) -> Phone:
        """A registered phone whose agent is ready."""
        phone = Phone(user, secret, **options)
        self.desks.register(phone)
        await until(lambda: phone.registered == 200, 10, f"{user} is not registered")
        await self.ask(user, "PUT", "/me/state", expect=204, json={"state": "ready"})
        return phone


def patiently(person: Api, method: str, path: str, expect: int, **options: Any) -> Any:
    """A request as an operator's script makes it: again, with the same key, when the answer is 503 or the session ran out meanwhile."""
    headers = {"Idempotency-Key": secrets.token_hex(16)} if method == "POST" else {}

    def ask() -> Any:
        try:
            return person(method, path, expect, headers=headers, **options)
        except AssertionError as error:
            if "session_ended" not in str(error):
                raise
            person.sign_in()
            return person(method, path, expect, headers=headers, **options)

    return _again(ask)


def _again(what: Callable[[], T]) -> T:
    """Until it works, while the product says that it is not available or still at it."""
    for pause in (0.5, 1.0, 2.0, 4.0, 8.0, 8.0):
        try:
            return what()
        except (AssertionError, httpx.TransportError) as error:
            if isinstance(error, AssertionError) and not any(word in str(error) for word in ("unavailable", "idempotency_in_progress")):
                raise
            time.sleep(pause)
    return what()


async def until(what: Callable[[], T], seconds: float = 10.0, why: str = "") -> T:
    """The first true answer of ``what``; fails when it does not come in ``seconds`` on a machine of its own."""
    end = time.monotonic() + PATIENCE * seconds
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{why or 'condition'} still {answer!r} after {seconds} s")
        await asyncio.sleep(0.02)


def count(calls: Iterable[Call], state: str) -> int:
    """How many are in ``state``."""
    return sum(call.state == state for call in calls)


async def make_agents(admin: Api, numbers: Iterable[int], site: str, team: str, skills: dict[str, int], password: str) -> dict[str, str]:
    """Create agents as configuration; returns each one's SIP secret."""

    def one(number: int) -> tuple[str, str]:
        answer = patiently(
            admin, "POST", "/config/users", 201,
            json={
                "username": str(number), "name": {"en": f"Load {number}"}, "roles": ["agent"], "site": site, "extension": str(number),
                "team": team, "skills": skills, "password": password,
            },
        )  # fmt: skip
        return str(number), cast(str, answer["sip_secret"])

    few = asyncio.Semaphore(3)

    async def made(number: int) -> tuple[str, str]:
        async with few:
            return await asyncio.to_thread(one, number)

    return dict(await asyncio.gather(*(made(number) for number in numbers)))
