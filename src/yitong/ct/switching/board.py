"""What the parts of the switching function share, and the two moves that every part makes: audio settled, a connection finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from yitong.ct.events import AnyEvent, CallCleared, ConnectionCleared, Failed, Held, Retrieved, Transferred
from yitong.ct.model import Cause, ConnectionState, Prompt
from yitong.ct.switching.hearing import links, music_for, parties
from yitong.ct.switching.log import EventLog
from yitong.ct.switching.ports import Audio, Lines
from yitong.ct.switching.table import LiveConnection, Table
from yitong.kit.clock import SECOND
from yitong.kit.ids import Ids

LOST = frozenset({Cause.SIGNALLING_LOST, Cause.MEDIA_LOST, Cause.INTERRUPTED})
"""Ends that nobody wanted: they transfer nobody, whoever was consulted is released and the customer waits."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Times in seconds: how long a new call waits for core, and how long a caller may ring at all. ``hold_music``: prompt file or empty.

    ``dial_seconds``: how long what a telephone of ours dialled waits for core before it goes on by itself; 0: it does not wait.
    """

    core_seconds: float = 8.0
    dial_seconds: float = 2.0
    alerting_seconds: float = 180.0
    hold_music: str = ""


@dataclass(kw_only=True)
class Board:
    """The shared parts of one switching function."""

    lines: Lines
    audio: Audio
    log: EventLog
    ids: Ids
    options: Options = field(default_factory=Options)
    table: Table = field(default_factory=Table)
    links: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """Call → (hearer, heard) as the audio was last told."""
    music: Callable[[str], str] = lambda tenant: ""
    """The prompt file that a tenant's customers hear while a phone holds by itself; empty: that of ``options``."""
    hears: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of halls: hearer → who is heard → the hall, as the audio was last told; ``heard_by`` is the other way round."""
    heard_by: dict[str, set[str]] = field(default_factory=dict)
    several: set[str] = field(default_factory=set)
    """Calls with a recording that more than two are in."""
    watched: set[str] = field(default_factory=set)
    """Speakers of halls whose speaking is told."""
    draining: bool = False
    """No call is begun any more; those there are go on."""
    settle_hall: Callable[[Board, LiveConnection], None] = lambda board, one: None
    leave_hall: Callable[[Board, LiveConnection], None] = lambda board, one: None

    def tell(self, event: AnyEvent, now: int) -> None:
        self.log.tell(event, now)


def after(now: int, seconds: float) -> int:
    """The moment ``seconds`` after ``now``."""
    return now + round(seconds * SECOND)


# --- audio ---------------------------------------------------------------------------------------------------------------------


def settle_audio(board: Board, call: str) -> None:
    """Make the matrix say what the states say (``hearing``); who is left alone by a hold or a consultation hears music."""
    members = board.table.calls.get(call, {})
    wanted = links(members)
    current = board.links.setdefault(call, set())
    for pair in sorted(current - wanted):
        current.discard(pair)
        if pair[0] in members and pair[1] in members:
            board.audio.link(*pair, on=False)
    for pair in sorted(wanted - current):
        current.add(pair)
        board.audio.link(*pair, on=True)
    if len(members) > 2 or call in board.several:
        settle_tracks(board, call)
    for one in [one for one in members.values() if one.hall]:
        board.settle_hall(board, one)
    for one in parties(members.values()):
        if one.state is ConnectionState.CONNECTED:
            _settle_music(board, one, music_for(one, members))


def settle_tracks(board: Board, call: str) -> None:
    """Whoever is heard by the left one of a recording is on its right track: the customer's side and all of ours."""
    heard = board.links.get(call, set())
    board.several.discard(call)
    for recording in board.table.recordings.values():
        if recording.call != call or recording.stopping or recording.hall:
            continue
        also = tuple(sorted(source for hearer, source in heard if hearer == recording.left and source != recording.right))
        if also:
            board.several.add(call)
        if also != recording.also:
            recording.also = also
            board.table.changed.add(recording.recording)
            board.audio.record_also(recording.recording, also)


def _settle_music(board: Board, one: LiveConnection, music: str) -> None:
    if music and not one.music:
        play_music(board, one, music)
    elif one.music and not music and not one.ordered:
        stop_music(board, one)


def play_music(board: Board, one: LiveConnection, file: str) -> None:
    """Loop a music file to a connection, on the switch's own account."""
    one.music = f"music:{one.connection}"
    board.table.changed.add(one.connection)
    board.audio.play(one.connection, one.music, (Prompt(file=file),), True)


def stop_music(board: Board, one: LiveConnection) -> None:
    """End the switch's own music, unless something else replaced it."""
    one.music = ""
    board.table.changed.add(one.connection)
    if not one.playing and not one.collecting:
        board.audio.stop(one.connection)


def mark_holds(board: Board, call: str) -> None:
    """Mark in every recording of the call whether its two sides are apart: one holds, or is in another room."""
    for recording in board.table.recordings.values():
        if recording.call != call or recording.stopping:
            continue
        sides = (board.table.connections.get(recording.left), board.table.connections.get(recording.right))
        rooms = {side.room for side in sides if side is not None}
        holding = len(rooms) > 1 or any(side is not None and side.state is ConnectionState.HOLD for side in sides)
        if holding != recording.holding:
            recording.holding = holding
            board.table.changed.add(recording.recording)
            board.audio.mark_hold(recording.recording, holding)


def hold(board: Board, one: LiveConnection, music: str, service: str, now: int) -> None:
    """CONNECTED → HOLD, by a service or by the device itself."""
    one.hold_music = music or waiting_music(board, one)
    board.table.move(one, ConnectionState.HOLD, now)
    settle_audio(board, one.call)
    mark_holds(board, one.call)
    board.tell(Held(tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service), now)


def waiting_music(board: Board, holder: LiveConnection) -> str:
    """What is heard while somebody holds: the music that core ordered for whoever would be left alone, the queue's; else the tenant's."""
    others = (one for name, one in board.table.calls.get(holder.call, {}).items() if name != holder.connection)
    ordered = next((one.order.music for one in others if one.order.music), "")
    return ordered or board.music(holder.tenant) or board.options.hold_music


def retrieve(board: Board, one: LiveConnection, service: str, now: int) -> None:
    """HOLD → CONNECTED."""
    board.table.move(one, ConnectionState.CONNECTED, now)
    settle_audio(board, one.call)
    mark_holds(board, one.call)
    board.tell(Retrieved(tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service), now)


# --- ends ----------------------------------------------------------------------------------------------------------------------


def finish(board: Board, one: LiveConnection, cause: Cause, now: int, *, by_device: bool = False, service: str = "") -> None:
    """A connection ends, whoever ended it; what depended on it follows."""
    if not by_device:
        board.lines.release(one.connection, cause)
    lost = merge_rooms(board, one) if cause in LOST else None
    _bring_together(board, one, service, now)
    board.tell(
        ConnectionCleared(
            tenant=one.tenant,
            site=one.site,
            call=one.call,
            connection=one.connection,
            service=service,
            device=one.device,
            cause=cause,
            by_device=by_device,
        ),
        now,
    )
    _leave(board, one, now)
    if lost is not None and lost.connection in board.table.connections:
        finish(board, lost, Cause.NORMAL, now)


def fail(board: Board, one: LiveConnection, cause: Cause, now: int, *, sip_status: int = 0) -> None:
    """A device that we rang did not take the call; its line is gone already."""
    board.tell(
        Failed(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=one.service, device=one.device, cause=cause,
            sip_status=sip_status,
        ),
        now,
    )  # fmt: skip
    _leave(board, one, now, cause)


def merge_rooms(board: Board, one: LiveConnection) -> LiveConnection | None:
    """The two rooms of a consultation of ``one`` become one; returns who was consulted. Without a consultation nothing happens."""
    if one.away_from is None:
        return None
    consulted = board.table.consulted(one)
    rooms, one.away_from = {one.room, one.away_from}, None
    for member in board.table.calls[one.call].values():
        if member.room in rooms:
            member.room = one.home
            board.table.changed.add(member.connection)
    if consulted is not None:
        consulted.consulted_by = ""
    return consulted


def _bring_together(board: Board, one: LiveConnection, service: str, now: int) -> None:
    """Whoever leaves in a consultation leaves those behind whom he brought together (a telephone's transfer by hanging up)."""
    consulted = merge_rooms(board, one)
    if consulted is not None and consulted.in_call:
        board.tell(
            Transferred(
                tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service,
                to_connection=consulted.connection, device=consulted.device,
            ),
            now,
        )  # fmt: skip


def _leave(board: Board, one: LiveConnection, now: int, cause: Cause = Cause.NORMAL) -> None:
    for recording in board.table.recordings_of(one.connection):
        if not recording.stopping:
            recording.stopping = True
            board.table.changed.add(recording.recording)
            board.audio.stop_record(recording.recording)
    targets, attending = board.table.targets(one), board.table.attending(one)
    if one.hall:
        board.leave_hall(board, one)
    last = board.table.drop(one)
    if last:
        board.links.pop(one.call, None)
        board.several.discard(one.call)
        board.tell(CallCleared(tenant=one.tenant, site=one.site, call=one.call), now)
        return
    settle_audio(board, one.call)
    for target in targets:
        finish(board, target, Cause.CANCELLED, now)
    for supervisor in attending:
        if supervisor.connection in board.table.connections:
            finish(board, supervisor, Cause.NORMAL, now)
    stand_alone(board, one.call, now, cause)


def stand_alone(board: Board, call: str, now: int, cause: Cause = Cause.NORMAL) -> None:
    """Carry out the standing order of whoever is left alone in a call."""
    members = list(board.table.calls.get(call, {}).values())
    if len(members) == 1 and members[0].internal and members[0].incoming and not members[0].in_call:
        finish(board, members[0], cause, now)
        return
    there = [one for one in parties(members) if one.in_call or one.answering]
    if len(there) != 1 or any(one.pending and not one.joins for one in members):
        _wait_for_core(board, members, now)
        return
    one = there[0]
    if not one.had_peer or one.ordered:
        return
    if one.order.wait_seconds <= 0:
        finish(board, one, Cause.STANDING_ORDER, now)
        return
    board.table.set_deadline(one, after(now, one.order.wait_seconds), ordered=True)
    if one.order.music and one.in_call and not one.playing and not one.collecting:
        play_music(board, one, one.order.music)


def _wait_for_core(board: Board, members: list[LiveConnection], now: int) -> None:
    """A caller whose targets all failed before anyone answered waits for core anew, so that it is never stuck."""
    if len(members) == 1 and members[0].incoming and not members[0].in_call and not members[0].answering:
        board.table.set_deadline(members[0], after(now, board.options.core_seconds))
