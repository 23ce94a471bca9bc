"""The live connections and recordings of a switch, with their deadlines. Plain values: what a journal writes down and reads back."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import msgspec

from yitong.ct.model import Connection, ConnectionState, DeviceKind, Dialled, Participation, StandingOrder, Take
from yitong.ct.states import Stage, stage_of
from yitong.ct.switching.ports import Invitation

IN_CALL = (ConnectionState.CONNECTED, ConnectionState.HOLD)


class LiveConnection(msgspec.Struct, kw_only=True):
    """One connection while it lives. Times are UTC microseconds, 0 = none."""

    connection: str
    call: str
    tenant: str
    device: str
    kind: DeviceKind
    state: ConnectionState
    since: int
    site: str = ""
    incoming: bool
    """It came to us (a caller); otherwise we rang the device."""
    invitation: Invitation = Invitation()
    order: StandingOrder = StandingOrder()
    service: str = ""
    """The service that caused it."""
    routed_by: str = ""
    """The connection for which this one is rung; it is connected with the first that answers."""
    transfers: str = ""
    """The connection that leaves when this one answers."""
    diverted_from: str = ""
    """The connection whose place this one took by Deflect."""
    goes_on_to: str = ""
    """The number to which a made call goes on when its device has answered."""
    internal: bool = False
    """A device of ours dialled a colleague or an outside number: a telephone that is told by its own call how that went."""
    dialled: Dialled | None = None
    """What it dialled, until core has said who rings, or was silent for too long."""
    answering: bool = False
    """``accept`` was asked and is not done yet."""
    had_peer: bool = False
    """It was, or is about to be, connected with another one: the standing order counts from here."""
    room: str = ""
    """The part of the call in which it hears and is heard; the first one is empty."""
    away_from: str | None = None
    """The other room of its consultation, whose people wait for it; None without a consultation."""
    home: str = ""
    """The room from which its consultation began."""
    consulted_by: str = ""
    """The connection that asked for it by Consult."""
    participation: Participation = Participation.ACTIVE
    attends: str = ""
    """The connection with which it stays, wherever that goes (a supervisor's)."""
    early: bool = False
    """It speaks before it has answered (an announcement, a ringing tone of its own)."""
    listens: bool = False
    """An incoming one that hears before it is answered."""
    replaces: str = ""
    """The connection whose place it takes when it is answered (RFC 3891)."""
    joins: bool = False
    """It was rung by Join: nobody's ringing ends when it answers."""
    deadline: int = 0
    """When ringing, waiting for core, or a standing order's wait ends."""
    ordered: bool = False
    """``deadline`` belongs to its standing order."""
    playing: str = ""
    collecting: str = ""
    faxing: str = ""
    """The fax that runs in place of its audio."""
    tones: bool = False
    """Tones of the network are listened for until it answers."""
    classifying: str = ""
    """The Classify that runs."""
    awaits_greeting: bool = False
    """It tells the end of a machine's greeting, too."""
    music: str = ""
    """Tag of the music that the switch itself plays (hold, standing order)."""
    hold_music: str = ""
    """What the others hear while this one holds."""
    hall: str = ""
    """The hall in which it hears and is heard besides its call."""
    talking: bool = False

    @property
    def stage(self) -> Stage:
        return stage_of(self.state, self.incoming)

    @property
    def in_call(self) -> bool:
        return self.state in IN_CALL

    @property
    def pending(self) -> bool:
        """A device that we ring and that has not answered."""
        return not self.incoming and not self.in_call

    def told(self, recording: str) -> Connection:
        """As a Snapshot tells it."""
        return Connection(
            connection=self.connection, call=self.call, device=self.device, kind=self.kind, state=self.state, since=self.since,
            incoming=self.incoming,
            calling=self.invitation.calling, called=self.invitation.called, playing=self.playing, collecting=self.collecting,
            recording=recording, room=self.room, participation=self.participation, attends=self.attends,
            faxing=self.faxing, classifying=self.classifying, hall=self.hall, talking=self.talking, dialled=self.dialled,
            linked=self.invitation.linked, data=self.invitation.data if self.incoming and not self.in_call else "",
        )  # fmt: skip


class LiveRecording(msgspec.Struct, kw_only=True):
    """A recording from its start until ``RecordingEnded``."""

    recording: str
    tenant: str
    site: str = ""
    call: str
    left: str
    right: str
    file: str
    service: str
    holding: bool = False
    stopping: bool = False
    paused: bool = False
    also: tuple[str, ...] = ()
    """Who is heard by the left one besides the right one: on the right track, too."""
    hall: str = ""
    """The hall that it records; both tracks are then its ear."""


def told_of(one: LiveRecording) -> Take:
    """A recording as a Snapshot tells it."""
    return Take(recording=one.recording, call=one.call, paused=one.paused)


class LiveMessage(msgspec.Struct, kw_only=True):
    """A message from RecordMessage until ``MessageRecorded``; ``message`` is the id of the service."""

    message: str
    tenant: str
    site: str = ""
    call: str
    connection: str
    file: str


class LiveFax(msgspec.Struct, kw_only=True):
    """A fax from SendFax or ReceiveFax until ``FaxEnded``; ``fax`` is the id of the service."""

    fax: str
    tenant: str
    site: str = ""
    call: str
    connection: str
    file: str
    sends: bool
    t38: bool = True


class Table:
    """All connections by id and by call, all recordings, and the next deadline. ``changed`` collects ids for a journal."""

    def __init__(self) -> None:
        self.connections: dict[str, LiveConnection] = {}
        self.calls: dict[str, dict[str, LiveConnection]] = {}
        self.halls: dict[str, dict[str, LiveConnection]] = {}
        self.recordings: dict[str, LiveRecording] = {}
        self.faxes: dict[str, LiveFax] = {}
        self.messages: dict[str, LiveMessage] = {}
        self.changed: set[str] = set()
        self._deadlines: list[tuple[int, str]] = []

    def add(self, connection: LiveConnection) -> None:
        self.connections[connection.connection] = connection
        self.calls.setdefault(connection.call, {})[connection.connection] = connection
        self.changed.add(connection.connection)
        if connection.hall:
            self.halls.setdefault(connection.hall, {})[connection.connection] = connection
        if connection.deadline:
            heapq.heappush(self._deadlines, (connection.deadline, connection.connection))

    def drop(self, connection: LiveConnection) -> bool:
        """Forget a connection; true when it was the last of its call."""
        self.move_hall(connection, "")
        del self.connections[connection.connection]
        members = self.calls[connection.call]
        del members[connection.connection]
        self.changed.add(connection.connection)
        if not members:
            del self.calls[connection.call]
        return not members

    def move(self, connection: LiveConnection, state: ConnectionState, now: int) -> None:
        """Change the state."""
        connection.state = state
        connection.since = now
        self.changed.add(connection.connection)

    def set_deadline(self, connection: LiveConnection, at: int, *, ordered: bool = False) -> None:
        """Arm, move or (``at`` 0) disarm the one deadline of a connection."""
        connection.deadline = at
        connection.ordered = ordered
        self.changed.add(connection.connection)
        if at:
            heapq.heappush(self._deadlines, (at, connection.connection))

    def next_deadline(self) -> int | None:
        """The earliest armed deadline."""
        while self._deadlines:
            at, name = self._deadlines[0]
            connection = self.connections.get(name)
            if connection is not None and connection.deadline == at:
                return at
            heapq.heappop(self._deadlines)
        return None

    def take_due(self, now: int) -> LiveConnection | None:
        """A connection whose deadline has passed, disarmed."""
        at = self.next_deadline()
        if at is None or at > now:
            return None
        connection = self.connections[heapq.heappop(self._deadlines)[1]]
        connection.deadline = 0
        self.changed.add(connection.connection)
        return connection

    def move_to(self, connection: LiveConnection, call: str) -> None:
        """Let a connection be a member of another call; the one that it leaves stays for those who are still in it."""
        self.calls[connection.call].pop(connection.connection)
        connection.call = call
        self.calls.setdefault(call, {})[connection.connection] = connection
        self.changed.add(connection.connection)

    def move_hall(self, connection: LiveConnection, hall: str) -> None:
        """Put a connection into another hall, or (empty) into none."""
        if connection.hall:
            members = self.halls[connection.hall]
            members.pop(connection.connection, None)
            if not members:
                del self.halls[connection.hall]
        connection.hall = hall
        if hall:
            self.halls.setdefault(hall, {})[connection.connection] = connection
        self.changed.add(connection.connection)

    def others(self, connection: LiveConnection) -> list[LiveConnection]:
        """The other members of its call."""
        return [one for one in self.calls.get(connection.call, {}).values() if one is not connection]

    def consulted(self, connection: LiveConnection) -> LiveConnection | None:
        """Whom a connection consults."""
        return next((one for one in self.others(connection) if one.consulted_by == connection.connection), None)

    def attending(self, connection: LiveConnection) -> list[LiveConnection]:
        """Who stays with a connection."""
        return [one for one in self.others(connection) if one.attends == connection.connection]

    def targets(self, connection: LiveConnection) -> list[LiveConnection]:
        """Devices that ring for a connection."""
        return [one for one in self.others(connection) if one.pending and one.routed_by == connection.connection]

    def recordings_of(self, connection: str) -> Iterator[LiveRecording]:
        """Recordings with the connection on a track."""
        return iter([one for one in self.recordings.values() if one.left == connection or one.right == connection])

    def recording_of(self, connection: str) -> str:
        """The recording that a connection is in (its hall's, when it has none of its own), or empty."""
        own = next((one.recording for one in self.recordings_of(connection)), "")
        known = self.connections.get(connection)
        if own or known is None or not known.hall:
            return own
        return next((one.recording for one in self.recordings.values() if one.hall == known.hall), "")
