"""What the simulation itself promises: determinism, faults, scripted customers, restart."""

from __future__ import annotations

from yitong.ct.events import AnyEvent, CallCleared, ConnectionCleared, Delivered, Established, ServiceFailed, SwitchStarted
from yitong.ct.model import Cause, Prompt
from yitong.ct.services import Answer, Clear, Collect, Play, Route, Target
from yitong.kit.ids import CountedIds
from yitong.sim.callers import Customer, HangUp, Press, UntilAsked, UntilHears, UntilTalks, Wait
from yitong.sim.faults import Fates, perfect, seeded
from yitong.sim.switch import IGNORES, REFUSES, Behaviour, SimSwitch, connections_of
from yitong.sim.timeline import Timeline

T = "t1"


class TinyCore:
    """Answers, asks for a key, routes to the device 1001."""

    def __init__(self, switch: SimSwitch) -> None:
        self.switch = switch
        self.ids = CountedIds(1_000_000)
        self.events: list[AnyEvent] = []
        switch.monitor(self.hear)

    def new(self) -> str:
        return self.ids.new(self.switch.timeline.now)

    def hear(self, event: AnyEvent) -> None:
        self.events.append(event)
        if isinstance(event, Delivered) and event.incoming:
            self.switch.ask(Answer(id=self.new(), tenant=T, connection=event.connection))
        elif isinstance(event, Established) and "/trunk/" in event.device:
            self.switch.ask(Collect(id=self.new(), tenant=T, connection=event.connection, prompts=(Prompt(file="menu.wav"),)))
        elif type(event).__name__ == "Collected":
            connection = event.connection  # type: ignore[union-attr]
            self.switch.ask(Play(id=self.new(), tenant=T, connection=connection, prompts=(Prompt(file="music.wav"),), loop=True))
            target = Target(connection=self.new(), device=f"{T}/phone/1001")
            self.switch.ask(Route(id=self.new(), tenant=T, connection=connection, targets=(target,)))


def story(faults: Fates = perfect) -> tuple[list[AnyEvent], Customer, SimSwitch]:
    switch = SimSwitch(Timeline(), faults=faults)
    switch.register(T, "1001", usual=Behaviour(answer_after=3.0, hang_up_after=60.0))
    core = TinyCore(switch)
    customer = Customer(
        switch, tenant=T, called="96900", calling="138", steps=[UntilAsked(), Wait(0.5), Press("0"), UntilHears("music"), UntilTalks()]
    )
    switch.timeline.run(300)
    return core.events, customer, switch


def test_equal_runs_are_equal() -> None:
    assert story()[0] == story()[0]


def test_customer_is_served() -> None:
    _, customer, switch = story()
    assert [one.what for one in customer.seen] == ["accepted", "hears", "hears", "talks", "alone", "released"] or customer.talked_to
    assert 3.5 <= customer.waited_seconds <= 3.7
    assert customer.ended
    assert not list(connections_of(switch))


def test_impatient_customer_leaves() -> None:
    switch = SimSwitch(Timeline())
    phone = switch.register(T, "1001", usual=IGNORES)
    TinyCore(switch)
    customer = Customer(switch, tenant=T, called="96900", calling="138", steps=[UntilAsked(), Press("0")], patience_seconds=10.0)
    switch.timeline.run(60)
    assert customer.seen[-1].what == "hung_up"
    assert list(phone.released.values()) == [Cause.CANCELLED]
    assert not list(connections_of(switch))


def test_script_of_a_device_is_followed_in_order() -> None:
    switch = SimSwitch(Timeline())
    phone = switch.register(T, "1001", usual=IGNORES)
    phone.will(REFUSES)
    core = TinyCore(switch)
    Customer(switch, tenant=T, called="96900", calling="138", steps=[UntilAsked(), Press("0"), Wait(5), HangUp()])
    switch.timeline.run(60)
    assert [event.cause for event in core.events if type(event).__name__ == "Failed"] == [Cause.REFUSED]  # type: ignore[union-attr]


def test_faults_repeat_with_their_seed_and_are_healed_by_since() -> None:
    one, two = (story(seeded(7, lose=0.2, double=0.2, delay=0.3)) for _ in range(2))
    assert one[0] == two[0]
    switch = one[2]
    heard = {event.sequence for event in one[0]}
    assert heard != set(range(1, switch.function.log.sequence(T, "") + 1)) or len(heard) < len(one[0])
    all_events = switch.since(1, 0)
    assert isinstance(all_events, list)
    assert [event.sequence for event in all_events] == list(range(1, switch.function.log.sequence(T, "") + 1))


def test_restart_keeps_calls_and_begins_an_epoch() -> None:
    switch = SimSwitch(Timeline())
    switch.register(T, "1001", usual=Behaviour(answer_after=1.0))
    core = TinyCore(switch)
    customer = Customer(switch, tenant=T, called="96900", calling="138", steps=[UntilAsked(), Press("0"), UntilTalks()])
    switch.timeline.run(20)
    switch.restart()
    switch.timeline.run(1)
    assert isinstance(core.events[-1], SwitchStarted)
    assert core.events[-1].epoch == 2
    assert len(list(connections_of(switch))) == 2
    customer.hang_up()
    switch.timeline.run(1)
    assert not list(connections_of(switch))


def test_what_waits_for_an_answer_that_never_comes_is_told_as_failed() -> None:
    switch, ids, told = SimSwitch(Timeline()), CountedIds(1_000_000), list[AnyEvent]()
    switch.monitor(told.append)
    connection = switch.arrive(T, "96900", "138")
    answer, play, clear = (ids.new(switch.timeline.now) for _ in range(3))
    switch.ask(Answer(id=answer, tenant=T, connection=connection))
    switch.ask(Play(id=play, tenant=T, connection=connection, prompts=(Prompt(file="menu.wav"),)))
    switch.ask(Clear(id=clear, tenant=T, connection=connection, cause=Cause.BUSY))
    switch.timeline.run(1)
    assert [type(event) for event in told] == [Delivered, ConnectionCleared, CallCleared, ServiceFailed]
    failed = told[-1]
    assert isinstance(failed, ServiceFailed)
    assert (failed.service, failed.reason) == (play, "no_such_connection")
