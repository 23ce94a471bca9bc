"""The connection states of a switch as a table: which service is allowed in which state, and where it leads.

Every switch consults this one table, so that the simulated switch and the real ones refuse the same things with the same words. The
picture ``docs/states/connection.md`` is drawn from it by ``picture``.

``Alerting`` of ECMA-269 is two rows here: a call that came in and waits at the routing device (``INCOMING``) is answered by a
service; a device that we ring (``ALERTING``) answers by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from yitong.ct import services
from yitong.ct.model import ConnectionState


class Stage(StrEnum):
    """Where a connection is in its life, as far as services care."""

    NULL = "null"
    INITIATED = "initiated"
    INCOMING = "alerting (incoming)"
    ALERTING = "alerting"
    CONNECTED = "connected"
    HOLD = "hold"


LIVE: Final = (Stage.INITIATED, Stage.INCOMING, Stage.ALERTING, Stage.CONNECTED, Stage.HOLD)
SERVICES: Final[Mapping[type[services.Service], Mapping[Stage, Stage]]] = MappingProxyType({
    services.Answer: {Stage.INCOMING: Stage.CONNECTED},
    services.Ring: {Stage.INCOMING: Stage.INCOMING},
    services.Clear: dict.fromkeys(LIVE, Stage.NULL),
    services.Hold: {Stage.CONNECTED: Stage.HOLD},
    services.Retrieve: {Stage.HOLD: Stage.CONNECTED},
    services.Make: {Stage.NULL: Stage.INITIATED},
    services.Route: {Stage.INCOMING: Stage.INCOMING, Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.Deflect: {Stage.INITIATED: Stage.NULL, Stage.ALERTING: Stage.NULL},
    services.SingleStepTransfer: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.Consult: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.CONNECTED},
    services.StepAside: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.CONNECTED},
    services.Alternate: {Stage.CONNECTED: Stage.CONNECTED},
    services.Reconnect: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.Conference: {Stage.CONNECTED: Stage.CONNECTED},
    services.Transfer: {Stage.CONNECTED: Stage.NULL},
    services.Join: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.Participate: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.EnterHall: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.LeaveHall: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.Play: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.Stop: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.Collect: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.SendDigits: {Stage.CONNECTED: Stage.CONNECTED},
    services.Classify: {Stage.CONNECTED: Stage.CONNECTED},
    services.SendFax: {Stage.CONNECTED: Stage.CONNECTED},
    services.ReceiveFax: {Stage.CONNECTED: Stage.CONNECTED},
    services.StartRecording: {Stage.CONNECTED: Stage.CONNECTED, Stage.HOLD: Stage.HOLD},
    services.RecordMessage: {Stage.CONNECTED: Stage.CONNECTED},
    services.SetStandingOrder: {stage: stage for stage in LIVE},
})  # fmt: skip
"""Service → stages in which it is allowed → the stage it leads to. ``StopRecording``, ``PauseRecording``, ``ResumeRecording`` and
``RecordHall`` name a recording, not a connection."""

HAPPENINGS: Final[tuple[tuple[Stage, str, Stage], ...]] = (
    (Stage.NULL, "a call comes in", Stage.INCOMING),
    (Stage.NULL, "Route, Deflect, SingleStepTransfer, Consult, Join name it as target", Stage.INITIATED),
    (Stage.INITIATED, "the device rings", Stage.ALERTING),
    (Stage.INITIATED, "the device answers", Stage.CONNECTED),
    (Stage.ALERTING, "the device answers", Stage.CONNECTED),
    (Stage.INCOMING, "a target of Route answers", Stage.CONNECTED),
    (Stage.CONNECTED, "the device holds", Stage.HOLD),
    (Stage.HOLD, "the device retrieves", Stage.CONNECTED),
    (Stage.INITIATED, "refused, unreachable, not answered", Stage.NULL),
    (Stage.ALERTING, "refused, not answered, answered elsewhere", Stage.NULL),
    (Stage.INCOMING, "the caller gives up; core silent", Stage.NULL),
    (Stage.CONNECTED, "the device hangs up; standing order; media or signalling lost", Stage.NULL),
    (Stage.HOLD, "the device hangs up; standing order; media or signalling lost", Stage.NULL),
)
"""What happens by itself, without a service."""


def stage_of(state: ConnectionState, incoming: bool) -> Stage:
    """The stage of a live connection."""
    if state is ConnectionState.ALERTING and incoming:
        return Stage.INCOMING
    return Stage(state.value)


def refusal(kind: type[services.Service], stage: Stage) -> str:
    """Why a service of ``kind`` cannot be done at ``stage``; empty when it can, as what is about none (SetMessageWaiting) always."""
    if stage in SERVICES.get(kind, (stage,)):
        return ""
    if kind is services.Make:
        return "connection_exists"
    return "no_such_connection" if stage is Stage.NULL else "wrong_state"


def picture() -> str:
    """The table as a Markdown page with a Mermaid drawing (``docs/states/connection.md``)."""
    names = {stage: stage.name.lower() for stage in Stage}
    arrows: dict[tuple[Stage, Stage], list[str]] = {}
    for kind, moves in SERVICES.items():
        for source, result in moves.items():
            if source is not result:
                arrows.setdefault((source, result), []).append(kind.__name__)
    lines = ["# Connection states", "", "Drawn from `src/yitong/ct/states.py`; do not edit.", "", "```mermaid", "stateDiagram-v2"]
    lines += [f"    {names[a]} --> {names[b]}: {', '.join(words)}" for (a, b), words in arrows.items()]
    lines += [f"    {names[a]} --> {names[b]}: {words.replace(';', ',')}" for a, words, b in HAPPENINGS]
    lines += ["```", "", "Allowed services (empty: refused with `wrong_state`, in null `no_such_connection`):", ""]
    lines += ["| service | " + " | ".join(names.values()) + " |", "| --- |" + " --- |" * len(names)]
    for kind, moves in SERVICES.items():
        cells = (names[moves[stage]] if stage in moves else "" for stage in Stage)
        lines.append(f"| {kind.__name__} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
