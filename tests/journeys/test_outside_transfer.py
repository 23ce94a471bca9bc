"""A flow leads the caller to an outside number (H41 H44): rung by the trunk, talked with, and back in the flow when nobody answers."""

from __future__ import annotations

from tests.journeys.world import FLOW, TENANT, World

from yitong.ct.model import DeviceKind
from yitong.sim.callers import UntilAlone, UntilTalks
from yitong.sim.switch import BUSY, Behaviour

MOBILE = "13911112222"
STEPS = {
    "duty": {"kind": "transfer", "number": MOBILE, "ring_seconds": 10, "next": {"done": "bye", "failed": "sorry"}},
    "sorry": {"kind": "play", "prompts": ["all_busy"], "next": {"done": "bye"}}, "bye": {"kind": "hang_up"},
}  # fmt: skip


def world_of(behaviour: Behaviour) -> World:
    world = World()
    world.put("flow", "f1", {"id": "f1", "code": "hotline", "published_version": 2, "document": {**FLOW, "start": "duty", "steps": STEPS}})
    world.switch.register(TENANT, "operator", kind=DeviceKind.TRUNK, usual=behaviour)
    return world


def test_the_caller_talks_with_the_outside_number() -> None:
    world = world_of(Behaviour(answer_after=2.0, hang_up_after=5.0))
    caller = world.caller("13800000001", steps=(UntilTalks(), UntilAlone()))
    world.run(30)
    device = world.switch.devices[f"{TENANT}/trunk/operator"]
    assert [(invitation.called, invitation.calling) for _, invitation in device.rung] == [(MOBILE, "13800000001")]
    assert caller.talked_to
    assert caller.ended


def test_a_busy_outside_number_leads_on_in_the_flow() -> None:
    world = world_of(BUSY)
    caller = world.caller("13800000001", steps=())
    world.run(30)
    assert any("all_busy" in seen.detail for seen in caller.seen if seen.what == "hears")
    assert caller.ended
