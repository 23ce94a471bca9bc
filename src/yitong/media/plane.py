"""The media plane: packets of a step in, frames placed, concealed, mixed, and the packets to send out. No socket, no clock.

``now`` is the number of the step (10 ms each). A row sends in the step in which the row that it mainly hears (its *leader*) gets a new
frame, so audio leaves with the packet that brought it, and the hearer sees the speaker's own clock.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yitong.media import g711, rtp
from yitong.media.current import BOTH, Current
from yitong.media.digits import EventReceiver, EventSender, Key
from yitong.media.fax_tones import FaxTones
from yitong.media.inband import Detector
from yitong.media.jitter import NEVER, SLOTS, STEPS, Fetched, Jitter
from yitong.media.lines import Lines
from yitong.media.matrix import Matrix
from yitong.media.mending import Mending
from yitong.media.player import Player
from yitong.media.quality import Reception

STEP_SAMPLES = rtp.FRAME // STEPS
_COMFORT_NOISE = 13
_ALONE = 3 * STEPS
"""Steps after which a row sends without its leader."""
_NONE = np.zeros(0, dtype=np.intp)
_SEQUENCE, _TIMESTAMP, _SSRC, _SENT = range(4)
"""Columns of what every packet sent reads and writes, together in one line of the cache."""
_COLUMNS = 4

Rows = NDArray[np.intp]


class Step(NamedTuple):
    """What a step produced: the ``rows`` that send ``Plane.packets[at]``, extra packets, play lists that ended, in-band keys, tones of fax
    machines."""

    rows: Rows
    at: Rows
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
        self.current = Current(capacity, self.jitter.store)
        self.matrix = Matrix(capacity, self.current)
        self.player = Player(capacity)
        self.packets = np.zeros((capacity, rtp.PACKET), dtype=np.uint8)
        self.receiving = np.zeros(capacity, dtype=np.bool_)
        self.sending = np.zeros(capacity, dtype=np.bool_)
        self.heard_at = np.zeros(capacity, dtype=np.int64)
        self.unheard = np.zeros(capacity, dtype=np.bool_)
        """Rows to whom nobody listens: their packets are counted (one may stand for eight) and no more."""
        self._eased = 0
        self._stream = np.full(capacity, -1, dtype=np.int64)
        """The source of the stream that the row's buffer follows."""
        self._mending = Mending(capacity, self.current)
        self._lines = Lines(capacity, _COLUMNS)
        self.sequence, self.timestamp = self._lines.column(_SEQUENCE), self._lines.column(_TIMESTAMP)
        self.ssrc, self.sent = self._lines.column(_SSRC), self._lines.column(_SENT)
        self._detector = Detector(capacity)
        self.fax_tones = FaxTones(capacity)
        self._in_band = np.zeros(capacity, dtype=np.bool_)
        self._any_in_band = False
        self._law_in = np.zeros(capacity, dtype=np.uint8)
        self._law_out = np.zeros(capacity, dtype=np.uint8)
        self._leader = np.zeros(capacity, dtype=np.intp)
        self._interval = np.full(capacity, STEPS, dtype=np.int64)
        self._send_at = np.full(capacity, NEVER, dtype=np.int64)
        self._sent_at = np.zeros(capacity, dtype=np.int64)
        self._event_type = np.full(capacity, -1, dtype=np.int64)
        self._events: dict[int, EventReceiver] = {}
        self._senders: dict[int, EventSender] = {}
        self._bus_at: dict[int, int] = {}

    # -- rows ---------------------------------------------------------------------------------------------------------------

    def open(self, row: int, ssrc: int, sequence: int, timestamp: int) -> None:
        """A row begins, silent and deaf until ``direct``."""
        self.ssrc[row], self.sequence[row], self.timestamp[row] = ssrc, sequence, timestamp
        self.sent[row] = 0
        self._events[row] = EventReceiver()
        self._mending.rest(row)

    def open_bus(self, row: int, now: int) -> None:
        """A conference row begins."""
        self.matrix.add_bus(row)
        self._bus_at[row] = now

    def direct(self, row: int, codec: int, event_type: int, send: bool, receive: bool, now: int) -> None:
        """How the row codes and in which directions it works."""
        self._law_out[row] = g711.law_index(codec)
        self._event_type[row] = event_type
        self._in_band[row] = event_type < 0 and receive
        self._any_in_band = bool(self._in_band.any())
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
        self._mending.rest(row)
        self._senders.pop(row, None)
        self._bus_at.pop(row, None)
        self.heed(row)
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

    def listens(self, row: int) -> bool:
        """Whether we listen to the row ourselves: for keys or fax machines in its audio."""
        return bool(self._in_band[row]) or self.fax_tones.listens(row)

    def ease(self, row: int) -> None:
        """Nobody listens to the row: it says nothing from now on."""
        self._eased += not self.unheard[row]
        self.unheard[row] = True
        self.jitter.rest(row)
        self.current.silence(row)
        self._mending.rest(row)

    def heed(self, row: int) -> None:
        """Somebody will listen: its next packet begins a stream."""
        self._eased -= bool(self.unheard[row])
        self.unheard[row] = False
        self._stream[row] = -1

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
        plain = head.plain & (lengths == rtp.PACKET)
        plain &= self.receiving[rows]
        payloads = slab[:, rtp.HEADER : rtp.PACKET]
        odd = _NONE
        if np.count_nonzero(plain) < len(rows):
            odd = np.flatnonzero(~plain)
            rows, payloads = rows[plain], payloads[plain]
            head = head.only(plain)
        strange = head.ssrc != self._stream[rows]
        if np.count_nonzero(strange):
            for i in strange.nonzero()[0].tolist():
                self._start(int(rows[i]), int(head.ssrc[i]), int(head.sequence[i]), int(head.timestamp[i]), now)
        self.heard_at[rows] = now
        if self._eased and np.count_nonzero(unheard := self.unheard[rows]):
            self.reception.count(rows, head.sequence, now * STEP_SAMPLES - head.timestamp, unheard)
            rows, payloads, head = rows[~unheard], payloads[~unheard], head.only(~unheard)
        else:
            self.reception.count(rows, head.sequence, now * STEP_SAMPLES - head.timestamp)
        self._law_in[rows] = head.payload_type >> 3
        far = self.jitter.place(rows, head.timestamp, payloads, now)
        for row in far.tolist():
            i = int(np.flatnonzero(rows == row)[0])
            self.jitter.start(row, int(head.timestamp[i]), now)
            self.jitter.place(rows[i : i + 1], head.timestamp[i : i + 1], payloads[i : i + 1], now)
        return odd

    def _start(self, row: int, ssrc: int, sequence: int, timestamp: int, now: int) -> None:
        self.reception.start(row, ssrc, sequence, now * STEP_SAMPLES - timestamp)
        self._stream[row] = ssrc
        if self.unheard[row]:
            return
        self.jitter.start(row, timestamp, now)
        self.jitter.store[row * SLOTS + SLOTS - 1] = g711.SILENCE[g711.PCMA]  # what was "before" the first frame, if the second is lost
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
        if packet.ssrc != self._stream[row]:
            self._start(row, packet.ssrc, packet.sequence, packet.timestamp, now)
        one = np.array([row], dtype=np.intp)
        sequence, unheard = np.array([packet.sequence], dtype=np.int64), self.unheard[one]
        if is_audio:
            self.reception.count(one, sequence, np.array([now * STEP_SAMPLES - packet.timestamp], dtype=np.int64), unheard)
            if not unheard[0]:
                self._place_odd(row, packet, now)
            return self._events[row].silence() if self._events[row].pressed and packet.payload else []
        self.reception.count(one, sequence, self.reception.transit(one), unheard)
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
        self._mending.take(fetched, self._law_in, now)
        keys = self._listen(fetched)
        tones = self._listen_for_faxes(fetched)
        self._advance_buses(now)
        rows = self._choose(now)
        if not len(rows):
            return Step(rows, rows, [], [], keys, tones)
        ended = self._write(rows, now)
        kept, extra = self._replace_by_events(rows)
        return Step(rows[kept], kept, extra, ended, keys, tones)

    def _listen(self, fetched: Fetched) -> list[tuple[int, str]]:
        """Keys in the audio of rows that have no telephone events."""
        if not self._any_in_band:
            return []
        rows = fetched.rows
        listening = self._in_band[rows]
        if not np.count_nonzero(listening):
            return []
        listening &= fetched.present
        return self._detector.listen(rows[listening], self.current.samples(rows[listening]))

    def _listen_for_faxes(self, fetched: Fetched) -> list[tuple[int, str]]:
        """Tones of fax machines in the audio of rows that play or collect."""
        if not self.fax_tones.any:
            return []
        rows = fetched.rows
        listening = self.fax_tones.wanted(rows)
        if not np.count_nonzero(listening):
            return []
        listening &= fetched.present
        return self.fax_tones.listen(rows[listening], self.current.samples(rows[listening]))

    def _advance_buses(self, now: int) -> None:
        for bus, at in self._bus_at.items():
            if at <= now:
                self._bus_at[bus] = at + STEPS
                self.matrix.sum_bus(bus, now)

    def _choose(self, now: int) -> Rows:
        """The rows that send in this step."""
        ready: NDArray[np.bool_] = self.current.since[self._leader] == now
        ready &= self._sent_at <= now - STEPS // 2
        ready |= self._send_at <= now
        ready &= self.sending
        return ready.nonzero()[0]

    def _write(self, rows: Rows, now: int) -> list[int]:
        """Encode and stamp; answers the rows whose play list ended. A gap of about a frame counts as one (the leader's clock); a longer
        one shows in the timestamp."""
        law = self._law_out[rows]
        elapsed = now - self._sent_at[rows]
        regular = np.abs(elapsed - STEPS) <= 1
        self._sent_at[rows] = now
        self._send_at[rows] = now + self._interval[rows]
        lines = self._lines.read(rows)
        lines[:, _SEQUENCE] += 1
        lines[:, _SENT] += 1
        lines[:, _TIMESTAMP] += np.where(regular, rtp.FRAME, elapsed * STEP_SAMPLES)
        self._lines.write(rows, lines)
        packets = self.packets[: len(rows)]
        rtp.stamp(packets, law.astype(np.int64) * 8, lines[:, _SEQUENCE], lines[:, _TIMESTAMP], lines[:, _SSRC])
        return self._fill(rows, law, packets[:, rtp.HEADER :], now)

    def _fill(self, rows: Rows, law: NDArray[np.uint8], payloads: NDArray[np.uint8], now: int) -> list[int]:
        """What each row hears: the octets of the one that it hears, where the law is the same, and else what is mixed and encoded."""
        source = self.matrix.single[rows]
        its_law = self.current.law[source]
        plain = its_law == law
        plain |= its_law == BOTH
        plain &= ~self.matrix.is_mixed[rows]
        plain &= ~self.player.playing[rows]
        payloads[:] = self.current.octets(source, law)
        if np.count_nonzero(plain) == len(rows):
            return []
        others = np.flatnonzero(~plain)
        mixed = rows[others]
        listening = self.matrix.listeners(mixed) & ~self.player.playing[mixed]
        if np.count_nonzero(listening):
            alike = others[listening]
            payloads[alike] = self.matrix.octets(rows[alike], law[alike], now)
            others = others[~listening]
            mixed = rows[others]
        paired = self.matrix.pairs(mixed) & ~self.player.playing[mixed]
        if np.count_nonzero(paired):
            alike = others[paired]
            payloads[alike] = self.matrix.pair_octets(rows[alike], law[alike])
            others = others[~paired]
            if not len(others):
                return []
            mixed = rows[others]
        heard = self.matrix.mix(mixed, now)
        ended = self.player.mix_into(mixed, heard)
        payloads[others] = g711.encode(heard, law[others])
        return ended

    def _replace_by_events(self, rows: Rows) -> tuple[Rows, list[tuple[int, bytes]]]:
        """Rows that send a key send event packets in place of audio: the indices of the others, and those packets."""
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
        return np.flatnonzero(~np.isin(rows, replaced)) if replaced else np.arange(len(rows)), extra
