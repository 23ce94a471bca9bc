"""The schema: made under a lock, whole or not at all, and refused when it is another release's."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import tuple_row
from sqlalchemy.exc import ProgrammingError

from yitong.app import migrate
from yitong.domains.reporting.model import TABLES
from yitong.kit.database import Database, libpq_url
from yitong.kit.settings import Settings


def _tables(url: str) -> set[str]:
    with psycopg.connect(libpq_url(url), row_factory=tuple_row) as connection:
        rows = connection.execute("select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace")
        return {row[0] for row in rows}


def test_two_migrations_at_once_make_one_schema(empty_postgres_url: str) -> None:
    settings = Settings(database_url=empty_postgres_url)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: migrate.migrate(settings), range(2)))
    assert done == [migrate.head()] * 2
    assert {"tenants", "ledger", "audit", "contacts"} <= _tables(empty_postgres_url)


def _with_next(folder: Path, sql: str) -> Path:
    shutil.copytree(migrate.MIGRATIONS, folder / "migrations")
    (folder / "migrations" / "versions" / "9999_next.py").write_text(
        f'from alembic import op\nrevision = "9999"\ndown_revision = "{migrate.head()}"\n\n\n'
        f'def upgrade() -> None:\n    op.execute("create table half_done (a int)")\n    op.execute("{sql}")\n'
    )
    return folder / "migrations"


async def test_a_migration_that_fails_changes_nothing_and_the_old_version_starts(postgres_url: str, tmp_path: Path) -> None:
    """Reliability D8."""
    before = _tables(postgres_url)
    with pytest.raises(ProgrammingError):
        migrate.migrate(Settings(database_url=postgres_url), _with_next(tmp_path, "select no_such_thing"))
    assert _tables(postgres_url) == before
    database = Database(postgres_url, name="test")
    await migrate.require_current(database)
    await database.close()


async def test_another_release_s_schema_is_refused(postgres_url: str, empty_postgres_url: str, tmp_path: Path) -> None:
    older = Database(empty_postgres_url, name="test")
    with pytest.raises(migrate.SchemaError, match="run `yitong migrate`"):
        await migrate.require_current(older)
    await older.close()
    migrate.migrate(Settings(database_url=postgres_url), _with_next(tmp_path, "select 1"))
    newer = Database(postgres_url, name="test")
    with pytest.raises(migrate.SchemaError):
        await migrate.require_current(newer)
    await newer.close()
    with pytest.raises(migrate.SchemaError, match="later release"):
        migrate.migrate(Settings(database_url=postgres_url))


def _columns(connection: psycopg.Connection[tuple[str, ...]], table: str) -> set[str]:
    query = "select column_name from information_schema.columns where table_name = %s and table_schema = 'public'"
    return {row[0] for row in connection.execute(query, (table,))}


def test_every_row_and_every_unique_key_has_its_tenant(postgres_url: str) -> None:
    exempt = {"alembic_version", "stream_positions", "tenants", "ledger_faults"}
    with psycopg.connect(libpq_url(postgres_url), row_factory=tuple_row) as connection:
        for table in sorted(_tables(postgres_url) - exempt):
            assert "tenant_id" in _columns(connection, table), table
        keys = connection.execute(
            "select indrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index join pg_class on pg_class.oid = indrelid"
            " where indisunique and relnamespace = 'public'::regnamespace"
        ).fetchall()
        for table, index in keys:
            primary_of_ledger = table.startswith("ledger") and "(occurred_at, id)" in index
            assert table in exempt or primary_of_ledger or "tenant_id" in index, index


def test_the_projections_are_the_tables_that_the_fold_knows(postgres_url: str) -> None:
    with psycopg.connect(libpq_url(postgres_url), row_factory=tuple_row) as connection:
        for name, table in TABLES.items():
            assert _columns(connection, name) == set(table.columns), name
