"""The database's schema: ``yitong migrate`` alone changes it, under a lock; every other process refuses an older one.

All migrations of one run are one transaction: when one fails, the schema is as it was and the old version starts (reliability D8).
"""

from __future__ import annotations

import ast
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, text

from yitong.kit import logs
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database, sqlalchemy_url
from yitong.kit.sealed_text import sealer_of
from yitong.kit.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x79_69_74_6F_6E_67  # "yitong": the key of the advisory lock that only one migration holds


_log = logs.get("yitong.migrate")


class SchemaError(Exception):
    """The database's schema is not the one that this release needs; the message is a sentence for the operator."""


def _config(folder: Path) -> Config:
    from alembic.config import Config  # here: every process asks for ``head`` at its start, and few need Alembic's seconds of import

    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config


def head(folder: Path = MIGRATIONS) -> str:
    """The schema version this release needs."""
    names = [_names(file) for file in sorted((folder / "versions").glob("*.py"))]
    followed = {before for _, before in names}
    return next((revision for revision, _ in reversed(names) if revision not in followed), "")


def _names(file: Path) -> tuple[str, str | None]:
    """``revision`` and ``down_revision`` of a migration, read without running it."""
    said: dict[str, str | None] = {}
    for line in ast.parse(file.read_text()).body:
        target = line.targets[0] if isinstance(line, ast.Assign) else line.target if isinstance(line, ast.AnnAssign) else None
        if isinstance(line, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and isinstance(line.value, ast.Constant):
            said[target.id] = line.value.value  # type: ignore[assignment]  # checked by the name
    return said["revision"] or "", said["down_revision"]


def migrate(settings: Settings, folder: Path = MIGRATIONS) -> str:
    """Bring the database at ``settings.database_url`` to this release's schema; returns its version.

    Waits for another migration that is running. Raises what PostgreSQL raises; then nothing was changed.
    """
    engine = create_engine(sqlalchemy_url(settings.database_url), connect_args={"options": "-c timezone=UTC -c lock_timeout=30000"})
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            there = _there(connection)
            if there != head(folder):  # every start but the first of a release finds it so, and needs no Alembic
                _upgrade(connection, folder, settings)
                _log.info("schema brought to this release", before=there or "none", now=head(folder))
    finally:
        engine.dispose()
    return head(folder)


def _there(connection: Connection) -> str:
    if not connection.scalar(text("select to_regclass('alembic_version') is not null")):
        return ""
    return str(connection.scalar(text("select version_num from alembic_version")) or "")


def _upgrade(connection: Connection, folder: Path, settings: Settings) -> None:
    from alembic import command

    logging.getLogger("alembic").setLevel(logging.WARNING)  # else a page of its inner life before the first words of ours
    _refuse_newer(connection, folder)
    config = _config(folder)
    config.attributes["connection"] = connection
    config.attributes["sealer"] = sealer_of(settings.secrets_folder, SystemClock())
    command.upgrade(config, "head")


def _refuse_newer(connection: Connection, folder: Path) -> None:
    """A schema that this release does not know was made by a later one, and is left alone."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config(folder)).walk_revisions()}
    if current is not None and current not in known:
        raise SchemaError(f"The database has schema {current}, which was made by a later release than this one.")


async def require_current(database: Database) -> None:
    """Raises SchemaError unless the schema is the one this release needs, and what ``OUTAGES`` holds when nobody answers."""
    async with database.transaction() as connection:
        there = await connection.scalar(text("select to_regclass('alembic_version') is not null"))
        current = await connection.scalar(text("select version_num from alembic_version")) if there else None
    if current != head():
        raise SchemaError(f"The database has schema {current or 'none'} and this release needs {head()}: run `yitong migrate`.")
