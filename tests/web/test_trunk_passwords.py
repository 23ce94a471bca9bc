"""Passwords of trunks: written over the API, sealed wherever they are kept, opened by who has the key (case R13)."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.figures import figure
from tests.web.test_telephone_secrets import everything
from tests.web.world import NAME, World

from yitong.app import migrate, recordings_tool
from yitong.app.processes.switch import options
from yitong.ct.switches.soft.trunk_record import SEALED_PASSWORD
from yitong.kit.clock import SystemClock
from yitong.kit.database import libpq_url
from yitong.kit.sealed_text import key_of, sealer_of
from yitong.kit.settings import Settings

SECRET, SECOND = "operator-pass-1", "operator-pass-2"
CODE = "0014_sealed_passwords.py"


def trunk(world: World, password: str | None) -> dict[str, object]:
    body: dict[str, object] = {"code": "operator", "name": NAME, "site": world.mine.site, "host": "192.0.2.7", "username": "line1"}
    return body if password is None else body | {"password": password}


async def kept(world: World) -> tuple[str, str]:
    """The password in the table and in the bucket."""
    await world.configured()
    bucket = await world.nats.js.key_value("config")
    async with world.database.transaction() as connection:
        row = (await connection.execute(text("select id::text, password from trunks where code = 'operator'"))).one()
    published = (await bucket.get(f"{world.mine.id}.trunk.{row.id}")).value or b""
    assert row.password.encode() in published
    return str(row.id), str(row.password)


async def in_buckets(world: World) -> list[str]:
    bucket = await world.nats.js.key_value("config")
    return [((await bucket.get(key)).value or b"").decode() for key in await bucket.keys()]


@pytest.mark.case("R13")
async def test_a_trunks_password_is_sealed_wherever_it_is_kept(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    admin = await world.headers("admin")
    made = await world.ask("POST", "/config/trunks", admin, json=trunk(world, SECRET))
    assert made.status_code == 201, made.text
    id, first = await kept(world)
    path = f"/config/trunks/{id}"
    opened = options(world.settings, None).open_password
    assert (opened(world.mine.id, first), first.startswith("sealed:")) == (SECRET, True)

    altered = await world.ask("PUT", path, admin | {"If-Match": '"1"'}, json=trunk(world, None))
    assert (altered.status_code, await kept(world)) == (200, (id, first))
    altered = await world.ask("PUT", path, admin | {"If-Match": '"2"'}, json=trunk(world, SECOND))
    assert opened(world.mine.id, (await kept(world))[1]) == SECOND
    refused = await world.ask("PUT", path, admin | {"If-Match": '"3"'}, json=trunk(world, SECOND) | {"port": -1, "transport": SECOND})
    assert refused.status_code == 422

    shown = [(await world.ask("GET", one, admin)).text for one in (path, f"{path}/history", "/config/trunks", "/config/audit?limit=200")]
    out, err = capfd.readouterr()
    everywhere = [made.text, altered.text, refused.text, *shown, *await everything(world), *await in_buckets(world), out, err]
    assert not [one for one in everywhere for secret in (SECRET, SECOND) if secret in one]
    figure("R13", "trunks' passwords: AES-256-GCM in tables and buckets; readable in no answer, history, audit entry or log")

    async with world.database.transaction() as connection:
        with pytest.raises(IntegrityError, match="trunks_password_sealed"):
            await connection.execute(text("update trunks set password = 'plain'"))


async def test_an_operator_turns_the_keys_of_passwords(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    made = await world.ask("POST", "/config/trunks", await world.headers("admin"), json=trunk(world, SECRET))
    assert made.status_code == 201
    _, before = await kept(world)
    assert await recordings_tool.run(world.settings, "keys", "rotate") == 0
    _, after = await kept(world)
    assert key_of(before) != key_of(after)
    sealer = sealer_of(world.settings.secrets_folder, SystemClock())
    assert sealer.open(world.mine.id, SEALED_PASSWORD, after) == SECRET
    capfd.readouterr()
    assert await recordings_tool.run(world.settings, "keys", "list") == 0
    lines = [line for line in capfd.readouterr().out.splitlines() if "passwords of trunks" in line]
    assert [("opens 1" in line, line.endswith("current")) for line in lines] == [(False, False), (True, True)]


def test_passwords_that_are_there_are_sealed_by_the_migration(empty_postgres_url: str, tmp_path: Path) -> None:
    """Made by the release before; and whoever goes back to it finds them as it wants them."""
    older = tmp_path / "older"
    (older / "versions").mkdir(parents=True)
    for file in (migrate.MIGRATIONS / "sql", *(migrate.MIGRATIONS / "versions").glob("00*.py"), migrate.MIGRATIONS / "env.py"):
        target = older / file.relative_to(migrate.MIGRATIONS)
        if file.name < CODE or not file.name.startswith("00"):
            target.symlink_to(file)
    settings = Settings(database_url=empty_postgres_url, home=tmp_path)
    migrate.migrate(settings, older)
    tenant, site, id = (f"00000000-0000-7000-8000-00000000000{number}" for number in range(3))
    with psycopg.connect(libpq_url(empty_postgres_url)) as connection:
        connection.execute(
            "insert into tenants (id, code, name, zone, language, currency, country) values (%s, 'a', '{}', 'UTC', 'en', 'CNY', 'CN')",
            (tenant,),
        )
        connection.execute("insert into sites (tenant_id, id, code, name, zone) values (%s, %s, 'a', '{}', 'UTC')", (tenant, site))
        connection.execute(
            "insert into trunks (tenant_id, id, code, name, site_id, password) values (%s, %s, 'a', '{}', %s, %s)",
            (tenant, id, site, SECRET),
        )
    migrate.migrate(settings)
    with psycopg.connect(libpq_url(empty_postgres_url)) as connection:
        row = connection.execute("select password from trunks").fetchone()
    assert row is not None
    assert SECRET not in row[0]
    assert sealer_of(settings.secrets_folder, SystemClock()).open(tenant, SEALED_PASSWORD, row[0]) == SECRET
