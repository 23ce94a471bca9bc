"""Who hears whom in a call, as a function of the states of its connections: what the media's matrix is told.

Connected ones hear each other when they are in the same room. Whoever attends to a connection (a supervisor to an agent) is where that
one is, hears everything there, and is heard by all, by that one alone, or by nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from yitong.ct.model import ConnectionState, Participation
from yitong.ct.switching.table import LiveConnection


def links(members: Mapping[str, LiveConnection]) -> set[tuple[str, str]]:
    """All pairs (hearer, heard) of a call."""
    connected = [one for one in members.values() if one.state is ConnectionState.CONNECTED]
    rooms: dict[str, list[LiveConnection]] = {}
    for one in connected:
        rooms.setdefault(room_of(one, members), []).append(one)
    pairs: set[tuple[str, str]] = set()
    for room in rooms.values():
        speakers = [one.connection for one in room if one.participation is Participation.ACTIVE]
        pairs.update((one.connection, speaker) for one in room for speaker in speakers if speaker != one.connection)
        pairs.update((one.attends, one.connection) for one in room if one.participation is Participation.WHISPER and one.attends in members)
        pairs.update((one.connection, one.attends) for one in room if one.attends in members)
    names = {one.connection for one in connected}
    return {pair for pair in pairs if pair[0] in names and pair[1] in names} | _early(members)


def _early(members: Mapping[str, LiveConnection]) -> set[tuple[str, str]]:
    """Who hears what a device says before it answers: the one for whom it is rung, unless he hears something of ours. One way only."""
    pairs: dict[str, str] = {}
    for one in members.values():
        near = members.get(one.routed_by) if one.early and one.pending else None
        if near is None or near.room != one.room or near.playing or near.collecting:
            continue
        if near.listens or near.state is ConnectionState.CONNECTED:
            pairs.setdefault(near.connection, one.connection)
    return set(pairs.items())


def room_of(one: LiveConnection, members: Mapping[str, LiveConnection]) -> str:
    """The room in which a connection is: its own, or that of the one to whom it attends."""
    attended = members.get(one.attends)
    return attended.room if attended is not None else one.room


def parties(members: Iterable[LiveConnection]) -> list[LiveConnection]:
    """Those for whose sake the call is: whoever only attends to another one does not count."""
    return [one for one in members if not one.attends]


def music_for(one: LiveConnection, members: Mapping[str, LiveConnection]) -> str:
    """What a party hears because it is alone: music while somebody holds or is away, a ringing tone while one is rung; or empty."""
    others = [other for other in parties(members.values()) if other is not one]
    if any((other.state is ConnectionState.CONNECTED or (other.early and other.pending)) and other.room == one.room for other in others):
        return ""
    absent = (
        other for other in others
        if (other.state is ConnectionState.HOLD and other.room == one.room) or (other.in_call and other.away_from == one.room)
        or (other.pending and other.room == one.room)
    )  # fmt: skip
    return next((other.hold_music for other in absent if other.hold_music), "")
