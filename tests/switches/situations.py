"""Brings a switch under test into every connection state, and makes every service."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.switches.rigs import LONG, MUSIC, TENANT, Far, Phone, Rig

from yitong.ct import services
from yitong.ct.events import Delivered, Established, Held, Originated
from yitong.ct.model import Participation, StandingOrder
from yitong.kit.ids import uuid7

_numbers = count(1 << 32)
"""Far from those that a simulated switch gives by itself."""


def new_id() -> str:
    """A fresh id."""
    return uuid7(1_790_000_000_000_000, next(_numbers))


def make(kind: type[Any], **fields: Any) -> Any:
    """A service of ``kind`` with a fresh id."""
    return kind(id=new_id(), tenant=TENANT, **fields)


@dataclass
class Situation:
    """A call in a certain state: ``subject`` is the connection that the service is about."""

    rig: Rig
    subject: str
    far: Far | None = None
    phone: Phone | None = None
    agent: str = ""
    spare: Phone | None = None
    call: str = field(default_factory=new_id)


async def answered_caller(rig: Rig) -> Far:
    """A caller whom core answered."""
    far = await rig.incoming()
    rig.ask(make(services.Answer, connection=far.connection))
    await rig.until(Established, connection=far.connection)
    return far


def target(phone: Phone, connection: str = "") -> services.Target:
    return services.Target(connection=connection or new_id(), device=phone.device)


async def routed(rig: Rig, far: Far, *phones: Phone, **fields: Any) -> list[str]:
    """Ring ``phones`` for the caller; their connections."""
    targets = tuple(target(phone) for phone in phones)
    rig.ask(make(services.Route, connection=far.connection, targets=targets, **fields))
    for one in targets:
        await rig.until(Originated, connection=one.connection)
    return [one.connection for one in targets]


async def talking(rig: Rig, number: str = "1001", **fields: Any) -> Situation:
    """A caller who talks with an agent's phone; the subject is the agent's connection."""
    phone = await rig.phone(number)
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, phone, **fields)
    await phone.pick_up()
    await rig.until(Established, connection=agent)
    return Situation(rig, agent, far, phone, agent, call=far.call)


async def situation(rig: Rig, stage: str) -> Situation:
    """A connection in ``stage``."""
    spare = await rig.phone("1009")
    made = await _situation(rig, stage)
    made.spare = spare
    return made


async def _situation(rig: Rig, stage: str) -> Situation:
    if stage == "null":
        return Situation(rig, new_id())
    if stage == "incoming":
        far = await rig.incoming()
        return Situation(rig, far.connection, far, call=far.call)
    if stage in ("initiated", "alerting"):
        phone = await rig.phone("1001")
        if stage == "initiated":
            phone.ignores()
        far = await answered_caller(rig)
        (agent,) = await routed(rig, far, phone)
        if stage == "alerting":
            await rig.until(Delivered, connection=agent)
        return Situation(rig, agent, far, phone, agent, call=far.call)
    made = await talking(rig)
    if stage == "hold":
        rig.ask(make(services.Hold, connection=made.subject, music=MUSIC))
        await rig.until(Held, connection=made.subject)
    return made


def service_for(kind: type[Any], made: Situation) -> Any:
    """A service of ``kind`` about the situation's subject."""
    assert made.spare is not None
    other = made.far.connection if made.far is not None else new_id()
    fields: dict[type[Any], dict[str, Any]] = {
        services.Make: {"call": new_id(), "device": made.spare.device, "called": "1001"},
        services.Route: {"targets": (target(made.spare),)},
        services.Deflect: {"target": target(made.spare)},
        services.SingleStepTransfer: {"target": target(made.spare)},
        services.Consult: {"target": target(made.spare)},
        services.Join: {"target": target(made.spare)},
        services.Participate: {"participation": Participation.SILENT},
        services.EnterHall: {"hall": new_id()},
        services.Play: {"prompts": (LONG,)},
        services.Collect: {"prompts": (LONG,)},
        services.SendDigits: {"digits": "12"},
        services.SendFax: {"file": "nothing.tif"},
        services.ReceiveFax: {"file": "came.tif"},
        services.RecordMessage: {"file": f"{new_id()}.wav"},
        services.SetStandingOrder: {"order": StandingOrder(wait_seconds=3.0)},
    }
    if kind is services.StartRecording:
        name = new_id()
        return make(kind, recording=name, call=made.call, left=other, right=made.subject, file=f"{name}.wav")
    if kind is services.RecordHall:
        return make(kind, recording=new_id(), hall=new_id(), file=f"{new_id()}.wav")
    if kind is services.SetMessageWaiting:
        return make(kind, site="s1", lamps=())
    if kind in (services.StopRecording, services.PauseRecording, services.ResumeRecording):
        return make(kind, recording=made.subject)
    return make(kind, connection=made.subject, **fields.get(kind, {}))
