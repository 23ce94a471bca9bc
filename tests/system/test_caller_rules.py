"""Black and white lists set over the API of a running product, and real telephones that call in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.switches.agents import Agent
from tests.system.stack import Api, Stack
from tests.system.test_outside_lines import opened, true

pytestmark = pytest.mark.timeout(300)
HOTLINE = "96900"


def rule(code: str, **fields: Any) -> dict[str, Any]:
    return {"code": code, "name": {"en": code}, **fields}


async def call(stack: Stack, calling: str) -> int:
    """The final answer that a caller of the hotline gets."""
    caller = Agent(calling, ("127.0.0.1", stack.sip_port))
    async with opened(caller):
        caller.call(HOTLINE)
        await true(lambda: any(status >= 200 for status in caller.responses), "no final answer")
        status = next(status for status in caller.responses if status >= 200)
        assert 180 not in caller.responses or status == 200
        caller.hang_up()
        await asyncio.sleep(0.1)
        return status


async def until_answered_with(stack: Stack, calling: str, status: int) -> None:
    """The lists have come round."""
    for _ in range(100):
        if await call(stack, calling) == status:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"never answered with {status}")


def contacts(admin: Api, number: str) -> int:
    return len(admin("GET", "/contacts", params={"number": number})["items"])


@pytest.mark.req("O48")
async def test_who_is_on_the_black_list_is_never_answered(stack: Stack, api: Callable[[str], Api]) -> None:
    admin = api("admin")
    black = admin("POST", "/config/caller_rules", expect=201, json=rule("nuisance", order=2, patterns=["170."], action="reject"))
    white = admin("POST", "/config/caller_rules", expect=201, json=rule("known", order=1, patterns=["17000000001"], action="allow"))
    try:
        await until_answered_with(stack, "17000000009", 603)
        assert await call(stack, "17000000002") == 603
        assert await call(stack, "17000000001") == 200
        assert await call(stack, "13900000000") == 200
        await true(lambda: contacts(admin, "17000000001") == 1, "the white list's caller is no contact")
        assert contacts(admin, "17000000002") == 0
    finally:
        for made in (black, white):
            admin("DELETE", f"/config/caller_rules/{made['id']}", expect=204, headers={"If-Match": '"1"'})
    await until_answered_with(stack, "17000000002", 200)
