"""PostgreSQL: a SQLAlchemy engine over psycopg, and a raw connection for COPY. Nothing waits without a limit.

Whoever uses it must bear its absence: ``OUTAGES`` are the exceptions that mean "not there now, try again later".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg
from psycopg.types.string import TextLoader
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

OUTAGES: tuple[type[Exception], ...] = (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, OSError, TimeoutError)

REFUSALS: tuple[type[Exception], ...] = (DBAPIError, psycopg.Error)
"""What PostgreSQL does not take; look for OUTAGES first."""

Connection = AsyncConnection
"""A connection within a transaction: what a service hands from the caller's transaction to its store."""

_DRIVER = "postgresql+psycopg://"


def sqlalchemy_url(url: str) -> str:
    """``url`` in SQLAlchemy's form; ``postgres://`` and ``postgresql://`` are taken too."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return _DRIVER + url.removeprefix(scheme)
    return url


def libpq_url(url: str) -> str:
    """``url`` as libpq and psycopg want it."""
    return "postgresql://" + url.removeprefix(_DRIVER) if url.startswith(_DRIVER) else url


def _connect_arguments(name: str, statement_seconds: float, lazy: bool) -> dict[str, object]:
    return {
        "application_name": name,
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "options": f"-c statement_timeout={round(statement_seconds * 1000)} -c lock_timeout=10000"
        " -c idle_in_transaction_session_timeout=60000 -c timezone=UTC" + " -c synchronous_commit=off" * lazy,
    }


def _ids_as_text(connection: Any, *_: object) -> None:
    """Ids are strings everywhere in the program (``kit/ids.py``), so a ``uuid`` column gives one."""
    getattr(connection, "driver_connection", connection).adapters.register_loader("uuid", TextLoader)


async def direct(connection: AsyncConnection) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """The driver's connection beneath, in the same transaction: for statements that run many times a second, each with few parameters.

    What it raises is psycopg's (``REFUSALS``), not SQLAlchemy's.
    """
    below: psycopg.AsyncConnection[tuple[Any, ...]] | None = (await connection.get_raw_connection()).driver_connection
    assert below is not None
    return below


def as_rows(values: object) -> str:
    """Rows as one parameter, to be opened by ``json_to_recordset``: PostgreSQL makes thousands of rows of it with one statement."""
    return msgspec.json.encode(values).decode()


class Database:
    """One pool of connections, opened on first use.

    ``lazy``: a commit does not wait for the disk, and the last ones may be undone by a crash of the server, as a whole and from the end.
    Only for what is written from a stream together with the place up to which it was read: it is then read again.
    """

    def __init__(self, url: str, *, name: str, size: int = 5, statement_seconds: float = 30.0, lazy: bool = False) -> None:
        self._url = url
        self._arguments = _connect_arguments(name, statement_seconds, lazy)
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=size,
            max_overflow=size,
            pool_timeout=5.0,
            pool_pre_ping=not lazy,  # who reads a stream begins again anyway
            pool_recycle=1800,
            connect_args=dict(self._arguments),
        )
        event.listen(self.engine.sync_engine, "connect", _ids_as_text)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction: committed at the end, rolled back on any exception."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """A psycopg connection of its own, for COPY and LISTEN; in a transaction that ends like ``transaction``."""
        connection = await psycopg.AsyncConnection.connect(libpq_url(self._url), **self._arguments)  # type: ignore[arg-type]
        _ids_as_text(connection)
        async with connection:
            yield connection

    async def there(self) -> bool:
        """Whether the database answers now."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(text("select 1"))
        except OUTAGES:
            return False
        return True

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()
