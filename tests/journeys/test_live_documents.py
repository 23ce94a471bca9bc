"""A live document is a snapshot plus changes: after every event of random histories the patched old one equals a fresh one."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.journeys.histories import AGENTS, KINDS, Action, History
from tests.journeys.world import QUEUE, QUEUE_VALUE, World

from yitong.domains.acd.messages import SetAgentState, WrapUp
from yitong.domains.reporting.rules.changes import diff, patched
from yitong.domains.reporting.rules.live import Live
from yitong.sim.callers import Press, UntilAsked
from yitong.sim.switch import IGNORES, Behaviour

TOPICS = ("board", *(f"desk.a{number}" for number in AGENTS))
ALL_KINDS = st.sampled_from([*KINDS, "queue_changes"])
PLAIN = st.recursive(
    st.integers(0, 3) | st.none() | st.booleans(),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner) | st.lists(inner, max_size=2), max_leaves=8,
)  # fmt: skip


class Watcher:
    """Desks that hold documents and follow their changes; a core that dies makes them take new snapshots."""

    def __init__(self, world: World) -> None:
        self.held: dict[str, tuple[int, Any]] = {}
        self.life: object = None
        self.checks = 0
        world.after_each = self.check

    def check(self, world: World) -> None:
        if world.partition is None:
            return
        live = world.partition.live
        if self.life is not live:
            self.life = live
            live.flush()
            self.held = {topic: live.document(topic) for topic in TOPICS}
            return
        for update in live.flush():
            seq, data = self.held[update.topic]
            assert update.seq == seq + 1
            self.held[update.topic] = (update.seq, patched(data, update.changes))
        fresh = Live(live.view)
        for topic, (_, data) in self.held.items():
            assert data == fresh.document(topic)[1], topic
        self.checks += 1


class Watched(History):
    """A history whose documents are watched; queues and agents are configured anew in between."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.watcher = Watcher(self.world)

    def do_queue_changes(self, agent: str, number: int) -> None:
        members = [] if number % 3 else [{"agent": f"a{agent}", "order": 1}]
        queue = ("q2", QUEUE)[number % 2]
        self.world.put("queue", queue, {**QUEUE_VALUE, "id": queue, "code": f"code of {queue}", "members": members})


@settings(
    max_examples=40, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
@given(seed=st.integers(0, 1 << 30), actions=st.lists(st.tuples(ALL_KINDS, st.integers(0, 2), st.integers(0, 59)), max_size=50))
@example(seed=0, actions=[("call", 0, 0)] * 4 + [("mail", 0, 0)])  # an assignment that begins and ends in one step
def test_changes_make_a_fresh_document_of_an_old_one(seed: int, actions: list[Action]) -> None:
    history = Watched(seed)
    history.play(actions)
    history.world.run(60)
    assert history.watcher.checks > 0


def test_the_desk_through_one_call() -> None:
    world = World()
    world.put("wrap_up_code", "w1", {"id": "w1", "code": "done", "name": {"en": "Done"}})
    world.put("trunk", "t1", {"id": "t1", "code": "demo", "name": {"en": "The operator's line"}})
    world.agent("1001", usual=Behaviour(answer_after=2.0, hang_up_after=10.0))
    live = world.partition.live  # type: ignore[union-attr]

    def desk() -> Any:
        live.flush()
        return live.document("desk.a1001")[1]

    assert desk()["agent"]["state"] == "ready"
    world.caller("13812345678", steps=(UntilAsked(), Press("0")))
    world.run(2)
    assert (desk()["agent"]["state"], desk()["queues"][QUEUE]["waiting"]) == ("ready", 0)
    world.run(2)
    (assignment,) = desk()["assignments"].values()
    assert (assignment["state"], assignment["calling"], assignment["called"]) == ("offered", "13812345678", "96900")
    assert assignment["line"] == {"en": "The operator's line"}
    assert assignment["keys"] == [{"step": "menu", "name": {"zh-CN": "人工服务", "en": "A person"}, "keys": "0"}]
    assert assignment["ring_until"] > world.timeline.now
    world.run(3)
    (assignment,) = desk()["assignments"].values()
    assert (assignment["state"], assignment["recording"], assignment["waited_seconds"]) == ("active", True, 2)
    world.run(9)
    (assignment,) = desk()["assignments"].values()
    assert (assignment["state"], assignment["wrap_up"]["codes"]) == ("wrapping_up", [{"id": "w1", "name": {"en": "Done"}}])
    world.obey(WrapUp(agent="a1001", assignment=assignment["id"], code="w1", note="他很满意", draft=True))
    assert next(iter(desk()["assignments"].values()))["wrap_up"]["draft"] == {"code": "w1", "note": "他很满意"}
    world.save()
    world.restart()
    live = world.partition.live  # type: ignore[union-attr]
    assert next(iter(desk()["assignments"].values()))["wrap_up"]["draft"] == {"code": "w1", "note": "他很满意"}
    world.obey(WrapUp(agent="a1001", assignment=assignment["id"], code="w1", next_state="not_ready", reason="lunch"))
    assert desk()["assignments"] == {}
    assert (desk()["agent"]["duty"]["state"], desk()["today"]["answered"], desk()["today"]["talk_seconds"]) == ("not_ready", 1, 10)
    (call,) = desk()["calls"]
    assert (call["calling"], call["talk_seconds"]) == ("13812345678", 10)
    board = live.document("board")[1]
    assert (board["queues"][QUEUE]["answered"], board["totals"]["service_level"]) == (1, 1.0)


def test_the_queue_is_masked_and_ordered() -> None:
    world = World()
    world.agent("1001", usual=IGNORES, ready=False)
    for number in range(3):
        world.caller(f"1380000000{number}", steps=(UntilAsked(), Press("0")))
        world.run(1)
    world.run(10)
    world.obey(SetAgentState(agent="a1001", state="not_ready", reason="lunch"))
    live = world.partition.live  # type: ignore[union-attr]
    live.flush()
    queue = live.document("desk.a1001")[1]["queues"][QUEUE]
    assert queue["waiting"] == 3
    assert [one["calling_masked"] for one in queue["list"]] == ["138****0000", "138****0001", "138****0002"]
    assert queue["longest_since"] == queue["list"][0]["since"]


def test_a_desk_of_nobody_has_no_document() -> None:
    assert World().partition.live.document("desk.stranger") == (0, None)  # type: ignore[union-attr]


@given(old=PLAIN, new=PLAIN)
def test_a_difference_undoes_itself(old: Any, new: Any) -> None:
    assert patched(old, diff(old, new)) == new
