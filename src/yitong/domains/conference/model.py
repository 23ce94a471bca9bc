"""Rooms as configured, and the conferences that go on in them: a fold of facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Bus
from yitong.contact.deadlines import Deadlines
from yitong.contact.registry import Registry
from yitong.contact.states import Table
from yitong.ct.number_plan import NumberPlan
from yitong.domains.acd.messages import AgentDeviceChanged
from yitong.domains.conference import messages as m

GUESSES_KEPT = 20
STATES = Table("Conference member", {
    ("", "call"): "ringing",
    ("", "enter"): "greeting",
    ("ringing", "answer"): "confirming",
    ("ringing", "enter"): "greeting",
    ("confirming", "enter"): "greeting",
    ("greeting", "join"): "in",
    ("greeting", "wait"): "waiting",
    ("waiting", "open"): "in",
    ("ringing", "leave"): "",
    ("confirming", "leave"): "",
    ("greeting", "leave"): "",
    ("waiting", "leave"): "",
    ("in", "leave"): "",
})  # fmt: skip


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A room as configured; PINs are sealed, empty: none."""

    id: str
    code: str
    name: dict[str, str] = {}
    number: str
    site: str = ""
    host_pin: str = ""
    member_pin: str = ""
    size: int = 100
    enters: str = "speaker"
    may_ask: bool = True
    wait_for_host: bool = True
    entry_tone: bool = True
    recorded: bool = False
    music: str = ""
    maximum_minutes: int = 240


class Entering(msgspec.Struct, kw_only=True):
    """A caller who is asked for number and PIN, or told why not. ``service``: what plays or collects now, forgotten at a restart."""

    contact: str
    connection: str
    what: str
    attempt: int
    since: int
    room: str = ""
    refused: str = ""
    service: str = ""


class Member(msgspec.Struct, kw_only=True):
    """Somebody in a conference, or on the way to it. Times are UTC microseconds, 0: none."""

    id: str
    connection: str
    state: str
    since: int
    contact: str = ""
    agent: str = ""
    called: bool = False
    host: bool = False
    speaking: bool = False
    muted: bool = False
    asked_at: int = 0
    ring_until: int = 0
    ending_at: int = 0
    """A host pressed the key that ends the conference; pressed again soon, it does."""
    service: str = ""


class Conference(msgspec.Struct, kw_only=True):
    """What goes on in a room. ``ended`` is the cause when it is over and its members are sent out."""

    id: str
    room: str
    began_at: int
    until: int
    open: bool
    locked: bool = False
    muted_all: bool = False
    recording: str = ""
    recording_at: int = 0
    ended: str = ""
    members: dict[str, Member] = {}

    def is_heard(self, member: Member) -> bool:
        """Whether the others hear a member who is in."""
        return member.speaking and not member.muted and (member.host or not self.muted_all)


class ConferenceState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps."""

    conferences: dict[str, Conference] = {}
    entering: dict[str, Entering] = {}
    devices: dict[str, dict[str, str]] = {}
    guesses: dict[str, list[int]] = {}


class Entrances:
    """By which numbers one comes to a room: those whose published flow has a step that leads there, or asks for the room's number."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._flows: dict[str, frozenset[str]] = {}
        """Codes of rooms that a flow leads to; "": it asks."""
        self._numbers: dict[str, tuple[str, str]] = {}

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> bool:
        """Whether something changed."""
        if kind == "flow":
            steps = ((value or {}).get("document") or {}).get("steps", {}).values()
            led = frozenset(str(step.get("room", "")) for step in steps if step.get("kind") == "conference")
            changed = led != self._flows.pop(key, frozenset())
            self._flows.update({key: led} if led else {})
            return changed
        if kind == "number":
            before = self._numbers.pop(key, None)
            if value is not None and value.get("site") in ("", None, self._site):
                self._numbers[key] = str(value.get("number", "")), str(value.get("flow", ""))
            return before != self._numbers.get(key)
        return False

    def of(self, room: Room) -> list[dict[str, Any]]:
        """Numbers to dial, with whether the room's own number is asked for then."""
        ways = {(number, "" in led and room.code not in led) for number, flow in self._numbers.values()
                if (led := self._flows.get(flow, frozenset())) & {"", room.code}}  # fmt: skip
        return [{"number": number, "asks": asks} for number, asks in sorted(ways)]


class Model:
    """All conferences of a partition. ``touched`` collects rooms whose picture changed."""

    def __init__(self, bus: Bus, registry: Registry, site: str) -> None:
        self.registry = registry
        self.dialling = NumberPlan()
        self.rooms: dict[str, Room] = {}
        self.agents: dict[str, Mapping[str, Any]] = {}
        self.devices: dict[str, dict[str, str]] = {}
        """Of each agent: usable devices with their kinds."""
        self.entrances = Entrances(site)
        self.conferences: dict[str, Conference] = {}
        self.entering: dict[str, Entering] = {}
        self.guesses: dict[str, list[int]] = {}
        """Of each room: when callers were sent away for wrong PINs, the last ones."""
        self.deadlines = Deadlines()
        self.touched: set[str] = set()
        self._site = site
        self._of_connection: dict[str, tuple[str, str]] = {}
        handlers: dict[type, Callable[[Any, int], None]] = {
            m.EntryAsked: self._asked, m.EntryRefused: self._refused, m.EntryEnded: self._entry_over,
            m.ConferenceBegan: self._began, m.MemberCalled: self._called, m.MemberAnswered: self._answered,
            m.MemberEntered: self._entered, m.MemberJoined: self._joined, m.ConferenceOpened: self._opened,
            m.MemberAsked: self._asks, m.AskEnded: self._asks_no_more, m.RoleChanged: self._role, m.MemberMuted: self._muted,
            m.AllMuted: self._all_muted, m.ConferenceLocked: self._locked, m.RecordingBegan: self._recording,
            m.RecordingOver: self._recording_over, m.MemberMoved: self._moved, m.MemberLeft: self._left, m.ConferenceEnded: self._ended,
            AgentDeviceChanged: self._device,
        }  # fmt: skip
        for kind, handler in handlers.items():
            bus.applies(kind, handler)

    # --- configuration -------------------------------------------------------------------------------------------------------------

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Rooms, agents, the classes of numbers, and which numbers lead to a room."""
        self.dialling.configure(kind, key, value)
        if self.entrances.configure(kind, key, value):
            self.touched.update(self.rooms)
        if kind == "agent":
            self.agents.pop(key, None)
            if value is not None:
                self.agents[key] = value
        elif kind == "conference_room":
            self.rooms.pop(key, None)
            if value is not None and value.get("site") in ("", None, self._site):
                self.rooms[key] = msgspec.convert(value, Room)
            self.touched.add(key)

    # --- reading -------------------------------------------------------------------------------------------------------------------

    def room_named(self, code: str) -> Room | None:
        return next((room for room in self.rooms.values() if room.code == code), None)

    def room_numbered(self, number: str) -> Room | None:
        return next((room for room in self.rooms.values() if room.number == number), None)

    def of_room(self, room: str) -> Conference | None:
        """The conference that goes on in a room."""
        return next((one for one in self.conferences.values() if one.room == room and not one.ended), None)

    def of_connection(self, connection: str) -> tuple[Conference, Member] | None:
        """Whose connection that is."""
        found = self._of_connection.get(connection)
        return (self.conferences[found[0]], self.conferences[found[0]].members[found[1]]) if found else None

    def members(self) -> Iterator[tuple[Conference, Member]]:
        """Everybody."""
        return ((one, member) for one in list(self.conferences.values()) for member in list(one.members.values()))

    # --- facts: coming in ----------------------------------------------------------------------------------------------------------

    def _asked(self, fact: m.EntryAsked, at: int) -> None:
        self.entering[fact.contact] = Entering(
            contact=fact.contact, connection=fact.connection, what=fact.what, attempt=fact.attempt, since=at, room=fact.room
        )

    def _refused(self, fact: m.EntryRefused, at: int) -> None:
        self.entering[fact.contact] = Entering(
            contact=fact.contact, connection=fact.connection, what="sorry", attempt=0, since=at, room=fact.room, refused=fact.cause
        )
        if fact.room and fact.cause == "wrong":
            self.guesses[fact.room] = [*self.guesses.get(fact.room, ()), at][-GUESSES_KEPT:]
            self.touched.add(fact.room)

    def _entry_over(self, fact: m.EntryEnded, at: int) -> None:
        self.entering.pop(fact.contact, None)

    def _began(self, fact: m.ConferenceBegan, at: int) -> None:
        self.conferences[fact.conference] = Conference(id=fact.conference, room=fact.room, began_at=at, until=fact.until, open=fact.open)
        self.deadlines.set(f"limit:{fact.conference}", fact.until)
        self.touched.add(fact.room)

    def _called(self, fact: m.MemberCalled, at: int) -> None:
        member = Member(
            id=fact.member, connection=fact.connection, state=STATES.next("", "call"), since=at, contact=fact.contact, agent=fact.to_agent,
            called=True, host=fact.host, speaking=fact.speaking, ring_until=fact.ring_until,
        )  # fmt: skip
        self._add(fact.conference, member)
        self.deadlines.set(f"ring:{fact.conference}:{fact.member}", fact.ring_until)

    def _add(self, conference: str, member: Member) -> None:
        one = self.conferences[conference]
        one.members[member.id] = member
        self._of_connection[member.connection] = (conference, member.id)
        if not member.contact:
            self.registry.claimed.add(member.connection)
        self.touched.add(one.room)

    def _member(self, fact: Any) -> tuple[Conference, Member]:
        one = self.conferences[fact.conference]
        self.touched.add(one.room)
        return one, one.members[fact.member]

    def _move(self, fact: Any, event: str, at: int) -> tuple[Conference, Member]:
        one, member = self._member(fact)
        member.state, member.since, member.service = STATES.next(member.state, event), at, ""
        return one, member

    def _answered(self, fact: m.MemberAnswered, at: int) -> None:
        self._move(fact, "answer", at)
        self.deadlines.drop(f"ring:{fact.conference}:{fact.member}")

    def _entered(self, fact: m.MemberEntered, at: int) -> None:
        self.entering.pop(fact.contact, None)
        known = self.conferences[fact.conference].members.get(fact.member)
        if known is None:
            state = STATES.next("", "enter")
            self._add(fact.conference, Member(id=fact.member, connection=fact.connection, state=state, since=at, contact=fact.contact))
        else:
            self._move(fact, "enter", at)
        self.deadlines.drop(f"ring:{fact.conference}:{fact.member}")
        _, member = self._member(fact)
        member.host, member.speaking = fact.host, fact.speaking

    def _joined(self, fact: m.MemberJoined, at: int) -> None:
        self._move(fact, "wait" if fact.waiting else "join", at)

    def _opened(self, fact: m.ConferenceOpened, at: int) -> None:
        one = self.conferences[fact.conference]
        one.open = True
        self.touched.add(one.room)
        for member in one.members.values():
            if member.state == "waiting":
                member.state, member.since, member.service = STATES.next(member.state, "open"), at, ""

    # --- facts: inside -------------------------------------------------------------------------------------------------------------

    def _asks(self, fact: m.MemberAsked, at: int) -> None:
        self._member(fact)[1].asked_at = at

    def _asks_no_more(self, fact: m.AskEnded, at: int) -> None:
        self._member(fact)[1].asked_at = 0

    def _role(self, fact: m.RoleChanged, at: int) -> None:
        _, member = self._member(fact)
        member.speaking, member.asked_at, member.muted = fact.speaking, 0, False

    def _muted(self, fact: m.MemberMuted, at: int) -> None:
        self._member(fact)[1].muted = fact.on

    def _all_muted(self, fact: m.AllMuted, at: int) -> None:
        one = self.conferences[fact.conference]
        one.muted_all = fact.on
        self.touched.add(one.room)

    def _locked(self, fact: m.ConferenceLocked, at: int) -> None:
        one = self.conferences[fact.conference]
        one.locked = fact.on
        self.touched.add(one.room)

    def _recording(self, fact: m.RecordingBegan, at: int) -> None:
        one = self.conferences[fact.conference]
        one.recording, one.recording_at = fact.recording, at
        self.touched.add(one.room)

    def _recording_over(self, fact: m.RecordingOver, at: int) -> None:
        one = self.conferences.get(fact.conference)
        if one is not None and one.recording == fact.recording:
            one.recording = ""
            self.touched.add(one.room)

    # --- facts: the end ------------------------------------------------------------------------------------------------------------

    def _moved(self, fact: m.MemberMoved, at: int) -> None:
        one, member = self._member(fact)
        del self._of_connection[member.connection]
        self.registry.claimed.discard(member.connection)
        member.connection, member.service = fact.connection, ""
        self._add(one.id, member)

    def _left(self, fact: m.MemberLeft, at: int) -> None:
        one, member = self._member(fact)
        del one.members[member.id]
        self._of_connection.pop(member.connection, None)
        self.registry.claimed.discard(member.connection)
        self.deadlines.drop(f"ring:{one.id}:{member.id}")
        self._forget(one)

    def _ended(self, fact: m.ConferenceEnded, at: int) -> None:
        one = self.conferences[fact.conference]
        one.ended = fact.cause
        self.touched.add(one.room)
        self.deadlines.drop(f"limit:{one.id}")
        self._forget(one)

    def _forget(self, one: Conference) -> None:
        if one.ended and not one.members:
            self.conferences.pop(one.id, None)
        elif one.ended:
            self.deadlines.set(f"out:{one.id}", 1)

    def _device(self, fact: AgentDeviceChanged, at: int) -> None:
        held = self.devices.setdefault(fact.agent, {})
        if fact.registered and fact.answering:
            held[fact.device] = fact.kind
        else:
            held.pop(fact.device, None)

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def state(self) -> ConferenceState:
        return ConferenceState(conferences=self.conferences, entering=self.entering, devices=self.devices, guesses=self.guesses)

    def restore(self, state: ConferenceState) -> None:
        self.conferences, self.entering, self.devices = state.conferences, state.entering, state.devices
        self.guesses = state.guesses
        for one in list(self.conferences.values()):
            self.deadlines.set(f"limit:{one.id}", 0 if one.ended else one.until)
            self._forget(one)
            for member in one.members.values():
                self._of_connection[member.connection] = (one.id, member.id)
                self.registry.claimed.update({member.connection} if not member.contact else ())
                if member.state == "ringing":
                    self.deadlines.set(f"ring:{one.id}:{member.id}", member.ring_until)
        self.touched.update(self.rooms)
