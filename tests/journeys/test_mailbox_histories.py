"""Random histories of callers who leave messages: whatever is lost, doubled, late or killed, each message ends once and nothing is lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journeys.histories import check_end
from tests.journeys.test_mailbox_journey import mailbox_world

from yitong.domains.mailbox.messages import MessageAsked, MessageDropped, MessageLeft, MessageTaken, MessageUnsure, SettleMessage
from yitong.sim.callers import Customer, Press, UntilAsked
from yitong.sim.faults import seeded

WAITS = (0.3, 1.5, 4.0, 9.0, 14.0, 31.0)
ACTS = ("call", "call", "wait", "wait", "hang_up", "restart", "kill_long", "save", "switch_restart")


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    acts=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 30)), min_size=8, max_size=40),
)
def test_each_message_ends_once(seed: int, acts: list[tuple[str, int]]) -> None:
    world = mailbox_world()
    world.switch.faults = seeded(seed, lose=0.05, double=0.05, delay=0.1, late_seconds=0.4)
    customers: list[Customer] = []
    for act, number in acts:
        if act == "call":
            keys: list[Any] = [one for key in ("", "1", "31", "21")[number % 4] for one in (UntilAsked(), Press(key))]
            customers.append(world.caller(f"139{len(customers):08}", steps=tuple(keys)))
        elif act == "wait":
            world.run(WAITS[number % len(WAITS)])
        elif act == "hang_up" and customers:
            customers[number % len(customers)].hang_up()
        elif act in ("restart", "kill_long"):
            world.restart(0.4 if act == "restart" else 20.0)
        elif act == "save":
            world.save()
        elif act == "switch_restart":
            world.switch.restart()
        world.run(0.05)
    world.switch.faults = lambda event: (0.0,)
    world.run(90)
    for customer in customers:
        customer.hang_up()
    world.run(120)
    check_messages(world)
    check_end(world, len(customers))


def check_messages(world: Any) -> None:
    for unsure in world.facts(MessageUnsure):
        world.obey(SettleMessage(message=unsure.message, milliseconds=2_000))
    ends = Counter(one.message for one in world.facts(MessageLeft, MessageDropped))
    asked = [one.message for one in world.facts(MessageAsked)]
    assert sorted(ends) == sorted(asked), "a message without an end"
    assert set(ends.values()) <= {1}, "a message that ended twice"
    left = {one.message for one in world.facts(MessageLeft)}
    assert set(world.partition.mailboxes.held("m1")) == left
    assert world.partition.mailboxes.state.drafts == {}
    again = {one.message for one in world.facts(MessageDropped) if one.cause in ("again", "too_short", "prompt_missing")}
    lost = {one.message for one in world.facts(MessageTaken)} - left - again
    assert not lost, "what was said is lost"
    world.run(0.1)
    lamp = world.switch.lamps.get("1001")
    assert (lamp.new if lamp else 0) == len(left), "the lamp does not show what waits"
