"""The streams and buckets that must be there (``docs/interfaces.md``), made by ``yitong migrate`` and at every start."""

from __future__ import annotations

from yitong.kit.nats import BucketSpec, Nats, StreamSpec

LEDGER_SECONDS = 30 * 24 * 3600
"""How long facts stay in the stream: the longest time that PostgreSQL may be away, and that a core without a snapshot looks back."""
STREAMS = (
    StreamSpec(name="LEDGER", subjects=("ledger.*.*",), max_age_seconds=LEDGER_SECONDS),
    StreamSpec(name="PERSONAL", subjects=("personal.*",), max_age_seconds=24 * 3600),
)
BUCKETS = (
    BucketSpec(name="config"),
    BucketSpec(name="leases"),
    BucketSpec(name="core"),
    BucketSpec(name="credentials", ttl_seconds=13 * 3600),
    BucketSpec(name="idempotency", ttl_seconds=24 * 3600),
)


async def prepare(nats: Nats) -> None:
    """Make what is missing, bring what is there up to date."""
    for stream in STREAMS:
        await nats.ensure_stream(stream)
    for bucket in BUCKETS:
        await nats.ensure_bucket(bucket)
