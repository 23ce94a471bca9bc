"""``yitong recordings check``, ``yitong recordings who FILE``, ``yitong keys list`` and ``rotate``: what an operator does with them."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.app import password_keys
from yitong.app.jobs.kept_files import KeptFiles
from yitong.app.jobs.recording_check import Check
from yitong.app.jobs.recordings import RecordingsKeeper, made_at, vault_of
from yitong.app.migrate import require_current
from yitong.domains.quality.rules import next_step
from yitong.domains.quality.store import files
from yitong.kit.clock import SystemClock, moment
from yitong.kit.database import Database
from yitong.kit.sealed_text import sealer_of
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.kit.settings import Settings
from yitong.media import watermark
from yitong.media.opus_file import Samples
from yitong.media.wav import RATE, read_tags

_LOOKED_AT_SECONDS = 600
_TICKET = re.compile(r"ticket ([0-9a-f-]{36})")


async def run(settings: Settings, command: str, action: str, *, everything: bool = False, file: str = "") -> int:
    """One of the commands; returns the exit code: 0 well, 1 something was found (check) or nothing (who), 2 it cannot be done."""
    database = Database(settings.database_url, name="recordings", size=2)
    try:
        await require_current(database)
        if command == "keys":
            return await _rotate(database, settings) if action == "rotate" else await _keys(database, settings)
        return await (_who(database, settings, file) if action == "who" else _check(database, settings, everything))
    finally:
        await database.close()


async def _check(database: Database, settings: Settings, everything: bool) -> int:
    clock = SystemClock()
    vault = vault_of(settings, clock)
    kept = KeptFiles(settings, database, clock, vault.keyring)
    found = await Check(database, clock, vault, others=lambda all: kept.check(everything=all)).run(everything=everything)
    for code in sorted({fault.code for fault in found}):
        of = [fault for fault in found if fault.code == code]
        print(f"{code}: {len(of)}. {next_step(code, 'en')}")
        for fault in of[:100]:
            print(f"  {fault.file}{f'  recording {fault.recording}' if fault.recording else ''}")
        if len(of) > 100:
            print(f"  and {len(of) - 100} more")
    print("every recording, message and fax is as it was written" if not found else f"{len(found)} to look at")
    return 1 if found else 0


async def _keys(database: Database, settings: Settings) -> int:
    vault = vault_of(settings, SystemClock())
    kept = KeptFiles(settings, database, SystemClock(), vault.keyring)
    async with database.transaction() as connection:
        for tenant in await files.tenants(connection):
            used, held = Counter(await files.keys_in_use(connection, tenant)), vault.keyring.ids(tenant)
            used.update(await kept.keys_in_use(tenant))
            for id in sorted({*used, *held}):
                said = "current" if held and id == held[-1] else "older" if id in held else "MISSING: these files cannot be opened"
                print(f"{tenant}  {id}  made {moment(made_at(id)):%Y-%m-%d}  opens {used.get(id, 0)}  {said}")
    for line in await password_keys.listed(database, sealer_of(settings.secrets_folder, SystemClock())):
        print(line)
    return 0


async def _rotate(database: Database, settings: Settings) -> int:
    clock = SystemClock()
    vault = vault_of(settings, clock)
    keeper = RecordingsKeeper(database, clock, vault, settings, "tool")
    async with database.transaction() as connection:
        tenants = await files.tenants(connection)
    for tenant in tenants:
        try:
            id = vault.keyring.rotate(tenant)
        except OSError as error:
            print(f"yitong: no key can be written to {vault.keyring.folder}: {error}", file=sys.stderr)
            return 2
        print(f"{tenant}  {id} seals from now on; it opens {await keeper.rewrap(tenant)} recordings that older keys opened")
    print(f"it opens {await keeper.kept.once()} messages and faxes that older keys opened")
    return await _rotate_passwords(database, settings)


async def _rotate_passwords(database: Database, settings: Settings) -> int:
    clock = SystemClock()
    try:
        for line in await password_keys.rotate(database, sealer_of(settings.secrets_folder, clock), clock):
            print(line)
    except (OSError, KeyMissing, Damaged) as error:
        print(f"yitong: the passwords of trunks are sealed as before: {error}", file=sys.stderr)
        return 2
    return 0


async def _who(database: Database, settings: Settings, file: str) -> int:
    try:
        data = Path(file).read_bytes()
        samples = _samples(file)
    except (OSError, soundfile.LibsndfileError) as error:
        print(f"yitong: {file} cannot be read as sound: {error}", file=sys.stderr)
        return 2
    written = _TICKET.search(" ".join(read_tags(data).values()) or _comment(file))
    async with database.transaction() as connection:
        rows = await files.downloads(connection)
        heard = await _heard(connection, settings, samples, rows)
    told = {row.id: f"{row.username} took recording {row.recording_id} as {row.form} at {row.at:%Y-%m-%d %H:%M:%S} UTC" for row in rows}
    if written:
        known = told.get(written[1], "which this installation never gave out")
        print(f"the file says: ticket {written[1]}: {known} (words in a file can be changed)")
    for certainty, id in heard:
        print(f"the sound says: ticket {id}: {told[id]} (certainty {certainty:.1f}, sure from {watermark.SURE})")
    if not heard:
        print(f"no mark of {len(rows)} downloads is heard in the sound")
    return 0 if heard else 1


async def _heard(connection: AsyncConnection, settings: Settings, samples: Samples, rows: Sequence[Any]) -> list[tuple[float, str]]:
    keyring = vault_of(settings, SystemClock()).keyring
    found: list[tuple[float, str]] = []
    for tenant in await files.tenants(connection):
        tickets = [row.id for row in rows if row.tenant_id == tenant]
        if tickets:
            scores = watermark.certainties(samples, keyring.secret(tenant), [ticket.encode() for ticket in tickets])
            found += [(score, ticket) for score, ticket in zip(scores, tickets, strict=True) if score >= watermark.SURE]
    return sorted(found, reverse=True)[:3]


def _samples(file: str) -> Samples:
    """The first ten minutes at 8 kHz, whatever the file is."""
    with soundfile.SoundFile(file) as sound:
        read = sound.read(sound.samplerate * _LOOKED_AT_SECONDS, dtype="int16", always_2d=True)
        rate = sound.samplerate
    return np.asarray(read if rate == RATE else soxr.resample(read, rate, RATE), dtype=np.int16)


def _comment(file: str) -> str:
    with soundfile.SoundFile(file) as sound:
        return str(sound.comment)
