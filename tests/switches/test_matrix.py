"""Every service × every connection state, against every switch. The expectations stand here in full, not drawn from the table."""

from __future__ import annotations

import pytest
from tests.switches.rigs import Rig
from tests.switches.situations import service_for, situation

from yitong.ct import services
from yitong.ct.events import (
    ConnectionCleared,
    CtEvent,
    Established,
    FaxEnded,
    HallEntered,
    Held,
    Moved,
    Originated,
    ParticipationChanged,
    RecordingStarted,
    Retrieved,
    ServiceFailed,
)

STAGES = ("null", "initiated", "incoming", "alerting", "connected", "hold")
NONE, STATE, EXISTS, ALONE = "no_such_connection", "wrong_state", "connection_exists", "no_consultation"
EXPECTED: dict[type[services.Service], tuple[object, ...]] = {
    #                           null    initiated          incoming           alerting           connected          hold
    services.Answer:            (NONE, STATE, Established, STATE, STATE, STATE),
    services.Ring:              (NONE, STATE, "alerting", STATE, STATE, STATE),
    services.Clear:             (NONE, ConnectionCleared, ConnectionCleared, ConnectionCleared, ConnectionCleared, ConnectionCleared),
    services.Hold:              (NONE, STATE, STATE, STATE, Held, STATE),
    services.Retrieve:          (NONE, STATE, STATE, STATE, STATE, Retrieved),
    services.Make:              (Originated, EXISTS, EXISTS, EXISTS, EXISTS, EXISTS),
    services.Route:             (NONE, STATE, Originated, STATE, Originated, Originated),
    services.Deflect:           (NONE, ConnectionCleared, STATE, ConnectionCleared, STATE, STATE),
    services.SingleStepTransfer: (NONE, STATE, STATE, STATE, Originated, Originated),
    services.Consult:           (NONE, STATE, STATE, STATE, Moved, Retrieved),
    services.StepAside:         (NONE, STATE, STATE, STATE, Moved, Retrieved),
    services.Alternate:         (NONE, STATE, STATE, STATE, ALONE, STATE),
    services.Reconnect:         (NONE, STATE, STATE, STATE, ALONE, ALONE),
    services.Conference:        (NONE, STATE, STATE, STATE, ALONE, STATE),
    services.Transfer:          (NONE, STATE, STATE, STATE, ALONE, STATE),
    services.Join:              (NONE, STATE, STATE, STATE, Originated, Originated),
    services.Participate:       (NONE, STATE, STATE, STATE, ParticipationChanged, ParticipationChanged),
    services.EnterHall:         (NONE, STATE, STATE, STATE, HallEntered, HallEntered),
    services.LeaveHall:         (NONE, STATE, STATE, STATE, "connected", "hold"),
    services.RecordHall:        ("no_such_hall",) * 6,
    services.Play:              (NONE, STATE, STATE, STATE, "connected", "hold"),
    services.Stop:              (NONE, STATE, STATE, STATE, "connected", "hold"),
    services.Collect:           (NONE, STATE, STATE, STATE, "connected", "hold"),
    services.SendDigits:        (NONE, STATE, STATE, STATE, "connected", STATE),
    services.Classify:          (NONE, STATE, STATE, STATE, "connected", STATE),
    services.SendFax:           (NONE, STATE, STATE, STATE, FaxEnded, STATE),
    services.ReceiveFax:        (NONE, STATE, STATE, STATE, "connected", STATE),
    services.StartRecording:    (NONE, STATE, STATE, STATE, RecordingStarted, RecordingStarted),
    services.StopRecording:     ("no_such_recording",) * 6,
    services.PauseRecording:    ("no_such_recording",) * 6,
    services.ResumeRecording:   ("no_such_recording",) * 6,
    services.RecordMessage:     (NONE, STATE, STATE, STATE, "connected", STATE),
    services.SetMessageWaiting: ("null", "initiated", "alerting", "alerting", "connected", "hold"),
    services.SetStandingOrder:  (NONE, "initiated", "alerting", "alerting", "connected", "hold"),
}  # fmt: skip
REASONS = (NONE, STATE, EXISTS, ALONE, "no_such_recording", "no_such_hall")
CASES = [(kind, stage, row[index]) for kind, row in EXPECTED.items() for index, stage in enumerate(STAGES)]


def state_of(rig: Rig, connection: str) -> str:
    return next((one.state.value for one in rig.snapshot().connections if one.connection == connection), "null")


@pytest.mark.parametrize(("kind", "stage", "expected"), CASES, ids=[f"{kind.__name__}-{stage}" for kind, stage, _ in CASES])
async def test_service_in_state(rig: Rig, kind: type[services.Service], stage: str, expected: object) -> None:
    made = await situation(rig, stage)
    before = state_of(rig, made.subject)
    service = service_for(kind, made)
    rig.ask(service)
    if expected in REASONS:
        failure = await rig.until(ServiceFailed, service=service.id)
        assert failure.reason == expected
        assert failure.kind == kind.__name__
        assert state_of(rig, made.subject) == before
    elif isinstance(expected, str):
        await rig.settle()
        assert state_of(rig, made.subject) == expected
        assert not [event for event in rig.events if isinstance(event, ServiceFailed)]
    else:
        assert isinstance(expected, type)
        assert issubclass(expected, CtEvent)
        await rig.until(expected, service=service.id)
        assert not [event for event in rig.events if isinstance(event, ServiceFailed)]


def test_every_service_has_a_row() -> None:
    assert set(EXPECTED) == set(services.AnyService.__args__)
    assert all(len(row) == len(STAGES) for row in EXPECTED.values())
    assert len(CASES) >= 60
