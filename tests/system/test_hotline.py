"""The whole way with real telephones: greeting, menu, wait, agent, talk, survey; then the ledger and the recording tell it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.system.phones import Phone, loudness
from tests.system.stack import PASSWORD, Api, Stack, eventually

pytestmark = pytest.mark.baresip
CALLER = "13800138000"


def newest(supervisor: Api, number: str = CALLER) -> dict[str, object]:
    """The newest contact of a number, once it is closed."""

    def closed() -> dict[str, object] | None:
        items = supervisor("GET", "/contacts", params={"number": number, "limit": 1})["items"]
        return items[0] if items and items[0]["ended_at"] else None

    return eventually(closed, 10.0, "no closed contact")


@pytest.mark.req("H14", "H15", "H17", "H18", "H30", "H40", "O39", "O41")
@pytest.mark.parametrize(("transport", "codec"), [("udp", "PCMA"), ("tcp", "PCMU")])
def test_a_call_from_greeting_to_survey(
    stack: Stack, phone: Callable[..., Phone], api: Callable[[str], Api], tmp_path: Path, transport: str, codec: str
) -> None:
    desk, supervisor = api("1001"), api("1100")
    agent = phone("1001", password=PASSWORD, tone=1000, transport=transport, codec=codec)
    agent.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    caller = phone(CALLER, tone=440, transport=transport, codec=codec)
    caller.dial("96900")
    caller.wait("CALL_ESTABLISHED")
    time.sleep(1.0)
    caller.press("0")
    ringing = agent.wait("CALL_INCOMING", 15.0)
    assert CALLER in ringing["peeruri"]
    agent.accept()
    agent.wait("CALL_ESTABLISHED")
    time.sleep(4.0)
    agent.hang_up()
    time.sleep(1.0)
    caller.press("1")
    caller.wait("CALL_CLOSED", 20.0)

    contact = newest(supervisor)
    detail = supervisor("GET", f"/contacts/{contact['id']}")
    assert [segment["kind"] for segment in detail["segments"]] == ["ivr", "queue", "agent", "survey"]
    assert detail["survey"] == 1
    types = [event["type"] for event in detail["events"]]
    assert (
        types.index("contact.arrived")
        < types.index("acd.contact_queued")
        < types.index("acd.offer_answered")
        < types.index("contact.ended")
    )
    recording = eventually(lambda: supervisor("GET", f"/contacts/{contact['id']}")["recordings"], 3.0, "no recording")[0]
    file = tmp_path / "recording.wav"
    file.write_bytes(supervisor("GET", f"/recordings/{recording['id']}"))
    assert loudness(file, 440, channel=0) > 0.8
    assert loudness(file, 1000, channel=1) > 0.8
    assert loudness(file, 1000, channel=0) < 0.01
    agent.close()
    assert loudness(agent.heard, 440) > 0.8
    assignment = next(event["payload"]["assignment"] for event in detail["events"] if event["type"] == "acd.contact_offered")
    desk(
        "PUT",
        f"/me/assignments/{assignment}/wrap_up",
        expect=204,
        json={"note": "说明清楚", "next_state": "ready"},
    )
    desk("PUT", "/me/state", expect=204, json={"state": "not_ready"})
