"""Telephone events (RFC 4733): each key once, however often its packets come, are lost or are doubled."""

from __future__ import annotations

import struct
from collections import deque
from typing import NamedTuple

KEYS = "0123456789*#ABCD"
_HALF = 1 << 31
_LONGEST = 0xFFFF
_STEP = 160


class Key(NamedTuple):
    """A key as received. ``ended`` and ``samples`` are for the end of the press (0 samples at its beginning)."""

    key: str
    ended: bool
    samples: int


class EventReceiver:
    """One row's events. A key is told at its first packet and again, with its duration, at its end."""

    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._event = -1
        self._samples = 0
        self._base = 0
        self._ended = True

    def receive(self, timestamp: int, payload: bytes) -> list[Key]:
        """What a packet with an event payload tells: nothing, a key's beginning, its end, or both."""
        if len(payload) < 4:
            return []
        event, flags, duration = struct.unpack_from("!BBH", payload)
        if event >= len(KEYS):
            return []
        keys: list[Key] = []
        if self._is_new(timestamp):
            keys.extend(self._begin(timestamp, event))
        elif timestamp != self._timestamp or event != self._event:
            return []
        self._samples = max(self._samples, self._base + duration)
        if flags & 0x80 and not self._ended:
            keys.append(self._end())
        return keys

    def silence(self) -> list[Key]:
        """Audio came again or nothing came for long: an unfinished key has ended (all its end packets were lost)."""
        return [] if self._ended else [self._end()]

    @property
    def pressed(self) -> bool:
        """Whether a key is down."""
        return not self._ended

    def _is_new(self, timestamp: int) -> bool:
        return self._timestamp is None or 0 < (timestamp - self._timestamp & 0xFFFFFFFF) < _HALF

    def _begin(self, timestamp: int, event: int) -> list[Key]:
        """A later timestamp: the next key, or the next segment of a long one (§2.5.1.3)."""
        continued = (
            not self._ended
            and event == self._event
            and self._timestamp is not None
            and timestamp - self._timestamp & 0xFFFFFFFF == _LONGEST
        )
        keys = [] if continued else self.silence()
        self._base = self._base + _LONGEST if continued else 0
        self._timestamp, self._event = timestamp, event
        if not continued:
            self._samples, self._ended = 0, False
            keys.append(Key(KEYS[event], False, 0))
        return keys

    def _end(self) -> Key:
        self._ended = True
        return Key(KEYS[self._event], True, self._samples)


class EventSender:
    """Keys to be sent from one row: 100 ms each, 60 ms apart, the end three times (§2.5.1.4)."""

    PRESS_FRAMES = 5
    PAUSE_FRAMES = 3

    def __init__(self, keys: str) -> None:
        self._keys = deque(KEYS.index(key) for key in keys.upper() if key in KEYS)
        self._frame = 0
        self._timestamp = 0

    @property
    def done(self) -> bool:
        """Whether all is sent."""
        return not self._keys

    def next(self, timestamp: int) -> list[tuple[bytes, int, bool]]:
        """What to send in this frame instead of audio: (payload, timestamp, marker); nothing: send audio (the pause between keys)."""
        event, frame = self._keys[0], self._frame
        self._frame += 1
        if frame == 0:
            self._timestamp = timestamp
        if frame < self.PRESS_FRAMES:
            last = frame == self.PRESS_FRAMES - 1
            payload = struct.pack("!BBH", event, 10 | (0x80 if last else 0), (frame + 1) * _STEP)
            return [(payload, self._timestamp, frame == 0)] * (3 if last else 1)
        if frame >= self.PRESS_FRAMES + self.PAUSE_FRAMES - 1:
            self._frame = 0
            self._keys.popleft()
        return []
