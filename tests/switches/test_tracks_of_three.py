"""A talk of three on two tracks: the customer on the left one, everybody on our side on the right; against every switch, by tones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.switches.ears import TONES
from tests.switches.rigs import Rig
from tests.switches.situations import make, new_id
from tests.switches.soft_rig import SoftRig
from tests.switches.test_rooms import Three, consulting, joined
from tests.switches.test_taking import samples_of

from yitong.ct import services
from yitong.ct.events import ConnectionCleared, RecordingEnded, RecordingStarted
from yitong.ct.model import Participation


async def record(made: Three) -> str:
    """Record the customer with the agent."""
    name = new_id()
    call = next(one.call for one in made.rig.snapshot().connections if one.connection == made.agent)
    made.rig.ask(make(
        services.StartRecording, recording=name, call=call, left=made.far.connection, right=made.agent, file=f"{name}.wav"
    ))  # fmt: skip
    await made.rig.until(RecordingStarted, recording=name)
    return name


def others(made: Three, name: str) -> tuple[str, ...]:
    """Who is on the right track besides the agent, as the switch's table has it."""
    switch = made.rig.switch  # type: ignore[attr-defined]
    function = switch.lines.function if isinstance(made.rig, SoftRig) else switch.function
    also: tuple[str, ...] = function.table.recordings[name].also
    return also


async def ended(made: Three, name: str) -> list[set[str]] | None:
    """The tones of each track, each 100 ms that has one; None on a switch that makes no files."""
    made.rig.ask(make(services.StopRecording, recording=name))
    event = await made.rig.until(RecordingEnded, recording=name)
    samples = samples_of(made.rig, event.file, 2)
    return None if samples is None else [tones(samples[:, side]) for side in (0, 1)]


def tones(track: NDArray[np.int16]) -> set[str]:
    """Everybody who is heard on a track; two at once are named together, too."""
    found: set[str] = set()
    for begin in range(0, len(track) - 800, 800):
        spectrum = np.abs(np.fft.rfft(track[begin : begin + 800] * np.hanning(800))) / 800
        hertz = np.fft.rfftfreq(800, 1 / 8000)
        here = sorted(name for name, tone in TONES.items() if spectrum[np.abs(hertz - tone) < 15].max() > 300)
        found.update({*here, " ".join(here)} - {""})
    return found


@pytest.mark.parametrize("late", [False, True], ids=["recorded before", "recorded in the conference"])
async def test_a_conference_of_three(rig: Rig, late: bool) -> None:
    made = await consulting(rig)
    name = "" if late else await record(made)
    assert late or others(made, name) == ()
    await made.say(services.Conference)
    await made.ears.hear(customer="agent expert", agent="customer expert", expert="customer agent")
    name = name or await record(made)
    assert others(made, name) == (made.connection,)
    await rig.settle(0.8)
    await made.other.hang_up()
    await rig.until(ConnectionCleared, connection=made.connection)
    assert others(made, name) == ()
    await made.ears.hear(customer="agent", agent="customer")
    heard = await ended(made, name)
    if heard is not None:
        left, right = heard
        assert left == {"customer"}
        assert right == {"agent", "expert", "agent expert"}, "both at once, and each of them as loud as ever"


@pytest.mark.parametrize("participation", [Participation.WHISPER, Participation.ACTIVE])
async def test_a_supervisor_is_recorded_when_the_customer_hears_him(rig: Rig, participation: Participation) -> None:
    made = await joined(rig, participation)
    name = await record(made)
    joins = participation is Participation.ACTIVE
    assert others(made, name) == ((made.connection,) if joins else ())
    await made.ears.hear(customer="agent supervisor" if joins else "agent")
    await rig.settle(0.5)
    heard = await ended(made, name)
    if heard is not None:
        assert heard[0] == {"customer"}
        assert heard[1] == ({"agent", "supervisor", "agent supervisor"} if joins else {"agent"})
