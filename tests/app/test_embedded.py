"""The engines out of wheels: private, repeatable, on what a machine allows."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import psycopg
import pytest

from yitong.app import embedded
from yitong.kit.database import OUTAGES, Database, libpq_url, sqlalchemy_url
from yitong.kit.nats import Nats


def test_postgres_asks_for_its_password(postgres_engine: str, engine_home: Path) -> None:
    """By the rules as they were made; the other tests are let in without."""
    rules = engine_home / "postgres" / "pg_hba.conf"
    easy = rules.read_text()
    with psycopg.connect(postgres_engine, autocommit=True) as connection:
        assert connection.execute("select current_user").fetchone() == ("yitong",)
        rules.write_text(rules.with_suffix(".made").read_text())
        connection.execute("select pg_reload_conf()")
        try:
            refused = refusal(postgres_engine.replace("yitong:", "yitong:not-", 1))
            psycopg.connect(postgres_engine).close()
        finally:
            rules.write_text(easy)
            connection.execute("select pg_reload_conf()")
    assert "password authentication failed" in refused


def refusal(url: str) -> str:
    """Why nobody gets in; the engine needs a moment to read its rules."""
    for _ in range(500):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError as error:
            return str(error)
        time.sleep(0.02)
    return ""


def test_postgres_listens_on_its_private_socket_only(postgres_engine: str, engine_home: Path) -> None:
    folder = embedded.runtime_folder(engine_home)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with psycopg.connect(postgres_engine) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("show timezone").fetchone() == ("UTC",)
        assert connection.execute("show password_encryption").fetchone() == ("scram-sha-256",)


async def test_nats_asks_for_its_password(nats_url: str) -> None:
    nats = await Nats.connect(nats_url, "test", patience_seconds=5)
    assert (await nats.js.account_info()).streams >= 2
    assert nats.connection.max_payload == 8 << 20
    await nats.close()
    with pytest.raises(TimeoutError):
        await Nats.connect("nats://yitong:wrong@" + nats_url.rpartition("@")[2], "test", patience_seconds=0.5)


def test_what_is_made_stays_and_is_private(tmp_path: Path) -> None:
    first, second = embedded.nats(tmp_path), embedded.nats(tmp_path)
    assert first == second
    for path in [tmp_path / "nats" / "nats.conf", *(tmp_path / "secrets").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "sync_interval: always" in (tmp_path / "nats" / "nats.conf").read_text()


def test_a_deep_home_gets_a_short_socket_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    folder = embedded.runtime_folder(deep)
    assert len(os.fsencode(folder / ".s.PGSQL.65535.lock")) <= 107
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert embedded.runtime_folder(deep) == folder
    folder.rmdir()


def test_a_stale_lock_file_of_postgres_is_removed(tmp_path: Path) -> None:
    lock = tmp_path / "postmaster.pid"
    lock.write_text(f"{os.getppid()}\n")
    embedded._forget_stale_pid(lock)
    assert not lock.exists()


def test_where_no_namespace_is_allowed_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(embedded.EngineError, match="start Yitong as an ordinary user, or set YITONG_DATABASE_URL"):
        embedded.postgres(tmp_path)


async def test_the_database_commits_or_rolls_back(empty_postgres_url: str) -> None:
    database = Database(empty_postgres_url, name="test")
    assert await database.there()
    async with database.raw() as raw:
        await raw.execute("create table t (n int)")
        async with raw.cursor().copy("copy t from stdin") as copy:
            await copy.write_row([1])
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the context manager is what is tested
        async with database.transaction() as connection:
            await connection.exec_driver_sql("insert into t values (2)")
            raise ZeroDivisionError
    async with database.transaction() as connection:
        assert (await connection.exec_driver_sql("select array_agg(n) from t")).scalar() == [1]
    await database.close()


async def test_an_absent_database_is_an_outage(tmp_path: Path) -> None:
    database = Database(f"postgresql://u:p@/x?host={tmp_path}&port=1", name="test")
    assert not await database.there()
    with pytest.raises(OUTAGES):
        async with database.raw():
            raise AssertionError("connected to nothing")
    await database.close()


def test_urls_of_both_kinds() -> None:
    assert sqlalchemy_url("postgres://u@h/d") == "postgresql+psycopg://u@h/d"
    assert libpq_url("postgresql+psycopg://u@h/d") == "postgresql://u@h/d"
