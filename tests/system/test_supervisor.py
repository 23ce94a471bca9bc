"""A supervisor with a real telephone at a real talk: who hears whom in every mode, by tones; take-over; the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from tests.system.phones import Phone, loudness
from tests.system.stack import PASSWORD, Api, eventually
from tests.system.test_hotline import finish, journey, steps

pytestmark = [pytest.mark.baresip, pytest.mark.timeout(300)]
CALLER = "13800138077"
CUSTOMER, AGENT, SUPERVISOR = 440, 1000, 700
EVERYBODY = {"customer": CUSTOMER, "agent": AGENT, "supervisor": SUPERVISOR}
HEARD = {
    "silent": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": {"customer", "agent"}},
    "whisper": {"customer": {"agent"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
    "active": {"customer": {"agent", "supervisor"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
    "intercepted": {"customer": {"supervisor"}, "supervisor": {"customer"}},
}
SECONDS = 3.0


class Scene:
    """Telephones with the moment from which each hears, and the phases of the talk."""

    def __init__(self) -> None:
        self.phones: dict[str, tuple[Phone, float]] = {}
        self.phases: dict[str, float] = {}

    def hears(self, name: str, phone: Phone) -> None:
        self.phones[name] = phone, time.monotonic()

    def phase(self, name: str) -> None:
        self.phases[name] = time.monotonic()
        time.sleep(SECONDS)

    def heard(self, name: str, phase: str) -> set[str]:
        """Whom a telephone heard in a phase; its edges are left out."""
        phone, began = self.phones[name]
        at = self.phases[phase] - began
        strengths = {who: loudness(phone.heard, tone, begin=at + 1.0, end=at + SECONDS - 0.5) for who, tone in EVERYBODY.items()}
        return {who for who, strength in strengths.items() if strength > 0.1}


@pytest.mark.req("H12", "H13", "H83", "H84", "H89")
def test_a_supervisor_listens_whispers_joins_and_takes_over(phone: Callable[..., Phone], api: Callable[[str], Api]) -> None:
    desk, boss, admin = api("1001"), api("1100"), api("admin")
    agent, supervisor, caller = (
        phone("1001", password=PASSWORD, tone=AGENT), phone("1100", password=PASSWORD, tone=SUPERVISOR), phone(CALLER, tone=CUSTOMER)
    )  # fmt: skip
    for one in (agent, supervisor):
        one.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    scene = Scene()
    caller.dial("96900")
    caller.wait("CALL_ESTABLISHED")
    scene.hears("customer", caller)
    eventually(lambda: "menu" in steps(admin, CALLER), 10.0, "the caller is not in the menu")
    caller.press("0")
    agent.wait("CALL_INCOMING", 15.0)
    agent.accept()
    agent.wait("CALL_ESTABLISHED")
    scene.hears("agent", agent)

    whom = desk("GET", "/me")["agent"]
    begun = boss("POST", f"/agents/{whom}/supervise", expect=201, json={"participation": "silent"})
    supervisor.wait("CALL_INCOMING")
    supervisor.accept()
    supervisor.wait("CALL_ESTABLISHED")
    scene.hears("supervisor", supervisor)
    for mode in ("silent", "whisper", "active"):
        assert boss("POST", f"/agents/{whom}/supervise", expect=201, json={"participation": mode}) == begun
        scene.phase(mode)
    boss("POST", f"/me/assignments/{begun['assignment']}/intercept", expect=204)
    agent.wait("CALL_CLOSED")
    scene.phase("intercepted")
    boss("POST", f"/me/assignments/{begun['assignment']}/hang_up", expect=204)
    supervisor.wait("CALL_CLOSED")
    eventually(lambda: "survey" in steps(admin, CALLER), 10.0, "the customer does not go on in the flow")
    caller.hang_up()
    finish(desk, journey(admin, CALLER), "not_ready")
    boss("PUT", f"/me/assignments/{begun['assignment']}/wrap_up", expect=204, json={})

    kinds = [one["action"] for one in admin("GET", "/config/audit")["items"]]
    assert kinds.count("call.supervised") == 4
    assert kinds.count("call.intercepted") == 1
    for one in (agent, supervisor, caller):
        one.close()
    heard = {phase: {name: scene.heard(name, phase) for name in who} for phase, who in HEARD.items()}
    assert heard == HEARD


@pytest.mark.req("H88")
def test_a_supervisor_ends_a_talk_and_changes_a_state(phone: Callable[..., Phone], api: Callable[[str], Api]) -> None:
    desk, boss, admin, number = api("1001"), api("1100"), api("admin"), "13800138078"
    agent, caller = phone("1001", password=PASSWORD, tone=AGENT), phone(number, tone=CUSTOMER)
    agent.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    caller.dial("96900")
    caller.wait("CALL_ESTABLISHED")
    eventually(lambda: "menu" in steps(admin, number), 10.0, "the caller is not in the menu")
    caller.press("0")
    agent.wait("CALL_INCOMING", 15.0)
    agent.accept()
    agent.wait("CALL_ESTABLISHED")
    whom = desk("GET", "/me")["agent"]
    boss("POST", f"/agents/{whom}/release", expect=204)
    agent.wait("CALL_CLOSED")
    eventually(lambda: "survey" in steps(admin, number), 10.0, "the customer does not go on in the flow")
    caller.hang_up()
    finish(desk, journey(admin, number), "ready")
    boss("PUT", f"/agents/{whom}/state", expect=204, json={"state": "logged_off"})
    state = next(one for one in boss("GET", "/agents")["items"] if one["id"] == whom)["state"]
    assert state == "logged_off"
    desk("POST", f"/agents/{whom}/release", expect=403)
