"""How many new messages a desk shows, and that the changes told make the old document into the fresh one."""

from __future__ import annotations

from typing import Any

from tests.journeys.test_mailbox_journey import BOX, leaves, world
from tests.journeys.world import QUEUE, World

from yitong.domains.mailbox.messages import MarkMessage, MessageLeft
from yitong.domains.reporting.rules.changes import patched

__all__ = ["world"]


def test_the_badge_of_a_desk(world: World) -> None:
    """Owners see their mailbox, whoever serves a queue that of the queue; nobody else sees either."""
    assert world.partition is not None
    live = world.partition.live
    world.agent("1002", ready=False)
    world.put("mailbox", "m2", {**BOX, "id": "m2", "code": "queue", "number": "8002", "owners": [], "queue": QUEUE, "numbers": []})
    live.flush()
    _, before = live.document("desk.a1001")
    assert {key: box["new"] for key, box in before["mailboxes"].items()} == {"m1": 0, "m2": 0}
    assert set(live.document("desk.a1002", once=True)[1]["mailboxes"]) == {"m2"}

    leaves(world, "1")
    changes = [change for update in live.flush() if update.topic == "desk.a1001" for change in update.changes]
    _, after = live.document("desk.a1001")
    assert after["mailboxes"]["m1"]["new"] == 1
    assert patched(before, changes) == after

    (left,) = world.facts(MessageLeft)
    for status, new in (("heard", 0), ("new", 1), ("deleted", 0)):
        told: Any = status
        world.obey(MarkMessage(mailbox="m1", message=left.message, status=told))
        live.flush()
        assert live.document("desk.a1001")[1]["mailboxes"]["m1"]["new"] == new
    world.save()
    world.restart()
    assert world.partition.live.document("desk.a1001")[1]["mailboxes"]["m1"]["new"] == 0
