"""Databases for tests: copies of a template, lent again and again. What a test left in one is swept out before the next test gets it,
which costs a tenth of another copy; one whose tables or functions are no longer those of the template is thrown away.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

_SCHEMA = """select md5(string_agg(line, ',' order by line)) from (
  select concat_ws(' ', relname, relkind, relnatts, relchecks, relhasindex, pg_get_expr(relpartbound, oid)) as line
  from pg_class where relnamespace = 'public'::regnamespace
  union all select concat_ws(' ', proname, prosrc) from pg_proc where pronamespace = 'public'::regnamespace
  union all select concat_ws(' ', tgname, tgenabled) from pg_trigger where not tgisinternal
) as lines"""
_ALONE = """select pg_terminate_backend(pid, 10000) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"""
_TABLES = """select relname, array(
    select attname::text from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
  ) from pg_class c where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname"""
_SEQUENCES = "select sequencename, coalesce(last_value, start_value), last_value is not null from pg_sequences where schemaname = 'public'"


class Databases:
    """All that one test process lends. ``url``: of the engine's database ``yitong``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: dict[str, list[_Copy]] = {}

    @contextmanager
    def lent(self, template: str) -> Iterator[str]:
        """The URL of a database that is as ``template`` is, for as long as the ``with``."""
        free = self._free.setdefault(template, [])
        copy = free.pop() if free else None
        if copy is None or not copy.swept():
            copy = _Copy(self, template)
        yield copy.url
        free.append(copy)

    @contextmanager
    def fresh(self, template: str) -> Iterator[str]:
        """The URL of a new copy, which is dropped afterwards: for a template that is empty, or a test that changes the schema."""
        name = f"test_{os.getpid()}_{secrets.token_hex(4)}"
        self.run("create database {} template {} strategy file_copy", name, template)
        yield self.at(name)
        self.run("drop database {} with (force)", name)

    def at(self, name: str) -> str:
        """The URL of a database of the engine."""
        return self._url.replace("@/yitong?", f"@/{name}?")

    def run(self, statement: str, *names: str) -> None:
        """A statement about databases."""
        with psycopg.connect(self.at("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class _Copy:
    """One database, with a function of its own that makes its rows those of the template again."""

    def __init__(self, databases: Databases, template: str) -> None:
        self._databases = databases
        self._name = f"test_{os.getpid()}_{secrets.token_hex(4)}"
        self.url = databases.at(self._name)
        databases.run("create database {} template {} strategy file_copy", self._name, template)
        with psycopg.connect(self.url, autocommit=True) as connection:
            self._schema = _schema(connection)
            connection.execute("create schema kept")
            connection.execute(_sweeping(connection))

    def swept(self) -> bool:
        """Sweep it; whether it can be used again."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(_ALONE)
            if _schema(connection) == self._schema:
                connection.execute("select kept.sweep()")
                return True
        self._databases.run("drop database {} with (force)", self._name)
        return False


def _schema(connection: psycopg.Connection) -> str:
    (said,) = connection.execute(_SCHEMA).fetchone() or ("",)
    return str(said)


def _sweeping(connection: psycopg.Connection) -> sql.Composed:
    """The function that sweeps; what the template has is kept beside."""
    lines: list[sql.Composable] = []
    for table, columns in connection.execute(_TABLES).fetchall():
        name, all_columns = sql.Identifier("public", table), sql.SQL(", ").join(map(sql.Identifier, columns))
        kept = sql.Identifier("kept", table)
        lines.append(sql.SQL("if pg_relation_size({}) > 0 then delete from only {}; end if;").format(sql.Literal(f"public.{table}"), name))
        if connection.execute(sql.SQL("select from only {} limit 1").format(name)).fetchone() is not None:
            connection.execute(sql.SQL("create table {} as select {} from only {}").format(kept, all_columns, name))
            lines.append(sql.SQL("insert into {} ({}) overriding system value select * from {};").format(name, all_columns, kept))
    for sequence, value, called in connection.execute(_SEQUENCES).fetchall():
        lines.append(sql.SQL("perform setval({}, {}, {});").format(*map(sql.Literal, (f"public.{sequence}", value, called))))
    made = "create function kept.sweep() returns void language plpgsql set session_replication_role = replica as $$ begin {} end $$"
    return sql.SQL(made).format(sql.SQL("\n").join(lines))
