"""A lease in a key-value bucket: one owner at a time, with an *epoch* that only grows.

The epoch is the bucket's revision at the moment of taking. The same owner (a process started again on its node) takes its lease
over at once; another waits until it was not renewed for ``seconds``, counted on its own clock, so clocks need not agree.
"""

from __future__ import annotations

import msgspec
import structlog

from yitong.kit.clock import Clock
from yitong.kit.nats import OUTAGES, Bucket

_log = structlog.get_logger("yitong.lease")


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the bucket: who owns, and when he last said that he lives (UTC microseconds). No owner: given up in peace."""

    owner: str
    life: str
    at: int = 0


class LeaseLost(Exception):
    """Somebody else owns it now."""


class Lease:
    """``epoch = await lease.acquire()``, then ``await lease.keep()`` beside the work: it returns only by raising LeaseLost."""

    def __init__(self, bucket: Bucket, key: str, *, owner: str, life: str, clock: Clock, seconds: float = 3.0) -> None:
        """``owner`` is the node, ``life`` this process's own id (a fresh one each start)."""
        self._bucket = bucket
        self._key = key
        self._owner = owner
        self._life = life
        self._clock = clock
        self._seconds = seconds
        self._revision = 0
        self.epoch = 0
        self.former_at = 0
        """Until when the owner before us is known to have lived (UTC microseconds); 0: there was none."""

    async def acquire(self) -> int:
        """Wait until the lease is ours; returns the epoch."""
        seen, since = 0, self._clock.monotonic()
        while True:
            held = await self._bucket.get(self._key)
            revision = held.revision if held is not None else 0
            if revision != seen:
                seen, since = revision, self._clock.monotonic()
            former = msgspec.json.decode(held.value, type=Held) if held is not None and held.value else Held(owner="", life="")
            owner = former.owner
            if owner in ("", self._owner) or self._clock.monotonic() - since >= self._seconds:
                taken = await self._bucket.put_if(self._key, self._mine(), revision)
                if taken is not None:
                    self.epoch = self._revision = taken
                    self.former_at = former.at
                    return taken
            await self._clock.sleep(self._seconds / 10)

    async def renew(self) -> None:
        """Say that we live. Raises LeaseLost; while NATS is away nobody can take it, and an outage is raised as it is."""
        renewed = await self._bucket.put_if(self._key, self._mine(), self._revision)
        if renewed is None:
            held = await self._bucket.get(self._key)
            if held is None or not held.value or msgspec.json.decode(held.value, type=Held).life != self._life:
                raise LeaseLost(self._key)
            renewed = held.revision
        self._revision = renewed

    async def keep(self) -> None:
        """Renew for ever, three times within the lease's length. Raises LeaseLost."""
        while True:
            await self._clock.sleep(self._seconds / 3)
            try:
                await self.renew()
            except OUTAGES as error:
                _log.warning("lease not renewed", key=self._key, error=repr(error))

    async def release(self) -> None:
        """Give it up, so that another need not wait."""
        given_up = Held(owner="", life="", at=self._clock.now())
        try:
            await self._bucket.put_if(self._key, msgspec.json.encode(given_up), self._revision)
        except OUTAGES as error:
            _log.info("lease not released", key=self._key, error=repr(error))

    def _mine(self) -> bytes:
        return msgspec.json.encode(Held(owner=self._owner, life=self._life, at=self._clock.now()))
