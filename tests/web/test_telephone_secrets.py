"""Telephones' passwords: made by us, told once, kept as hashes alone (case R13)."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from tests.figures import figure
from tests.web.world import NAME, World

SECRETS = 8


@pytest.mark.case("R13")
async def test_a_telephones_password_is_told_once_and_kept_nowhere(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    admin, told, shown = await world.headers("admin"), [], []
    for number in range(SECRETS):
        body = {
            "username": f"18{number:02}", "name": NAME, "roles": ["agent"], "password": "long enough", "extension": f"18{number:02}",
            "site": world.mine.site, "team": world.mine.ids["team"], "skills": {},
        }  # fmt: skip
        made = await world.ask("POST", "/config/users", admin, json=body)
        assert made.status_code == 201, made.text
        told.append(made.json()["sip_secret"])
        path = f"/config/users/{made.json()['id']}"
        lists = ("/config/users?limit=200", "/config/audit?limit=200")
        shown += [(await world.ask("GET", one, admin)).text for one in (path, f"{path}/history", *lists)]
    await world.configured()
    assert len(set(told)) == SECRETS
    assert min(len(one) for one in told) >= 16
    kept = [*shown, *await everything(world)]
    bucket = await world.nats.js.key_value("config")
    for key in await bucket.keys():
        kept.append(((await bucket.get(key)).value or b"").decode())
    out, err = capfd.readouterr()
    assert sum("ha1_sha256" in one for one in kept) >= SECRETS
    assert not [secret for secret in told for one in (*kept, out, err) if secret in one]
    figure("R13", f"{SECRETS} passwords of {min(map(len, told))} characters or more: none in tables, buckets, logs, or later answers")


async def everything(world: World) -> list[str]:
    """All rows of all tables."""
    rows: list[str] = []
    async with world.database.transaction() as connection:
        names = await connection.execute(text("select table_name from information_schema.tables where table_schema = 'public'"))
        for (table,) in list(names):
            rows += [row[0] or "" for row in await connection.execute(text(f"select t::text from {table} t"))]
    return rows
