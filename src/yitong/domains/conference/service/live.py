"""The live document ``conferences``: every room of the site with who is in it. A snapshot plus changes, as desks and the board are."""

from __future__ import annotations

from typing import Any

import msgspec

from yitong.contact.bus import Bus, Unit
from yitong.contact.registry import LiveContact
from yitong.ct.events import Snapshot, TalkChanged
from yitong.domains.conference.model import Conference, Member, Model
from yitong.domains.conference.rules import MOST_SPEAKERS, speakers

TOPIC = "conferences"
Change = list[Any]


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """The changes that make the document at ``seq - 1`` into the one at ``seq``; 0 and none: it begins anew."""

    topic: str
    seq: int
    changes: list[Change]


class ConferencesLive:
    """Drawn only while somebody has asked for it. Who speaks this moment is shown and is no fact."""

    def __init__(self, model: Model, bus: Bus) -> None:
        self._model = model
        self._drawn: dict[str, dict[str, Any]] = {}
        self._seq = 0
        self._followed = False
        self._begun = False
        self._talking: set[str] = set()
        bus.hears(TalkChanged, self._talked)
        model.registry.on_card.append(self._known)

    def _talked(self, event: TalkChanged, unit: Unit) -> None:
        (self._talking.add if event.on else self._talking.discard)(event.connection)
        self._touch(event.connection)

    def see(self, snapshot: Snapshot) -> None:
        """Who speaks at the moment of the switch's picture."""
        talking = {real.connection for real in snapshot.connections if real.talking}
        for connection in talking ^ self._talking:
            self._touch(connection)
        self._talking = talking

    def _known(self, contact: LiveContact) -> None:
        self._touch(contact.connection)

    def _touch(self, connection: str) -> None:
        found = self._model.of_connection(connection)
        if found is not None:
            self._model.touched.add(found[0].room)

    # --- the document --------------------------------------------------------------------------------------------------------------

    def document(self, *, once: bool = False) -> tuple[int, Any]:
        """The whole, with its sequence; ``flush`` comes before."""
        if not self._followed:
            self._drawn = {key: self._room(key) for key in self._model.rooms}
            self._model.touched.clear()
            self._followed = not once
        return self._seq, {"rooms": self._drawn, "most_speakers": MOST_SPEAKERS}

    def flush(self) -> list[Update]:
        """What changed since the last time; the first time that it begins anew, since pages may hold a former owner's."""
        begun, self._begun = self._begun, True
        anew = [] if begun else [Update(topic=TOPIC, seq=0, changes=[])]
        if not self._followed:
            return anew
        touched, self._model.touched = self._model.touched, set()
        changes = [change for room in sorted(touched) for change in self._changes(room)]
        if not changes:
            return anew
        self._seq += 1
        return [*anew, Update(topic=TOPIC, seq=self._seq, changes=changes)]

    def _changes(self, key: str) -> list[Change]:
        """Of one room, member by member, so that a crowd costs no more than who moves in it."""
        before, after = self._drawn.get(key), self._room(key) if key in self._model.rooms else None
        if after is None:
            self._drawn.pop(key, None)
            return [["del", ["rooms", key]]] if before is not None else []
        self._drawn[key] = after
        if before is None:
            return [["set", ["rooms", key], after]]
        changes: list[Change] = [
            ["set", ["rooms", key, name], value] for name, value in after.items() if name != "members" and before.get(name) != value
        ]
        old, new = before["members"], after["members"]
        changes += [["del", ["rooms", key, "members", one]] for one in old if one not in new]
        changes += [["set", ["rooms", key, "members", one], value] for one, value in new.items() if old.get(one) != value]
        return changes

    # --- drawing -------------------------------------------------------------------------------------------------------------------

    def _room(self, key: str) -> dict[str, Any]:
        room, one = self._model.rooms[key], self._model.of_room(key)
        members = one.members if one is not None else {}
        return {
            "id": key, "code": room.code, "name": room.name, "number": room.number, "size": room.size, "may_ask": room.may_ask,
            "dial": self._model.entrances.of(room), "host_pin": bool(room.host_pin), "member_pin": bool(room.member_pin),
            "enters": room.enters, "waits": room.wait_for_host,
            "conference": one.id if one is not None else None, "began_at": one.began_at if one is not None else None,
            "until": one.until if one is not None else None, "open": one is not None and one.open,
            "locked": one is not None and one.locked, "muted_all": one is not None and one.muted_all,
            "recording": one is not None and bool(one.recording), "speakers": speakers(members.values()),
            "members": {name: self._member(one, member) for name, member in members.items()} if one is not None else {},
        }  # fmt: skip

    def _member(self, one: Conference, member: Member) -> dict[str, Any]:
        contact = self._model.registry.get(member.contact) if member.contact else None
        agent = self._model.agents.get(member.agent) if member.agent else None
        card = contact.card if contact is not None else None
        heard = member.state == "in" and one.is_heard(member)
        if not heard:
            self._talking.discard(member.connection)  # nobody tells any more when he ceases
        return {
            "id": member.id, "contact": member.contact or None, "state": member.state, "since": member.since, "host": member.host,
            "speaking": member.speaking, "muted": member.muted, "heard": heard,
            "asked_at": member.asked_at or None, "talking": member.connection in self._talking, "called": member.called,
            "number": contact.peer if contact is not None else str((agent or {}).get("extension", "")),
            "name": (card.name if card is not None else "") or ((agent or {}).get("name") or ""), "agent": member.agent or None,
        }  # fmt: skip
