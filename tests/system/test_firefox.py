"""The same two tabs in an ordinary Firefox: its own ICE with hidden addresses, its own DTLS, its own keys; and Firefox with Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.system.desks import on_break
from tests.system.firefox import Firefox, firefox
from tests.system.phones import loudness
from tests.system.stack import PASSWORD, Api, Stack, eventually

pytestmark = [pytest.mark.firefox, pytest.mark.timeout(300)]


def be_ready(desk: Firefox, stack: Stack, agent: str) -> None:
    """Sign in, allow the microphone, take calls."""
    on_break(stack.person, agent)
    desk.goto(f"{stack.base}/")
    desk.fill("input[type=text], input[name=username]", agent)
    desk.fill("input[type=password]", PASSWORD)
    desk.click("button[type=submit]")
    desk.click("[data-test=start-phone]")
    desk.click("[data-test=ready]")


@pytest.mark.req("H62", "H63")
@pytest.mark.case("N3")
def test_two_tabs_of_firefox(stack: Stack, api: Callable[[str], Api], tmp_path: Path) -> None:
    supervisor = api("1100")
    with firefox(tmp_path / "guest", 440) as guest, firefox(tmp_path / "desk", 1000) as desk:
        be_ready(desk, stack, "1002")
        guest.goto(f"{stack.base}/call")
        guest.click("[data-test=call]")
        eventually(lambda: guest.shows("[data-test=mute]:not([disabled])"), 15.0, "the call does not get through")
        guest.click('[data-key="0"]')
        desk.click("[data-test=answer]")
        eventually(lambda: guest.hears(1000), 10.0, "the customer does not hear the agent")
        eventually(lambda: desk.hears(440), 10.0, "the agent does not hear the customer")
        desk.click("[data-test=hold]")
        eventually(lambda: not guest.hears(1000), 5.0, "the customer still hears the agent in a hold")
        desk.click("[data-test=hold]")
        eventually(lambda: guest.hears(1000), 5.0, "the customer does not hear the agent after the hold")
        desk.reload()
        eventually(lambda: desk.hears(440), 10.0, "the reloaded desk does not hear the customer")
        eventually(lambda: guest.hears(1000), 5.0, "the customer does not hear the reloaded desk")
        desk.click("[data-test=hang-up]")
        eventually(lambda: not guest.hears(1000), 5.0, "the agent is still heard")
        contact = supervisor("GET", "/contacts", params={"limit": 1})["items"][0]["id"]
        eventually(lambda: _asked(supervisor, contact), 10.0, "no survey begins")
        guest.click('[data-key="1"]')
        desk.click("[data-test=finish]")
        eventually(lambda: guest.shows("[data-test=call]"), 20.0, "the call does not end")

    detail = eventually(lambda: _complete(supervisor, contact), 10.0, "no recording or no survey")
    assert detail["survey"] == 1
    file = tmp_path / "recording.wav"
    first = min(detail["recordings"], key=lambda recording: str(recording["began_at"]))
    file.write_bytes(supervisor("GET", f"/recordings/{first['id']}"))
    assert loudness(file, 440, channel=0) > 0.7
    assert loudness(file, 1000, channel=1) > 0.7


def _asked(supervisor: Api, contact: str) -> bool:
    return any(one["kind"] == "survey" for one in supervisor("GET", f"/contacts/{contact}")["segments"])


def _complete(supervisor: Api, contact: str) -> dict[str, Any] | None:
    detail = supervisor("GET", f"/contacts/{contact}")
    ended = detail["recordings"] and all(recording["ended_at"] for recording in detail["recordings"])
    return dict(detail) if ended and detail["survey"] else None
