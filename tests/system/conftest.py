"""One running product for all system tests of a worker; phones that are put down afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.system.browsers import Chromium
from tests.system.desks import on_break
from tests.system.faults import Room
from tests.system.load import Load
from tests.system.phones import Phone
from tests.system.stack import Api, Stack, eventually


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the product said stands beside the failure: its home is gone when somebody reads that."""
    report = yield
    if report.failed:
        stacks = {one for one in getattr(item, "funcargs", {}).values() if isinstance(one, Stack)}
        report.sections += [(f"log of the product, {stack.home.parent.name}", stack.said()) for stack in stacks]
    return report


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("system") / "home")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def rested(request: pytest.FixtureRequest) -> None:
    """The files of a worker share one product: before each, its people end what the one before left, and take no calls."""
    if "stack" not in request.fixturenames:
        return
    running = request.getfixturevalue("stack")
    if running.served != request.path.name:
        running.served = request.path.name
        for agent in ("1001", "1002", "1003", "1004", "1100"):
            with contextlib.suppress(AssertionError):  # whoever needs him says so better
                on_break(running.person, agent, seconds=2.0)
        # A page that was closed in a call has said no BYE: its telephone is occupied until the silence is noticed.
        with contextlib.suppress(AssertionError, httpx.HTTPError):
            eventually(lambda: not talks(running), 15.0, "calls of the file before")


def talks(running: Stack) -> float:
    """How many connections have audio."""
    processes = httpx.get(f"{running.base}/healthz", timeout=10.0).json()["processes"]
    return sum(float(one["figures"].get("ports", 0.0)) for one in processes)


@pytest.fixture
def phone(stack: Stack, tmp_path: Path) -> Iterator[Callable[..., Phone]]:
    phones: list[Phone] = []

    def make(user: str, **options: Any) -> Phone:
        phones.append(Phone(tmp_path / f"{len(phones)}-{user}", user, stack.sip_port, **options))
        return phones[-1]

    yield make
    for one in phones:
        one.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The browser of this worker; a test opens pages of its own."""
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture
def api(stack: Stack) -> Callable[[str], Api]:
    """People by their names."""
    return stack.person


@pytest.fixture(scope="session")
def room(stack: Stack) -> Iterator[Room]:
    """Where processes are killed: configuration of its own."""
    made = Room(stack)
    yield made
    for person in made.people.values():
        person.close()


@pytest.fixture
async def load(stack: Stack, room: Room) -> AsyncIterator[Load]:
    """Callers and agents' phones; everybody is sent home afterwards."""
    people = await Load(stack.base, stack.sip_port, people=room.people).open()
    await room.prepare(people)
    yield people
    await room.dismiss(people)
