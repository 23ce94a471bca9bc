"""Who answered, and tones of the network before the answer, against every switch (A22 A23)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.switches.rigs import LONG, Phone, Rig, SimRig
from tests.switches.situations import answered_caller, make, new_id
from tests.switches.soft_rig import SoftPhone, SoftRig
from tests.switches.speaking import says
from tests.switches.test_early_audio import speak_early

from yitong.ct import services
from yitong.ct.events import Classified, Established, Failed, GreetingEnded, Played
from yitong.ct.model import Cause, StandingOrder
from yitong.ct.results import RESULTS, result_of
from yitong.ct.switches.soft.line import failure
from yitong.sim.voices import BUSY, FAX, NOBODY, PERSON, Sound, Voice, speech, tone

MOBILE = "13911112222"
SHORT: Voice = (Sound(300), speech(2_200), Sound(300), tone(1_000, 300), Sound(5_000))


async def answered(rig: Rig, number: str) -> tuple[Phone, str]:
    """A telephone that was called and has answered."""
    phone = await rig.phone(number)
    connection = new_id()
    rig.ask(make(services.Make, call=new_id(), connection=connection, device=phone.device))
    await phone.pick_up()
    await rig.until(Established, connection=connection)
    return phone, connection


def classify(rig: Rig, connection: str, **fields: Any) -> str:
    order = make(services.Classify, connection=connection, **fields)
    rig.ask(order)
    return str(order.id)


async def test_who_answered_is_told_once_and_by_what(rig: Rig) -> None:
    """All at once: a person, a machine with its beep, a fax, a busy tone after the answer, and nobody."""
    voices: dict[str, Voice] = {"person": PERSON, "machine": SHORT, "fax": FAX, "busy": BUSY, "silence": NOBODY}
    asked: dict[str, str] = {}
    for place, (who, voice) in enumerate(voices.items()):
        phone, connection = await answered(rig, f"10{place + 11}")
        if isinstance(phone, SoftPhone) and who == "machine":
            phone.agent.rtp.codec = 0
        says(rig, phone, voice)
        asked[who] = classify(rig, connection, beep_seconds=20.0)
    for who, service in asked.items():
        told = await rig.until(Classified, service=service)
        assert (told.who, told.milliseconds <= 4_000) == (who, True)
    greeted = await rig.until(GreetingEnded, service=asked["machine"])
    assert greeted.reason == "beep"
    assert abs(greeted.hertz - 1_000) < 20
    assert len([event for event in rig.events if isinstance(event, Classified)]) == len(voices)
    await rig.true(lambda: not any(one.classifying for one in rig.snapshot().connections))


async def test_it_is_judged_beside_what_plays_and_ends_with_stop(rig: Rig) -> None:
    phone, connection = await answered(rig, "1001")
    playing = make(services.Play, connection=connection, prompts=(LONG,))
    rig.ask(playing)
    says(rig, phone, PERSON)
    assert (await rig.until(Classified, service=classify(rig, connection))).who == "person"
    assert not [event for event in rig.events if isinstance(event, Played)], "what plays goes on"
    again = classify(rig, connection)
    await rig.true(lambda: [one.classifying for one in rig.snapshot().connections] == [again])
    rig.ask(make(services.Stop, connection=connection))
    await rig.until(Played, service=playing.id)
    assert [one.classifying for one in rig.snapshot().connections] == [""]


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "not asked for"])
async def test_a_busy_tone_before_the_answer_ends_the_ringing(rig: Rig, asked: bool) -> None:
    gateway = await rig.gateway("out")
    far = await answered_caller(rig)
    connection = new_id()
    order = StandingOrder(wait_seconds=20.0)
    target = services.Target(connection=connection, number=MOBILE)
    rig.ask(make(services.Route, connection=far.connection, targets=(target,), order=order, tones=asked))
    says(rig, gateway, (Sound(200), *BUSY))
    await speak_early(rig, gateway)
    if asked:
        told = await rig.until(Failed, connection=connection)
        assert told.cause is Cause.BUSY
        await rig.true(lambda: has_gone(rig, gateway, connection))
        assert not far.is_released()
    else:
        await rig.settle(1.6)
        assert not [event for event in rig.events if isinstance(event, Failed)]
        await gateway.pick_up()
        await rig.until(Established, connection=connection)


def has_gone(rig: Rig, gateway: Phone, connection: str) -> bool:
    """The call was taken back at the operator's side, too."""
    if isinstance(gateway, SoftPhone):
        return bool(gateway.agent.cancels)
    assert isinstance(rig, SimRig)
    return connection not in rig.switch.lines


async def test_tones_are_not_listened_for_after_the_answer(rig: Rig) -> None:
    gateway = await rig.gateway("out")
    far = await answered_caller(rig)
    connection = new_id()
    target = services.Target(connection=connection, number=MOBILE)
    rig.ask(make(services.Route, connection=far.connection, targets=(target,), tones=True))
    await speak_early(rig, gateway)
    await gateway.pick_up()
    await rig.until(Established, connection=connection)
    says(rig, gateway, BUSY)
    await rig.settle(1.6)
    assert not [event for event in rig.events if isinstance(event, Failed | Classified)]


GATEWAYS = [
    (486, "", Cause.BUSY), (600, "", Cause.BUSY), (603, "", Cause.REFUSED), (404, "", Cause.NO_SUCH_NUMBER),
    (484, "", Cause.NO_SUCH_NUMBER), (480, "", Cause.UNREACHABLE), (480, "Q.850;cause=19", Cause.NO_ANSWER),
    (480, 'SIP;cause=480, Q.850 ; cause=17 ;text="user busy"', Cause.BUSY), (500, "q.850;cause=34", Cause.OVERLOADED),
    (403, "Q.850;cause=127", Cause.REFUSED), (503, "Q.850;cause=x", Cause.OVERLOADED),
]  # fmt: skip


@pytest.mark.parametrize(("status", "reason", "cause"), GATEWAYS)
def test_what_a_gateway_says_is_told_apart(status: int, reason: str, cause: Cause) -> None:
    assert failure(status, reason, outside=True) is cause


def test_an_absent_subscriber_that_rang_did_not_answer() -> None:
    assert failure(480, outside=True, rang=True) is Cause.NO_ANSWER
    assert failure(480) is Cause.REFUSED, "an agent's own telephone that says so does not want the call"
    assert {result_of(cause) for cause in Cause} == set(RESULTS)


async def test_a_gateways_reason_reaches_core(soft: SoftRig) -> None:
    gateway = await soft.gateway("out")
    far = await answered_caller(soft)
    connection = new_id()
    gateway.agent.answers = 480  # type: ignore[attr-defined]
    gateway.agent.headers = [("Reason", "Q.850;cause=17")]  # type: ignore[attr-defined]
    target = services.Target(connection=connection, number=MOBILE)
    order = StandingOrder(wait_seconds=20.0)
    soft.ask(make(services.Route, connection=far.connection, targets=(target,), order=order))
    told = await soft.until(Failed, connection=connection)
    assert (told.cause, told.sip_status) == (Cause.BUSY, 480)
