"""The demo: a pack loaded into an empty home, so that the first call is two minutes away. It is data only (``packs/demo``)."""

from __future__ import annotations

import secrets
from pathlib import Path

from sqlalchemy import text

from yitong.app.migrate import require_current
from yitong.app.pack import Loader, copy_prompts, read_pack
from yitong.kit import logs
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.sealed_text import sealer_of
from yitong.kit.settings import Settings

PACK = Path(__file__).resolve().parents[3] / "packs" / "demo"
_LOCK = 0x64656D6F

_log = logs.get("yitong.demo")


async def load(settings: Settings, pack: Path = PACK) -> bool:
    """Load the demo unless any tenant is there already; returns whether it was loaded.

    Everybody's password is ``settings.demo_password``, or a made one, which is printed once.
    """
    database = Database(settings.database_url, name="demo", size=1)
    try:
        await require_current(database)
        password = settings.demo_password or secrets.token_urlsafe(9)
        content = read_pack(pack)
        content["prompts"] = copy_prompts(pack, content["prompts"], settings.home / "prompts", content["tenant"]["code"])
        async with database.transaction() as connection:
            await connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            if await connection.scalar(text("select exists (select from tenants)")):
                _log.info("the demo is not loaded: there is a tenant already")
                return False
            sealer = sealer_of(settings.secrets_folder, SystemClock())
            await Loader(connection, SystemClock(), RandomIds(), password, sealer).load(content)
    finally:
        await database.close()
    if not settings.demo_password:
        print(f"The demo's password is {password}")
    return True
