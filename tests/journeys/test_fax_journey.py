"""Fax on demand, a fax mailbox, and a fax machine where a person was expected, through core and the simulated switch."""

from __future__ import annotations

from typing import Any

import pytest
from tests.journeys.histories import check_end
from tests.journeys.world import HOTLINE, SITE, World

from yitong.ct.model import FaxOutcome
from yitong.domains.fax.messages import FaxAsked, FaxEnded
from yitong.flow.checker import Knowledge, check
from yitong.flow.definition import document_of
from yitong.flow.messages import StepLeft
from yitong.sim.callers import Customer, Press, UntilAsked

FLOW: dict[str, Any] = {
    "schema_version": 1, "name": {"en": "Faxes"}, "start": "choose", "fax": "mailbox",
    "steps": {
        "choose": {"kind": "menu", "prompts": ["menu"], "keys": ["1", "2"],
                   "next": {"1": "tariff", "2": "mailbox", "timeout": "end", "wrong": "end"}},
        "tariff": {"kind": "send_fax", "document": "tariff", "next": {"done": "thanks", "failed": "sorry"}},
        "mailbox": {"kind": "receive_fax", "next": {"done": "thanks", "failed": "sorry"}},
        "thanks": {"kind": "play", "prompts": ["thanks"], "next": {"done": "end"}},
        "sorry": {"kind": "play", "prompts": ["goodbye"], "next": {"done": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


@pytest.fixture
def world() -> World:
    made = World()
    made.put("fax_document", "d1", {"id": "d1", "code": "tariff", "name": {"en": "Tariff"}, "file": "t1/documents/tariff.tif", "pages": 2})
    made.put("flow", "f2", {"id": "f2", "code": "faxes", "published_version": 1, "document": FLOW})
    made.put("number", "n1", {"id": "n1", "number": HOTLINE, "trunk": "", "calling": "", "flow": "f2", "site": SITE})
    return made


def caller(world: World, *keys: str) -> Customer:
    steps = [UntilAsked(), *(Press(key) for key in keys)]
    return world.caller(steps=tuple(steps))


def test_the_caller_gets_the_document_that_he_chose(world: World) -> None:
    customer = caller(world, "1")
    world.run(60)
    (asked,) = world.facts(FaxAsked)
    (ended,) = world.facts(FaxEnded)
    assert (asked.sent, asked.document, asked.file) == (True, "tariff", "t1/documents/tariff.tif")
    assert (ended.fax, ended.cause, ended.pages, ended.t38, ended.contact) == (asked.fax, "ok", 1, True, asked.contact)
    assert [left.outcome for left in world.facts(StepLeft)] == ["1", "done", "done"]
    assert "zh/thanks.wav" in [seen.detail for seen in customer.seen if seen.what == "hears"]
    check_end(world, 1)


def test_what_a_caller_faxes_goes_into_the_mailbox(world: World) -> None:
    caller(world, "2")
    world.run(60)
    (asked,) = world.facts(FaxAsked)
    (ended,) = world.facts(FaxEnded)
    assert not asked.sent
    assert asked.file == f"t1/2026/09/21/{asked.fax}.tif"
    assert (ended.file, ended.cause, ended.rate) == (asked.file, "ok", 14_400)
    station = next(one for one in world.personals if one.id == ended.station)
    assert (station.kind, station.value, station.contact) == ("address", "+86 21 5555", asked.contact)
    assert all(b"+86 21 5555" not in raw for raw in world.ledger)


def test_a_machine_that_calls_is_led_to_the_mailbox(world: World) -> None:
    customer = world.caller(steps=())
    world.run(1)
    world.switch.fax_tone(customer.connection, "cng")
    world.run(60)
    assert [left.outcome for left in world.facts(StepLeft)] == ["fax", "done", "done"]
    assert not world.facts(FaxAsked)[0].sent
    check_end(world, 1)


def test_a_fax_that_fails_leads_on(world: World) -> None:
    world.switch.audio.fax_outcome = lambda order: FaxOutcome(reason="no_fax")
    caller(world, "1")
    world.run(60)
    assert [left.outcome for left in world.facts(StepLeft)] == ["1", "failed", "done"]
    assert world.facts(FaxEnded)[0].cause == "no_fax"


def test_a_document_that_went_is_not_sent(world: World) -> None:
    world.engine.configure("fax_document", "d1", None)
    caller(world, "1")
    world.run(30)
    assert [left.outcome for left in world.facts(StepLeft)] == ["1", "failed", "done"]
    assert world.facts(FaxAsked) == []


def test_who_hangs_up_in_a_fax_is_kept_with_it(world: World) -> None:
    customer = caller(world, "2")
    world.run(10)
    world.switch.hang_up(customer.connection)
    world.run(10)
    (ended,) = world.facts(FaxEnded)
    assert (ended.cause, ended.pages) == ("call_dropped", 0)
    check_end(world, 1)


@pytest.mark.parametrize("away", [0.5, 40.0])
def test_core_dies_in_a_fax(world: World, away: float) -> None:
    caller(world, "1")
    world.run(12)
    world.save()
    world.restart(away)
    world.run(60)
    (ended,) = world.facts(FaxEnded)
    assert ended.cause == "ok"
    assert [left.outcome for left in world.facts(StepLeft)] == ["1", "done", "done"]
    check_end(world, 1)


def test_a_fax_of_which_nobody_knows_is_interrupted(world: World) -> None:
    customer = caller(world, "1")
    world.run(12)
    world.kill()
    one = world.switch.function.table.connections[customer.connection]
    world.switch.function.table.faxes.clear()
    one.faxing = ""
    world.start()
    world.run(60)
    assert world.facts(FaxEnded)[0].cause == "interrupted"
    assert [left.outcome for left in world.facts(StepLeft)] == ["1", "failed", "done"]


def test_the_checker_knows_documents_and_the_way_of_machines(world: World) -> None:
    kinds = world.partition.runner.kinds  # type: ignore[union-attr]
    prompts = {code: frozenset({"zh-CN"}) for code in ("menu", "thanks", "goodbye")}
    known = Knowledge(prompts=prompts, faxes=frozenset({"tariff"}))
    assert check(document_of(FLOW), kinds, known) == []
    assert [one.code for one in check(document_of(FLOW), kinds, Knowledge(prompts=prompts))] == ["flow.unknown_fax"]
    astray = document_of({**FLOW, "fax": "nowhere"})
    assert [one.code for one in check(astray, kinds, known)] == ["flow.unknown_step"]
    assert kinds.parse({**FLOW, "steps": {**FLOW["steps"], "tariff": {"kind": "send_fax", "next": {}}}})[0] is None
