"""Random histories of a centre, and what must be true in every one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.journeys.world import HOTLINE, QUEUE, TENANT, World

from yitong.contact.ledger import Event
from yitong.contact.medium import CAPACITY, MAIL
from yitong.ct.model import Cause, ConnectionState, DeviceKind
from yitong.ct.switching.ports import Invitation
from yitong.domains.acd import messages as m
from yitong.domains.acd.rules.selection import choose
from yitong.domains.mail.messages import AnswerMail, TakeMail
from yitong.domains.recording import messages as rec
from yitong.kit.clock import SECOND
from yitong.sim.callers import Customer, Press, UntilAlone, UntilAsked
from yitong.sim.faults import seeded
from yitong.sim.switch import BUSY, DEAD, IGNORES, REFUSES, Behaviour, SimLine

AGENTS = ("1001", "1002", "1003")
BEHAVIOURS = (
    Behaviour(answer_after=1.0, hang_up_after=15.0), Behaviour(answer_after=4.0, hang_up_after=40.0), IGNORES, REFUSES, BUSY, DEAD,
    Behaviour(answer_after=2.0),
)  # fmt: skip
Action = tuple[str, int, int]
BESIDE: dict[str, Any] = {
    "schema_version": 1, "name": {"en": "Card"}, "start": "card", "data": {"amount": {"en": "Amount"}},
    "entries": {"card": {"name": {"en": "Card"}, "beside": True, "takes": ["amount"]}},
    "steps": {
        "card": {"kind": "collect", "prompts": ["number.1"], "name": "card", "maximum": 4, "first_seconds": 3, "tries": 2,
                 "next": dict.fromkeys(("done", "timeout", "wrong"), "pin")},
        "pin": {"kind": "collect", "prompts": ["number.2"], "name": "pin", "maximum": 2, "secret": True, "first_seconds": 3, "tries": 1,
                "next": dict.fromkeys(("done", "timeout", "wrong"), "back")},
        "back": {"kind": "return", "next": {"nowhere": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip
KINDS = (
    "call", "call", "call", "wait", "wait", "wait", "behave", "hang_up", "ready", "break", "device_out", "device_in", "refuse", "release",
    "hold", "retrieve", "wrap_up", "lose", "restart", "save", "switch_restart", "consult", "together", "supervise", "dial", "record",
    "flow", "take_back", "inside", "telephone", "mail", "mail", "letter", "link", "lock", "force", "move", "device_hold", "keys",
)  # fmt: skip


class History:
    """Plays actions on a world whose events are lost, doubled and late; checks it after every decision and at the end."""

    def __init__(self, seed: int, *, lose: float = 0.04, double: float = 0.05, delay: float = 0.1, lose_services: float = 0.0) -> None:
        faults = seeded(seed, lose=lose, double=double, delay=delay, late_seconds=0.4)
        self.world = World(faults=faults, service_faults=seeded(seed + 1, lose=lose_services, double=lose_services))
        self.customers: list[Customer] = []
        self.mails: list[str] = []
        self.linked: list[str] = []
        """Connections that came from another site of ours."""
        self.world.after_each = check_now
        self.world.switch.register(TENANT, "gateway", kind=DeviceKind.TRUNK, usual=BEHAVIOURS[0])
        self.world.put("trunk", "l1", {"id": "l1", "code": "gateway", "link": True, "distant": [{"number": "20XX"}]})
        self.world.put("flow", "f2", {"id": "f2", "code": "card", "published_version": 1, "document": BESIDE})
        for number in AGENTS:
            self.world.agent(number, usual=BEHAVIOURS[0], ready=False, may_call=["mobile", "national"])
        self.world.run(1)
        for number in AGENTS:
            self.world.obey(m.SetAgentState(agent=f"a{number}", state="ready"))

    def play(self, actions: Sequence[Action]) -> None:
        for kind, who, number in actions:
            getattr(self, f"do_{kind}")(AGENTS[who % len(AGENTS)], number)
            self.world.run(0.05)

    # --- actions -------------------------------------------------------------------------------------------------------------------

    def do_call(self, agent: str, number: int) -> None:
        steps: tuple[Any, ...] = (UntilAsked(), Press("0"), UntilAlone(), UntilAsked(), Press("1"))
        patience = (None, None, 3.0, 9.0, 14.0, 33.0)[number % 6]
        customer = self.world.caller(f"139{len(self.customers):08}", steps=steps, patience=patience)
        self.customers.append(customer)

    def do_wait(self, agent: str, number: int) -> None:
        self.world.run((0.2, 1.0, 2.5, 7.0, 21.0, 34.0)[number % 6])

    def do_behave(self, agent: str, number: int) -> None:
        self.world.switch.devices[f"{TENANT}/phone/{agent}"].will(BEHAVIOURS[number % len(BEHAVIOURS)])

    def do_hang_up(self, agent: str, number: int) -> None:
        if self.customers:
            self.customers[number % len(self.customers)].hang_up()

    def do_ready(self, agent: str, number: int) -> None:
        self.world.try_obey(m.SetAgentState(agent=f"a{agent}", state="ready"))

    def do_break(self, agent: str, number: int) -> None:
        self.world.try_obey(m.SetAgentState(agent=f"a{agent}", state=("not_ready", "logged_off")[number % 2], reason="lunch"))

    def do_device_out(self, agent: str, number: int) -> None:
        self.world.switch.unregister(f"{TENANT}/phone/{agent}")

    def do_device_in(self, agent: str, number: int) -> None:
        self.world.switch.register(TENANT, agent, kind=DeviceKind.PHONE, usual=BEHAVIOURS[0])

    def _assignment(self, agent: str, number: int) -> str:
        held = self.world.partition.acd.model.agents.get(f"a{agent}")  # type: ignore[union-attr]
        keys = sorted(held.assignments) if held is not None else []
        return keys[number % len(keys)] if keys else "none"

    def do_refuse(self, agent: str, number: int) -> None:
        self.world.try_obey(m.RefuseOffer(agent=f"a{agent}", assignment=self._assignment(agent, number)))

    def do_release(self, agent: str, number: int) -> None:
        self.world.try_obey(m.HangUp(agent=f"a{agent}", assignment=self._assignment(agent, number)))

    def do_hold(self, agent: str, number: int) -> None:
        self.world.try_obey(m.HoldContact(agent=f"a{agent}", assignment=self._assignment(agent, number)))

    def do_retrieve(self, agent: str, number: int) -> None:
        self.world.try_obey(m.RetrieveContact(agent=f"a{agent}", assignment=self._assignment(agent, number)))

    def do_consult(self, agent: str, number: int) -> None:
        key, whom = self._assignment(agent, number), (*AGENTS, "02150001234", "2001")[number % 5]
        kind = m.Transfer if number % 3 == 0 else m.Consult
        one = self.world.partition.acd.model.assignment(key)  # type: ignore[union-attr]
        contact = self.world.partition.registry.get(one.contact) if one is not None else None  # type: ignore[union-attr]
        if self.world.try_obey(kind(agent=f"a{agent}", assignment=key, number=whom)) and contact is not None:
            self.world.shared.add(contact.call)
        self.world.run((0.0, 2.0)[number % 2])

    def do_link(self, agent: str, number: int) -> None:
        """Another site gives an agent here a contact of its own, or takes one back."""
        if number % 3 == 0 and self.linked:
            self.world.switch.hang_up(self.linked[number % len(self.linked)])
        else:
            device, data = f"{TENANT}/trunk/gateway", '{"contact": "00000000-0000-7000-8000-000000000001"}'
            self.linked.append(self.world.switch.arrive(TENANT, agent, "13700000000", device=device, linked=True, data=data))
        self.world.run((0.0, 0.5, 3.0)[number % 3])

    def do_supervise(self, agent: str, number: int) -> None:
        whom, held = AGENTS[number % len(AGENTS)], self.world.partition.acd.model.agents[f"a{agent}"].assignments  # type: ignore[union-attr]
        watching = next((one.id for one in held.values() if one.participation), "")
        if watching and number % 4 == 0:
            done = self.world.try_obey(m.Intercept(agent=f"a{agent}", assignment=watching))
        elif number % 7 == 0:
            done = self.world.try_obey(m.ForceRelease(agent=f"a{whom}"))
        else:
            how = ("silent", "whisper", "active")[number % 3]
            done = agent != whom and self.world.try_obey(m.Supervise(agent=f"a{agent}", whom=f"a{whom}", participation=how))  # type: ignore[arg-type]
        if done:
            calls = {contact.id: contact.call for contact in self.world.partition.registry}  # type: ignore[union-attr]
            self.world.shared.update(calls[one.contact] for one in held.values() if one.contact in calls)
        self.world.run((0.0, 2.0)[number % 2])

    def do_dial(self, agent: str, number: int) -> None:
        self.world.try_obey(m.CallOut(agent=f"a{agent}", number=f"138{number:08}"))
        self.world.run((0.0, 0.5, 3.0)[number % 3])

    def do_flow(self, agent: str, number: int) -> None:
        key, wait = self._assignment(agent, number), number % 4 != 0
        what: m.LetIntoFlow | m.SendInto = m.SendInto(agent=f"a{agent}", assignment=key, prompt="information", wait=wait)
        if number % 3:
            what = m.LetIntoFlow(agent=f"a{agent}", assignment=key, flow="f2", step="card", values={"amount": "7"}, wait=wait)
        self.world.try_obey(what)
        self.world.run((0.0, 0.3, 6.0)[number % 3])

    def do_inside(self, agent: str, number: int) -> None:
        self.world.try_obey(m.CallInside(agent=f"a{agent}", number=AGENTS[number % len(AGENTS)]))
        self.world.run((0.0, 0.5, 3.0)[number % 3])

    def do_telephone(self, agent: str, number: int) -> None:
        """Somebody dials at his telephone, beside whatever call he has; sometimes he brings two calls together, or hangs up."""
        switch, device = self.world.switch, f"{TENANT}/phone/{agent}"
        mine = [one for one in switch.function.table.connections.values() if one.device == device and one.in_call]
        if number % 4 == 0 and len(mine) > 1:
            one, other = (mine[number % 2].connection, mine[1 - number % 2].connection)
            switch._do(lambda now: void(switch.function.join_calls(one, other, now)))
            self.world.shared.update(one.call for one in mine)
        elif number % 4 == 1 and mine:
            switch.hang_up(mine[0].connection)
        else:
            self.world.dialled.add(switch.call_from(device, AGENTS[number % 3] if number % 4 == 2 else f"138{number:08}"))
        self.world.run((0.0, 0.5, 3.0)[number % 3])

    def do_lock(self, agent: str, number: int) -> None:
        kind = m.UnlockDesk(agent=f"a{agent}", by=("agent", "supervisor")[number % 2]) if number % 3 else m.LockDesk(agent=f"a{agent}")
        self.world.try_obey(kind)

    def do_force(self, agent: str, number: int) -> None:
        state: Any = ("ready", "not_ready", "logged_off")[number % 3]
        self.world.try_obey(m.ForceAgentState(agent=f"a{agent}", state=state))

    def do_move(self, agent: str, number: int) -> None:
        """He goes on, or answers, at his other telephone (INVITE with Replaces)."""
        switch, device = self.world.switch, f"{TENANT}/phone/{agent}"
        mine = [one for one in switch.function.table.connections.values() if one.device == device and not one.incoming]
        if not mine:
            return
        page = switch.register(TENANT, agent, kind=DeviceKind.PAGE, usual=BEHAVIOURS[0]).device
        old, taken = mine[number % len(mine)].connection, f"taken-{self.world.timeline.now}"
        switch.lines[taken] = SimLine(device=switch.devices[page.device])
        invitation = Invitation(calling=agent)
        switch._do(lambda now: switch.function.replaced(
            old, connection=taken, device=page.device, kind=DeviceKind.PAGE, invitation=invitation, now=now
        ))  # fmt: skip
        self.world.dialled.add(taken)
        self.world.run((0.0, 0.5, 3.0)[number % 3])

    def do_device_hold(self, agent: str, number: int) -> None:
        """A telephone holds or retrieves by itself, the customer's or an agent's."""
        live = [one.connection for one in self.world.switch.function.table.connections.values() if one.in_call]
        if live:
            (self.world.switch.hold if number % 2 else self.world.switch.retrieve)(live[number // 2 % len(live)])

    def do_keys(self, agent: str, number: int) -> None:
        key = self._assignment(agent, number)
        acts: tuple[Any, ...] = (
            m.Mute(agent=f"a{agent}", assignment=key, on=number % 4 == 0),
            m.SendKeys(agent=f"a{agent}", assignment=key, keys="12#"),
        )
        self.world.try_obey(acts[number % 2])

    def do_take_back(self, agent: str, number: int) -> None:
        self.world.try_obey(m.TakeBack(agent=f"a{agent}", assignment=self._assignment(agent, number)))

    def do_together(self, agent: str, number: int) -> None:
        kind = (m.Alternate, m.Reconnect, m.Conference, m.Transfer)[number % 4]
        self.world.try_obey(kind(agent=f"a{agent}", assignment=self._assignment(agent, number)))

    def do_record(self, agent: str, number: int) -> None:
        """Pauses, and recordings on demand; sometimes what was asked of the switch is lost with core."""
        mine = self._assignment(agent, number)
        kinds = (
            rec.PauseTalk(agent=f"a{agent}", assignment=mine, seconds=number % 9 * 10), rec.ResumeTalk(agent=f"a{agent}", assignment=mine),
            rec.RecordTalk(agent=f"a{agent}", seconds=number % 5 * 3), rec.EndRecordTalk(agent=f"a{agent}"),
        )  # fmt: skip
        self.world.try_obey(kinds[number % 4])

    def do_wrap_up(self, agent: str, number: int) -> None:
        key, draft = self._assignment(agent, number), number % 2 == 0
        self.world.try_obey(m.WrapUp(agent=f"a{agent}", assignment=key, note="x", draft=draft, next_state="ready"))

    def do_mail(self, agent: str, number: int) -> None:
        """Somebody writes; or whoever fetched a mail did not hear the answer, and asks again; or he writes again of the same."""
        again = self.mails and number % 5 == 0
        mail = self.mails[number % len(self.mails)] if again else f"mail{len(self.mails)}"
        thread = tuple(self.mails[-1:]) if number % 3 == 0 and not again else ()
        self.world.obey(TakeMail(
            mail=mail, queue=QUEUE, sender=f"{number}@example.org", address="service@example.com", account="acc",
            received_at=self.world.timeline.now - number * SECOND, thread=thread,
        ))  # fmt: skip
        if not again:
            self.mails.append(mail)

    def do_letter(self, agent: str, number: int) -> None:
        """What an agent does with a mail on his desk."""
        held = self.world.partition.acd.model.agents.get(f"a{agent}")  # type: ignore[union-attr]
        keys = [one.id for one in held.assignments.values() if not one.switched] if held is not None else []
        if keys:
            who, key = f"a{agent}", sorted(keys)[number % len(keys)]
            acts = (
                m.OpenContact(agent=who, assignment=key), AnswerMail(agent=who, assignment=key, answer=f"answer{number}"),
                m.OpenContact(agent=who, assignment=key), m.HangUp(agent=who, assignment=key), m.ReturnContact(agent=who, assignment=key),
            )  # fmt: skip
            self.world.try_obey(acts[number % len(acts)])

    def do_lose(self, agent: str, number: int) -> None:
        live = [one for one in self.world.switch.snapshot_now(TENANT).connections if one.state is not ConnectionState.ALERTING]
        if live:
            self.world.switch.lose(live[number % len(live)].connection, (Cause.MEDIA_LOST, Cause.SIGNALLING_LOST)[number % 2])

    def do_restart(self, agent: str, number: int) -> None:
        self.world.restart((0.0, 0.5, 3.0)[number % 3])

    def do_save(self, agent: str, number: int) -> None:
        self.world.save()

    def do_switch_restart(self, agent: str, number: int) -> None:
        self.world.switch.restart()

    # --- the end -------------------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The network is well again, everybody comes to an end by himself; then nothing may be left anywhere."""
        self.world.switch.faults = self.world.switch.service_faults = lambda message: (0.0,)
        for number in AGENTS:
            self.world.switch.register(TENANT, number, usual=BEHAVIOURS[0])
        self.world.run(25)
        for customer in self.customers:
            customer.hang_up()
        for connection in (*self.world.dialled, *self.linked):
            self.world.switch.hang_up(connection)
        self.world.run(120)
        for one in list(self.world.partition.acd.model.assignments()):  # type: ignore[union-attr]
            self.world.try_obey(m.WrapUp(agent=one.agent, assignment=one.id))  # of a call to outside it has no limit
        self.world.run(10)
        self._answer_all()
        check_end(self.world, len(self.customers))
        check_mails(self.world, self.mails)

    def _answer_all(self) -> None:
        """Every mail is opened and done with."""
        for _ in range(3 * len(self.mails) + 3):
            for number in AGENTS:
                self.world.try_obey(m.SetAgentState(agent=f"a{number}", state="ready"))
            for one in list(self.world.partition.acd.model.assignments()):  # type: ignore[union-attr]
                for act in (m.OpenContact, m.HangUp, m.WrapUp):
                    self.world.try_obey(act(agent=one.agent, assignment=one.id))
            self.world.run(31)


def void(done: bool) -> None:
    """Whether it could be done does not matter."""


def check_now(world: World) -> None:
    """After every decision."""
    if world.partition is None:
        return
    model = world.partition.acd.model
    waiting = [queued.waiting() for queued in model.queued.values() if not queued.assignment]
    assert choose(waiting, model.free(), model.policies, world.timeline.now) is None, "a free agent and a contact he may take"
    kept = {one.agent: (one.media, one.idle_since, one.answered_today) for one in model.free()}
    open_now = {key: (agent.open_media(model.agent_configs[key]), agent.idle_since, agent.answered) for key, agent in model.agents.items()}
    assert kept == {key: now for key, now in open_now.items() if now[0]}, "the dispatcher sees an agent as he was"
    world.own.update(one.id for one in model.assignments() if one.inside is not None or world.dialled & one.connections())
    by_agent = Counter(one.agent for one in model.assignments() if one.id not in world.own and one.switched)
    assert all(count <= 1 for count in by_agent.values()), "two contacts for one agent"
    desks = Counter(one.agent for one in model.assignments() if not one.switched)
    assert all(count <= CAPACITY[MAIL] for count in desks.values()), "more mails than an agent may have"
    live = [one for one in model.assignments() if one.state in ("offered", "active", "held", "interrupted")]
    talking = Counter(one.contact for one in live if not one.host and one.inside is None)
    assert all(count <= 1 for count in talking.values()), "two agents for one contact"
    for one in model.assignments():
        assert one.state != "offered" or one.deadline() > 0 or one.host, "a reservation without a lease"
        assert one.host != one.id, "a guest of himself"
    recorder = world.partition.recorder.model
    talks = {one.id for one in live if not (one.host or one.dial or one.inside) and one.state != "offered" and one.switched}
    assert {talk.assignment for talk in recorder.talks.values() if talk.assignment} == talks, "what is recorded is not what talks"
    for one in live:
        host = model.assignment(one.host)
        helps = host is not None and (host.consultation is not None or one.participation)
        assert not one.host or helps or waiting_handover(world, one.id), "a guest of nobody"
    _one_voice(world)


def waiting_handover(world: World, guest: str) -> bool:
    """The guest rings for a contact that nobody has."""
    assert world.partition is not None
    return any(handover.guest == guest for handover in world.partition.acd.model.together.handovers.values())


def _one_voice(world: World) -> None:
    """At most one agent's device is connected in a call of a customer, unless somebody was consulted."""
    connected: Counter[str] = Counter()
    customers = {contact.call for contact in world.partition.registry} if world.partition is not None else set()
    inside = {one.call for one in world.switch.snapshot_now(TENANT).connections} - customers
    for one in world.switch.snapshot_now(TENANT).connections:
        talks = one.state in (ConnectionState.CONNECTED, ConnectionState.HOLD)
        if talks and one.kind is DeviceKind.PHONE and one.call not in world.shared | inside:
            connected[one.call] += 1
    assert all(count <= 1 for count in connected.values()), "two agents talk to one customer"


def check_end(world: World, calls: int) -> None:
    """After everybody has gone."""
    assert world.partition is not None
    model = world.partition.acd.model
    assert [one.connection for one in world.switch.snapshot_now(TENANT).connections] == [], "connections are left"
    assert len(world.partition.registry) == 0, "contacts are stuck"
    assert not world.switch.audio.takes, "something is still recorded"
    recorder = world.partition.recorder.model
    assert not any((recorder.talks, recorder.pauses, recorder.ending)), "a talk is left to be recorded"
    assert not model.queued, "somebody waits who is gone"
    assert [one.state for one in model.assignments()] == [], "agents are stuck"
    events = world.events()
    assert [event.sequence for event in events] == list(range(1, len(events) + 1)), "the sequence has gaps"
    check_journeys(events)
    calls_in = [event.payload for event in events if event.type == "contact.arrived" and event.payload["channel"] == "voice"]
    arrived = sum(1 for payload in calls_in if payload["direction"] == "in" and not payload.get("rings"))
    assert arrived <= calls
    lost = calls - arrived
    assert lost == sum(1 for customer in unheard(world)), "a caller became no contact"


def check_mails(world: World, mails: list[str]) -> None:
    """Each belongs to one contact, and each contact of theirs is one of them."""
    taken = Counter(event.payload["mail"] for event in world.events() if event.type == "mail.taken")
    assert taken == Counter(mails), "a mail is lost, or there twice"
    arrived = {event.contact for event in world.events() if event.type == "contact.arrived" and event.payload["channel"] == MAIL}
    assert arrived <= set(mails)


def unheard(world: World) -> list[str]:
    """Callers who hung up before core could hear of them (it was dead, or the event was lost): no contact, and none is missing."""
    known = {event.connection for event in world.events() if event.type == "contact.arrived"}
    return [connection for connection in world.arrivals if connection not in known]


PAIRS: tuple[tuple[str | tuple[str, ...], tuple[str, ...]], ...] = (
    ("contact.arrived", ("contact.ended",)), ("contact.segment_began", ("contact.segment_ended",)), ("flow.started", ("flow.ended",)),
    ("acd.contact_queued", ("acd.contact_left_queue",)), ("acd.contact_offered", ("acd.offer_ended", "acd.offer_answered")),
    (("acd.offer_answered", "acd.contact_taken", "acd.dial_answered"), ("acd.assignment_ended",)),
    ("acd.wrap_up_began", ("acd.wrap_up_ended",)), ("acd.dial_went_out", ("acd.dial_answered", "acd.dial_ended")),
    ("acd.guest_invited", ("acd.guest_left", "acd.contact_taken")), ("acd.handover_began", ("acd.handover_ended",)),
    ("acd.outside_began", ("acd.outside_ended",)),
    ("acd.detour_began", ("acd.detour_ended",)), ("flow.side_began", ("flow.side_ended",)),
    ("quality.recording_asked", ("quality.recording_ended", "quality.recording_lost")),
    ("recording.demand_began", ("recording.demand_ended",)), ("recording.pause_began", ("recording.pause_ended",)),
)  # fmt: skip


def check_journeys(events: list[Event]) -> None:
    """Each contact's journey is whole: everything that began ended once, one arrival, one end, nothing before or after."""
    by_contact: dict[str, list[Event]] = {}
    for event in events:
        if event.contact:
            by_contact.setdefault(event.contact, []).append(event)
    for contact, told in by_contact.items():
        counts = Counter(event.type for event in told)
        assert counts["contact.arrived"] == counts["contact.ended"] == 1, (contact, counts)
        assert told[0].type == "contact.arrived"
        for begin, ends in PAIRS:
            begins = (begin,) if isinstance(begin, str) else begin
            assert sum(counts[one] for one in begins) == sum(counts[end] for end in ends), (contact, begin, [event.type for event in told])
        times = [event.occurred_at for event in told]
        assert times == sorted(times)


__all__ = ["HOTLINE", "KINDS", "SECOND", "Action", "History", "check_end", "check_journeys", "check_now"]
