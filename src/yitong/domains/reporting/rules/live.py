"""The live documents ``desk.{agent}`` and ``board`` (docs/interfaces.md): sections drawn from the view, and what changed in them.

Each section is drawn once for all documents that show it. A document is a snapshot plus changes: an old snapshot with the changes since
is the same as a fresh one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Unit
from yitong.ct.events import Snapshot
from yitong.domains.reporting.rules import desks, mail, recorded
from yitong.domains.reporting.rules.changes import Change, diff
from yitong.domains.reporting.rules.counters import QueueToday, Today
from yitong.domains.reporting.rules.flows import drawn_brought, drawn_detour, missed, shown_data
from yitong.domains.reporting.rules.seen import SeenAgent, SeenAssignment, SeenContact, ViewState
from yitong.domains.reporting.rules.view import View

Section = tuple[str, str]
LISTED = 20
SHOWN_AS = {"interrupted": "held"}


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """The changes that make document ``topic`` at ``seq - 1`` into the one at ``seq``; 0 and none: it begins anew."""

    topic: str
    seq: int
    changes: list[Change]


class Live:
    """All live documents of one partition; those never asked for are not told."""

    name = "live"

    def __init__(self, view: View) -> None:
        self.view = view
        self._drawn: dict[Section, Any] = {}
        self._open: dict[str, int] = {}
        self._begun = False
        self._drawers: Mapping[str, Callable[[str], Any]] = {
            "desk_agent": self._desk_agent, "desk_queue": self._desk_queue, "assignments": self._assignments, "today": self._today,
            "calls": self._calls, "board_queue": self._board_queue, "board_agent": self._board_agent, "totals": self._totals,
            "day": lambda _: self.view.state.today.day, "desk_queues": lambda agent: sorted(self.view.queues_of(agent)),
            "mailboxes": lambda agent: mail.drawn(self.view, agent),
        }  # fmt: skip

    # --- documents -----------------------------------------------------------------------------------------------------------------

    def document(self, topic: str, *, once: bool = False) -> tuple[int, Any]:
        """The whole document with its sequence; None for an agent who is not known. From now on its changes are told, unless ``once``.

        What changed and was not told yet must be told first: call ``flush`` before.
        """
        agent = _agent_of(topic)
        if topic != "board" and agent not in self.view.names["agent"]:
            return 0, None
        sequence = self._open.get(topic, 0) if once else self._open.setdefault(topic, 0)
        return sequence, self._board() if topic == "board" else self._desk(agent)

    def flush(self) -> list[Update]:
        """What changed since the last time, for every document that somebody has asked for.

        The first time it is told of every document that it begins anew, with nothing changed and sequence 0: pages still hold the one of
        the owner before, and nobody need have noticed that he went.
        """
        begun, self._begun = self._begun, True
        anew = [] if begun else [Update(topic=topic, seq=0, changes=[]) for topic in self._topics()]
        return anew + self._told()

    def _topics(self) -> list[str]:
        return ["board", *(f"desk.{agent}" for agent in self.view.names["agent"])]

    def _told(self) -> list[Update]:
        sections = self._watched(self._touched())
        before = {section: self._drawn.get(section) for section in sections}
        for section in sections:
            self._draw(section)
        changed = {section: self._drawn[section] for section in sections if self._drawn[section] != before[section]}
        if not changed:
            return []
        found = [(topic, self._changes(topic, before, changed)) for topic in self._open]
        return [self._update(topic, changes) for topic, changes in found if changes]

    def _watched(self, sections: set[Section]) -> set[Section]:
        """Those of ``sections`` that a document shows which is followed; the others are drawn when somebody asks."""
        board, desks = "board" in self._open, len(self._open) > ("board" in self._open)
        watched: set[Section] = set()
        for kind, key in sections:
            if board if kind in _BOARD_PATHS else desks if kind == "desk_queue" else f"desk.{key}" in self._open:
                watched.add((kind, key))
            else:
                self._drawn.pop((kind, key), None)
        return watched

    def _update(self, topic: str, changes: list[Change]) -> Update:
        self._open[topic] += 1
        return Update(topic=topic, seq=self._open[topic], changes=changes)

    def _changes(self, topic: str, before: Mapping[Section, Any], changed: Mapping[Section, Any]) -> list[Change]:
        agent = _agent_of(topic)
        changes: list[Change] = []
        shown = set(self._drawn.get(("desk_queues", agent), ()))
        for (kind, key), new in changed.items():
            if topic == "board":
                path = _BOARD_PATHS.get(kind)
            elif kind == "desk_queues" and key == agent:
                changes += self._queues_changed(before[kind, key], new)
                continue
            elif kind == "desk_queue":
                path = ("queues",) if key in shown and key in self._shown_before(agent, before) else None
            else:
                path = _DESK_PATHS.get(kind) if key == agent else None
            if path is not None:
                changes += _section_changes(before[kind, key], new, (*path, key) if path[-1] in ("queues", "agents") else path)
        return changes

    def _shown_before(self, agent: str, before: Mapping[Section, Any]) -> set[str]:
        return set(before.get(("desk_queues", agent), self._drawn.get(("desk_queues", agent))) or ())

    def _queues_changed(self, old: list[str] | None, new: list[str]) -> list[Change]:
        """The agent serves other queues now."""
        gone: list[Change] = [["del", ["queues", key]] for key in set(old or ()) - set(new)]
        return gone + [["set", ["queues", key], self._section("desk_queue", key)] for key in sorted(set(new) - set(old or ()))]

    def _touched(self) -> set[Section]:
        """The sections that may look different now."""
        touched, self.view.touched = self.view.touched, set()
        sections: set[Section] = set()
        for kind, key in touched:
            if kind == "names":
                sections |= self._everything()
            elif kind == "queue":
                sections |= {("desk_queue", key), ("board_queue", key), ("totals", "")}
            elif kind == "agent":
                sections |= {("desk_agent", key), ("board_agent", key), ("today", key), ("totals", "")}
            elif kind == "calls":
                sections.add(("calls", key))
            elif kind == "mailbox":
                sections |= {("mailboxes", agent) for agent in mail.openers(self.view, key)}
            else:
                agent = self._agent_of_assignment(key)
                if agent:  # else it changed and went within one step: whoever dropped it named its agent
                    sections |= {("assignments", agent), ("board_agent", agent)}
        return {section for section in sections if section in self._drawn or self._shown(section)}

    def _agent_of_assignment(self, key: str) -> str:
        assignment, _, agent = key.partition("@")
        held = self.view.state.assignments.get(assignment)
        return agent or (held.agent if held is not None else "")

    def _shown(self, section: Section) -> bool:
        kind, key = section
        if kind in ("desk_queue", "board_queue"):
            return key in self.view.names["queue"]
        return not key or key in self.view.names["agent"]

    def _everything(self) -> set[Section]:
        queues = {(kind, key) for kind in ("desk_queue", "board_queue") for key in self.view.names["queue"]}
        agents = {
            (kind, key) for kind in ("desk_agent", "desk_queues", "assignments", "today", "calls", "board_agent", "mailboxes")
            for key in self.view.names["agent"]
        }  # fmt: skip
        return queues | agents | self._drawn.keys() | {("totals", ""), ("day", "")}

    def _draw(self, section: Section) -> Any:
        """Draw a section anew; None when what it shows is not configured any more."""
        kind, key = section
        self._drawn[section] = self._drawers[kind](key) if self._shown(section) else None
        return self._drawn[section]

    def _section(self, kind: str, key: str = "") -> Any:
        drawn = self._drawn.get((kind, key))
        return self._draw((kind, key)) if drawn is None else drawn

    def _board(self) -> dict[str, Any]:
        names = self.view.names
        return {
            "queues": {key: self._section("board_queue", key) for key in names["queue"]},
            "agents": {key: self._section("board_agent", key) for key in names["agent"]},
            "totals": self._section("totals"),
            "day": self._section("day"),
        }

    def _desk(self, agent: str) -> dict[str, Any]:
        return {
            "agent": self._section("desk_agent", agent),
            "assignments": self._section("assignments", agent),
            "queues": {key: self._section("desk_queue", key) for key in self._section("desk_queues", agent)},
            "today": self._section("today", agent),
            "calls": self._section("calls", agent), "mailboxes": self._section("mailboxes", agent),
        }

    # --- drawing -------------------------------------------------------------------------------------------------------------------

    def _name(self, kind: str, key: str) -> Any:
        """The configured name (per language), or null."""
        value = self.view.names[kind].get(key)
        return None if value is None else value.get("name") or value.get("code") or key

    def _person(self, key: str) -> dict[str, Any]:
        config = self.view.names["agent"].get(key, {})
        person = {"id": key, "extension": config.get("extension", ""), "name": config.get("name") or ""}
        return {**person, "team": self._team(config.get("team"))}

    def _team(self, key: Any) -> dict[str, Any] | None:
        if not key:
            return None
        name = self._name("team", str(key)) or str(key)
        return {"id": key, **(name if isinstance(name, Mapping) else {"zh-CN": name, "en": name})}

    def _reason(self, key: str) -> Any:
        reasons = self.view.names["reason"]
        held = reasons.get(key) or next((reason for reason in reasons.values() if reason.get("code") == key), None)
        return held.get("name") if held else key or None

    def _desk_agent(self, key: str) -> dict[str, Any]:
        agent = self.view.state.agents.get(key) or SeenAgent(id=key)
        held = sorted(agent.devices.items())
        devices = {name: {"kind": kind, "registered": on, "answering": answers} for name, (kind, on, answers) in held}
        return {
            **self._person(key), "duty": {"state": agent.duty, "reason": agent.reason or None, "since": agent.duty_since},
            "state": self.view.agent_state(agent), "state_since": agent.state_since, "devices": devices, "locked": agent.locked,
            "may_call": list(self.view.names["agent"].get(key, {}).get("may_call") or ()),
            "inside_over": missed(agent.inside_over, self._person), "dial_over": agent.dial_over,
        }  # fmt: skip

    def _assignments(self, key: str) -> dict[str, Any]:
        agent = self.view.state.agents.get(key)
        held = self.view.state.assignments
        return {name: self._assignment(held[name]) for name in agent.assignments} if agent is not None else {}

    def _keys(self, contact: SeenContact) -> list[dict[str, Any]]:
        return [{"step": step, "name": self.view.key_name(contact.flow, step, keys), "keys": keys} for step, keys in contact.keys]

    def _assignment(self, held: SeenAssignment) -> dict[str, Any]:
        contact = self.view.state.contacts.get(held.contact)
        card = contact.card if contact is not None else None
        return {
            "id": held.id, "contact": held.contact, "state": SHOWN_AS.get(held.state, held.state), "since": held.since,
            "channel": held.channel, "queue": held.queue, "calling": contact.calling if contact else "",
            "called": contact.called if contact else "", "language": contact.language if contact else "", "line": self.view.line(contact),
            "keys": self._keys(contact) if contact else [], "mails": contact.mails if contact else 0,
            "waited_seconds": held.waited_us // 1_000_000, "ring_until": held.ring_until if held.state == "offered" else None,
            "answered_at": held.answered_at or None, "customer": msgspec.to_builtins(card) if card is not None else None,
            **recorded.on_desk(self.view.state, held), "interrupted": held.state == "interrupted", "muted": held.muted,
            "helps": self._person(held.host) if held.host else None, "consultation": self._consultation(held),
            "detour": drawn_detour(held.detour, self.view.names["flow"]), "data": shown_data(contact, self.view.names["flow"]),
            "brought": drawn_brought(contact), "handed_over": held.handed, "supervision": held.participation or None, "caller": held.caller,
            "inside": self._person(held.inside) if held.inside else None, "answered_by": contact.answered_by if contact else "",
            "direction": contact.direction if contact else "out" if held.dialling else "in", "dialling": bool(held.dialling),
            "wrap_up": {
                "until": held.wrap_until or None, "codes": self._codes(held.queue),
                "draft": {"code": held.code, "note": self.view.state.notes.get(held.note, "")} if held.code or held.note else None,
            },
        }  # fmt: skip

    def _consultation(self, held: SeenAssignment) -> dict[str, Any] | None:
        asked = held.consultation
        if asked is None:
            return None
        return {
            "state": asked.state, "since": asked.since, "ring_until": asked.ring_until if asked.state == "ringing" else None,
            "aside": asked.aside, "cause": asked.cause or None, "agent": self._person(asked.agent) if asked.agent else None,
            "number": self.view.address(held.contact, asked.address) if asked.address else None,
        }  # fmt: skip

    def _codes(self, queue: str) -> list[dict[str, Any]]:
        codes = self.view.names["wrap_up_code"]
        wanted = self.view.names["queue"].get(queue, {}).get("wrap_up_codes") or list(codes)
        return [{"id": key, "name": codes[key].get("name")} for key in wanted if key in codes]

    def _waiting(self, queue: str) -> list[Any]:
        return sorted((one for one in self.view.state.waiting.values() if one.queue == queue), key=lambda one: (one.since, one.contact))

    def _states(self, queue: str) -> dict[str, int]:
        counts = dict.fromkeys(("ready", "busy", "working_after_call", "not_ready", "logged_off"), 0)
        for key in self.view.agents_of(queue):
            agent = self.view.state.agents.get(key)
            counts[self.view.agent_state(agent) if agent is not None else "logged_off"] += 1
        return counts

    def _desk_queue(self, key: str) -> dict[str, Any]:
        waiting = self._waiting(key)
        contacts = self.view.state.contacts
        numbers = {one.contact: contacts[one.contact].calling for one in waiting[:LISTED] if one.contact in contacts}
        listed = [
            {"contact": one.contact, "since": one.since, "calling_masked": desks.masked(numbers.get(one.contact, ""))}
            for one in waiting[:LISTED]
        ]
        return {
            "id": key, "name": self._name("queue", key), "waiting": len(waiting), "longest_since": waiting[0].since if waiting else None,
            "ready": self._states(key)["ready"], "list": listed,
        }  # fmt: skip

    def _board_queue(self, key: str) -> dict[str, Any]:
        today: Today = self.view.state.today
        waiting, states = self._waiting(key), self._states(key)
        del states["logged_off"]
        return {
            "id": key, "name": self._name("queue", key), "waiting": len(waiting), "longest_since": waiting[0].since if waiting else None,
            **states, **_figures(today.queues.get(key, QueueToday())),
        }  # fmt: skip

    def _board_agent(self, key: str) -> dict[str, Any]:
        agent = self.view.state.agents.get(key) or SeenAgent(id=key)
        held = [self.view.state.assignments[name] for name in agent.assignments]
        today = self.view.state.today.agents.get(key)
        return {
            **self._person(key), "state": self.view.agent_state(agent), "since": agent.state_since, "reason": self._reason(agent.reason),
            "queue": self._name("queue", held[0].queue) if held else None, "contact": held[0].contact if held else None,
            "answered_today": today.answered if today is not None else 0, "today": desks.counted(today),
            "with": desks.other(self.view, held[0], self._person) if held else None, "locked": agent.locked,
            "reachable": any(registered and answering for _, registered, answering in agent.devices.values()),
            "recorded": recorded.on_board(self.view.state, held[0] if held else None, self._person),
        }  # fmt: skip

    def _totals(self, _: str) -> dict[str, Any]:
        sums = QueueToday()
        for figures in self.view.state.today.queues.values():
            sums = sums.plus(figures)
        waiting = self.view.state.waiting.values()
        states = dict.fromkeys(("ready", "busy", "working_after_call", "not_ready"), 0)
        for agent in self.view.state.agents.values():
            state = self.view.agent_state(agent)
            if state in states:
                states[state] += 1
        return {"waiting": len(waiting), "longest_since": min((one.since for one in waiting), default=None), **states, **_figures(sums)}

    def _today(self, key: str) -> dict[str, Any]:
        return desks.own_day(self.view.state.agents.get(key), self.view.state.today.agents.get(key))

    def _calls(self, key: str) -> list[dict[str, Any]]:
        return [
            {"contact": call.contact, "at": call.at, "direction": call.direction, "queue": self._name("queue", call.queue),
             "customer": call.customer or None, "calling": call.calling, "talk_seconds": call.talk_us // 1_000_000, "survey": call.survey}
            for call in self.view.state.calls.get(key, ())
        ]  # fmt: skip

    # --- a part of the partition ---------------------------------------------------------------------------------------------------

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        self.view.configure(kind, key, value)

    def next_deadline(self) -> int | None:
        """Midnight of the site."""
        return self.view.state.today.ends_at or None

    def timer(self, unit: Unit) -> None:
        """A new day begins without any event."""
        self.view.roll(unit.now)

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """Follows facts only; the others heal."""
        self.view.roll(unit.now)
        return 0

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self.view.state)

    def load(self, data: bytes, now: int) -> None:
        self.view.state = msgspec.msgpack.decode(data, type=ViewState)
        self.view.touched.add(("names", ""))


_DESK_PATHS = {"desk_agent": ("agent",), "assignments": ("assignments",), "today": ("today",), "calls": ("calls",),
               "mailboxes": ("mailboxes",)}  # fmt: skip
_BOARD_PATHS = {"board_queue": ("queues",), "board_agent": ("agents",), "totals": ("totals",), "day": ("day",)}


def _agent_of(topic: str) -> str:
    return topic.removeprefix("desk.") if topic.startswith("desk.") else ""


def _section_changes(old: Any, new: Any, path: tuple[str, ...]) -> list[Change]:
    """Changes of a section that may have appeared or gone."""
    if new is None:
        return [["del", list(path)]] if old is not None else []
    return [["set", list(path), new]] if old is None else diff(old, new, path)


def _figures(today: QueueToday) -> dict[str, Any]:
    return {
        "offered": today.offered, "answered": today.answered, "answered_in_time": today.answered_in_time, "abandoned": today.abandoned,
        "abandoned_short": today.abandoned_short, "service_level": today.level(), "asa_seconds": today.asa_seconds(),
    }  # fmt: skip
