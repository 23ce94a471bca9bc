"""An operator's words: drain a running product and take that back; restart what runs, one by one, under calls."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import httpx
import pytest
from tests.system.faults import Room, figure
from tests.system.load import Load, count, until
from tests.system.stack import Stack

pytestmark = [pytest.mark.phone, pytest.mark.timeout(300)]


async def yitong(stack: Stack, *words: str) -> tuple[int | None, str]:
    """A command at the operator's shell: its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "yitong.app.cli", *words, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


def health(stack: Stack) -> tuple[int, str]:
    answer = httpx.get(f"{stack.base}/healthz", timeout=5.0, trust_env=False)
    return answer.status_code, str(answer.json()["state"])


async def test_no_new_calls_while_those_there_are_go_on(stack: Stack, room: Room, load: Load) -> None:
    """503 to new calls; talks and registrations go on; and all is taken back."""
    ((caller, agent),) = await room.talking(load, await room.agents(load, sorted(room.fast)[:1]), 60, room.fast_line)
    code, said = await yitong(stack, "drain", "--seconds", "1", "--stay")
    assert (code, "call(s) are still there" in said) == (1, True), said
    await until(lambda: health(stack) == (503, "draining"), 10, "healthz says that it drains")
    refused = load.callers.call(room.caller(60, 1), room.fast_line)
    await until(lambda: refused.state == "over", 10, "a new call is refused")
    assert refused.status == 503
    heard = len(caller.stream.arrivals) if caller.stream else 0
    load.desks.register(load.desks.phones[agent.user])
    await until(lambda: caller.stream and len(caller.stream.arrivals) > heard + 50, 10, "the talk goes on")
    assert await yitong(stack, "drain", "--back") == (0, "New calls are taken again. 已恢复接听新来电。\n")
    await until(lambda: health(stack)[0] == 200, 10, "healthz is well")
    caller.hang_up()
    await until(lambda: agent.state == "over", 10, "the talk ends")
    code, said = await yitong(stack, "drain", "--stay")
    assert (code, "Drained." in said) == (0, True), said
    await yitong(stack, "drain", "--back")
    again = load.callers.call(room.caller(60, 2), room.fast_line)
    await until(lambda: again.state == "up", 15, "calls are taken again")
    again.hang_up()
    await room.no_ghosts()


@pytest.mark.soak
@pytest.mark.case("K14")
async def test_what_runs_is_restarted_one_by_one_under_calls(stack: Stack, room: Room, load: Load) -> None:
    """No talk drops, every call that is made meanwhile is answered, and each process is a new one but media, which carries talks."""
    phones = await room.agents(load, sorted(room.secrets)[:6])
    pairs = await room.talking(load, phones[:4], 61, room.hotline)
    before = {name: stack.pids(name) for name in ("worker", "web", "core", "switch", "media")}
    made, failed = 0, 0
    upgrading = asyncio.create_task(yitong(stack, "upgrade"))
    while not upgrading.done():
        made += 1
        call = load.callers.call(room.caller(61, made), room.hotline, keys="0")
        for _ in range(100):
            if call.state in ("up", "over"):
                break
            await asyncio.sleep(0.1)
        failed += call.state != "up"
        call.hang_up()
        await asyncio.sleep(0.3)
    code, said = await upgrading
    assert code == 0, said
    talks = count([side for pair in pairs for side in pair], "up")
    figure("K14", f"worker, web, core and switch restarted under 4 talks and {made} set-ups, one at a time: {talks} of 8 sides still talk, "
                  f"{failed} set-ups failed")  # fmt: skip
    assert (talks, failed) == (8, 0), said
    after = {name: stack.pids(name) for name in before}
    new = {name for name in before if not set(after[name]) & set(before[name])}
    assert new >= {"worker", "web", "core", "switch"}, (before, after, said)
    assert set(after["media"]) & set(before["media"]), "a media process with talks was restarted"
    assert "still carries" in said
    for caller, _ in pairs:
        caller.hang_up()
    await room.no_ghosts()
