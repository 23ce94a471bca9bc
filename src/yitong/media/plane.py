"""The media plane: packets of a step in, frames placed, concealed, mixed, and the packets to send out. No socket, no clock.

``now`` is the number of the step (5 ms each). A row sends in the step in which the row that it mainly hears (its *leader*) gets a new
frame, so audio leaves with the packet that brought it, and the hearer sees the speaker's own clock.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yitong.media import conceal, g711, rtp
from yitong.media.digits import EventReceiver, EventSender, Key
from yitong.media.fax_tones import FaxTones
from yitong.media.inband import Detector
from yitong.media.jitter import NEVER, STEPS, Fetched, Jitter
from yitong.media.matrix import Matrix
from yitong.media.player import Player
from yitong.media.quality import Reception

STEP_SAMPLES = rtp.FRAME // STEPS
_HEARABLE_LOSS = len(conceal.FADE) - 1
_COMFORT_NOISE = 13
_ALONE = 3 * STEPS
"""Steps after which a row sends without its leader."""
_NONE = np.zeros(0, dtype=np.intp)
_IS_AUDIO = np.isin(np.arange(128), (g711.PCMU, g711.PCMA))

Rows = NDArray[np.intp]


class Step(NamedTuple):
    """What a step produced: the ``rows`` whose packet stands in ``Plane.packets``, extra packets, play lists that ended, in-band keys,
    tones of fax machines."""

    rows: Rows
    extra: list[tuple[int, bytes]]
    ended: list[int]
    keys: list[tuple[int, str]]
    tones: list[tuple[int, str]]


class Plane:
    """All rows of a worker; row 0 is silence."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.jitter = Jitter(capacity)
        self.reception = Reception(capacity)
        self.matrix = Matrix(capacity)
        self.player = Player(capacity)
        self.packets = np.zeros((capacity, rtp.PACKET), dtype=np.uint8)
        self.receiving = np.zeros(capacity, dtype=np.bool_)
        self.sending = np.zeros(capacity, dtype=np.bool_)
        self.heard_at = np.zeros(capacity, dtype=np.int64)
        self.sent = np.zeros(capacity, dtype=np.int64)
        self.concealed = np.zeros(capacity, dtype=np.int64)
        self.ssrc = np.zeros(capacity, dtype=np.int64)
        self.sequence = np.zeros(capacity, dtype=np.int64)
        self.timestamp = np.zeros(capacity, dtype=np.int64)
        self._detector = Detector(capacity)
        self.fax_tones = FaxTones(capacity)
        self._in_band = np.zeros(capacity, dtype=np.bool_)
        self._law_in = np.zeros(capacity, dtype=np.uint8)
        self._law_out = np.zeros(capacity, dtype=np.uint8)
        self._leader = np.zeros(capacity, dtype=np.intp)
        self._interval = np.full(capacity, STEPS, dtype=np.int64)
        self._send_at = np.full(capacity, NEVER, dtype=np.int64)
        self._sent_at = np.zeros(capacity, dtype=np.int64)
        self._fresh = np.zeros(capacity, dtype=np.bool_)
        self._lost = np.full(capacity, _HEARABLE_LOSS, dtype=np.int64)
        self._before = np.zeros((capacity, rtp.FRAME), dtype=np.int16)
        self._history = np.zeros((capacity, 2 * rtp.FRAME), dtype=np.int16)
        self._tail = np.zeros((capacity, conceal.OVERLAP), dtype=np.int16)
        self._period = np.full(capacity, 80, dtype=np.intp)
        self._event_type = np.full(capacity, -1, dtype=np.int64)
        self._events: dict[int, EventReceiver] = {}
        self._senders: dict[int, EventSender] = {}
        self._bus_at: dict[int, int] = {}

    # -- rows ---------------------------------------------------------------------------------------------------------------

    def open(self, row: int, ssrc: int, sequence: int, timestamp: int) -> None:
        """A row begins, silent and deaf until ``direct``."""
        self.ssrc[row], self.sequence[row], self.timestamp[row] = ssrc, sequence, timestamp
        self.sent[row] = self.concealed[row] = 0
        self._events[row] = EventReceiver()
        self._lost[row] = _HEARABLE_LOSS

    def open_bus(self, row: int, now: int) -> None:
        """A conference row begins."""
        self.matrix.add_bus(row)
        self._bus_at[row] = now

    def direct(self, row: int, codec: int, event_type: int, send: bool, receive: bool, now: int) -> None:
        """How the row codes and in which directions it works."""
        self._law_out[row] = g711.law_index(codec)
        self._event_type[row] = event_type
        self._in_band[row] = event_type < 0 and receive
        if send and not self.sending[row]:
            self._send_at[row] = now + row % STEPS
            self._sent_at[row] = now - STEPS
        self.sending[row], self.receiving[row] = send, receive

    def close(self, row: int) -> None:
        """A row ends; all its state is forgotten."""
        listeners = list(self.matrix.heard_by.get(row, ()))
        self.player.stop(row)
        self.matrix.remove(row)
        self.jitter.reset(row)
        self.reception.reset(row)
        self._detector.reset(row)
        self.fax_tones.forget(row)
        self._events.pop(row, None)
        self._senders.pop(row, None)
        self._bus_at.pop(row, None)
        self.sending[row] = self.receiving[row] = self._in_band[row] = False
        self._send_at[row] = NEVER
        self._leader[row] = 0
        self._interval[row] = STEPS
        for listener in listeners:
            self._elect(listener)

    def link(self, row: int, source: int, gain: float) -> None:
        """Row hears source (gain 0: no longer)."""
        self.matrix.set(row, source, gain)
        self._elect(row)

    def send_digits(self, row: int, digits: str) -> None:
        """Send keys from the row, after those still being sent."""
        if self._event_type[row] >= 0:
            sender = EventSender(digits)
            if not sender.done:
                self._senders[row] = sender

    def _elect(self, row: int) -> None:
        """Whom the row follows in time: a conference, else the first that speaks."""
        sources = self.matrix.hears.get(row, {})
        leader = next((source for source in sources if source in self._bus_at), -1)
        if leader < 0:
            leader = next((source for source in sources if self.jitter.next_fetch[source] != NEVER), -1)
        self._leader[row] = max(leader, 0)
        self._interval[row] = _ALONE if leader > 0 else STEPS
        if self.sending[row]:
            self._send_at[row] = self._sent_at[row] + self._interval[row]

    # -- in -----------------------------------------------------------------------------------------------------------------

    def receive(self, rows: Rows, slab: NDArray[np.uint8], lengths: NDArray[np.int64], now: int) -> NDArray[np.intp]:
        """One packet for each of ``rows`` (unique). Answers the indices of those that are not plain G.711 of 20 ms, for ``receive_odd``."""
        head = rtp.read_headers(slab)
        kind = head.payload_type
        plain = _IS_AUDIO[kind]
        plain &= head.plain
        plain &= lengths == rtp.PACKET
        plain &= self.receiving[rows]
        payloads = slab[:, rtp.HEADER : rtp.PACKET]
        odd = _NONE
        if not plain.all():
            odd = np.flatnonzero(~plain)
            rows, payloads = rows[plain], payloads[plain]
            head = head.only(plain)
        for i in (head.ssrc != self.reception.ssrc[rows]).nonzero()[0].tolist():
            self._start(int(rows[i]), int(head.ssrc[i]), int(head.sequence[i]), int(head.timestamp[i]), now)
        self.reception.count(rows, head.sequence, now * STEP_SAMPLES - head.timestamp)
        self._law_in[rows] = head.payload_type >> 3
        self.heard_at[rows] = now
        far = self.jitter.place(rows, head.timestamp, payloads, now)
        for row in far:
            i = int(np.flatnonzero(rows == row)[0])
            self.jitter.start(int(row), int(head.timestamp[i]), now)
            self.jitter.place(rows[i : i + 1], head.timestamp[i : i + 1], payloads[i : i + 1], now)
        return odd

    def _start(self, row: int, ssrc: int, sequence: int, timestamp: int, now: int) -> None:
        self.reception.start(row, ssrc, sequence, now * STEP_SAMPLES - timestamp)
        self.jitter.start(row, timestamp, now)
        for listener in self.matrix.heard_by.get(row, ()):
            self._elect(listener)

    def receive_odd(self, row: int, data: bytes, now: int) -> list[Key] | None:
        """Any RTP packet that ``receive`` left: a telephone event, comfort noise, another packet time. None when it is malformed."""
        packet = rtp.parse(data)
        if packet is None:
            return None
        self.heard_at[row] = now
        if not self.receiving[row]:
            return []
        is_event = packet.payload_type == self._event_type[row]
        is_audio = packet.payload_type in (g711.PCMU, g711.PCMA)
        if not (is_event or is_audio or packet.payload_type == _COMFORT_NOISE):
            return None
        if packet.ssrc != self.reception.ssrc[row]:
            self._start(row, packet.ssrc, packet.sequence, packet.timestamp, now)
        one = np.array([row], dtype=np.intp)
        sequence = np.array([packet.sequence], dtype=np.int64)
        if is_audio:
            self.reception.count(one, sequence, np.array([now * STEP_SAMPLES - packet.timestamp], dtype=np.int64))
            self._place_odd(row, packet, now)
            return self._events[row].silence() if self._events[row].pressed and packet.payload else []
        self.reception.count(one, sequence, self.reception.transit(one))
        return self._events[row].receive(packet.timestamp, packet.payload) if is_event else []

    def _place_odd(self, row: int, packet: rtp.Packet, now: int) -> None:
        self._law_in[row] = g711.law_index(packet.payload_type)
        payload = np.frombuffer(packet.payload, dtype=np.uint8)
        if not self.jitter.place_odd(row, packet.timestamp, payload, now):
            self.jitter.start(row, packet.timestamp, now)
            self.jitter.place_odd(row, packet.timestamp, payload, now)

    # -- through ------------------------------------------------------------------------------------------------------------

    def advance(self, now: int) -> Step:
        """One step: fetch, decode, conceal, mix, encode, stamp."""
        fetched = self.jitter.fetch(now)
        self._decode(fetched)
        listening = fetched.rows[self._in_band[fetched.rows] & fetched.present]
        keys = self._detector.listen(listening, self.matrix.frames[listening]) if len(listening) else []
        listening = fetched.rows[self.fax_tones.wanted(fetched.rows) & fetched.present]
        tones = self.fax_tones.listen(listening, self.matrix.frames[listening]) if len(listening) else []
        self._fresh[:] = False
        self._fresh[fetched.rows] = True
        self._advance_buses(now)
        rows = self._choose(now)
        if not len(rows):
            return Step(rows, [], [], keys, tones)
        heard = self.matrix.mix(rows)
        ended = self.player.mix_into(rows, heard)
        self._write(rows, heard, now)
        rows, extra = self._replace_by_events(rows)
        return Step(rows, extra, ended, keys, tones)

    def _decode(self, fetched: Fetched) -> None:
        rows, present, octets = fetched
        if not len(rows):
            return
        frames = self.matrix.frames
        missing = rows[~present]
        if len(missing):
            self._conceal(missing)
            rows, octets = rows[present], octets[present]
        decoded = g711.decode(octets, self._law_in[rows])
        back = self._lost[rows] > 0
        if back.any():
            self._join(rows[back], decoded, back)
        self._before[rows] = frames[rows]
        frames[rows] = decoded

    def _join(self, rows: Rows, decoded: NDArray[np.int16], back: NDArray[np.bool_]) -> None:
        """Audio came back: turn from what was made up to what arrived."""
        frame = decoded[back]
        conceal.blend(self._tail[rows], frame)
        decoded[back] = frame
        self._lost[rows] = 0
        self._tail[rows] = 0

    def _conceal(self, rows: Rows) -> None:
        """Rows without a frame go on with their last pitch period and fade; after 60 ms, or while a key is down, they are silent."""
        frames = self.matrix.frames
        first = rows[self._lost[rows] == 0]
        if len(first):
            self._history[first] = np.concatenate([self._before[first], frames[first]], axis=1)
            self._period[first] = conceal.find_pitch(self._history[first])
        lost = self._lost[rows]
        hearable = lost < _HEARABLE_LOSS
        made = rows[hearable]
        if len(made):
            audio = conceal.conceal(self._history[made], self._period[made], lost[hearable])
            frames[made], self._tail[made] = audio[:, : rtp.FRAME], audio[:, rtp.FRAME :]
            self.concealed[made] += 1
        silent = rows[~hearable]
        frames[silent] = 0
        self._tail[silent] = 0
        self._lost[rows] = lost + 1

    def _advance_buses(self, now: int) -> None:
        for bus, at in self._bus_at.items():
            if at <= now:
                self._bus_at[bus] = at + STEPS
                self._fresh[bus] = True
        if self._bus_at and any(self._fresh[bus] for bus in self._bus_at):
            self.matrix.sum_buses()

    def _choose(self, now: int) -> Rows:
        """The rows that send in this step."""
        ready = self._fresh[self._leader]
        ready &= self._sent_at <= now - STEPS // 2
        ready |= self._send_at <= now
        ready &= self.sending
        return ready.nonzero()[0]

    def _write(self, rows: Rows, heard: NDArray[np.int16], now: int) -> None:
        """Encode and stamp. A gap of about a frame counts as one (the leader's clock); a longer one shows in the timestamp."""
        law = self._law_out[rows]
        elapsed = now - self._sent_at[rows]
        regular = (elapsed >= STEPS - 1) & (elapsed <= STEPS + 1)
        self.timestamp[rows] += np.where(regular, rtp.FRAME, elapsed * STEP_SAMPLES)
        self.sequence[rows] += 1
        self.sent[rows] += 1
        self._sent_at[rows] = now
        self._send_at[rows] = now + self._interval[rows]
        packets = np.empty((len(rows), rtp.PACKET), dtype=np.uint8)
        rtp.stamp(packets, law.astype(np.int64) * 8, self.sequence[rows], self.timestamp[rows], self.ssrc[rows])
        packets[:, rtp.HEADER :] = g711.encode(heard, law)
        self.packets[rows] = packets

    def _replace_by_events(self, rows: Rows) -> tuple[Rows, list[tuple[int, bytes]]]:
        """Rows that send a key send event packets in place of audio."""
        extra: list[tuple[int, bytes]] = []
        replaced: list[int] = []
        for row, sender in list(self._senders.items()):
            if row in rows:
                events = sender.next(int(self.timestamp[row]))
                for i, (payload, timestamp, marker) in enumerate(events):
                    self.sequence[row] += 1 if i else 0
                    kind, sequence = int(self._event_type[row]), int(self.sequence[row])
                    extra.append((row, rtp.build(kind, sequence, timestamp, int(self.ssrc[row]), payload, marker)))
                if events:
                    replaced.append(row)
                if sender.done:
                    del self._senders[row]
        return (rows[~np.isin(rows, replaced)] if replaced else rows), extra
