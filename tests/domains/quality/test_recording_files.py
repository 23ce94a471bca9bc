"""What becomes of recordings' files: sealed, Ogg Opus, new keys, retention, the check; real PostgreSQL, real files, kills between steps."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import sys
import uuid
import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from tests.figures import figure

from yitong.app import recordings_tool
from yitong.app.jobs.kept_files import KeptFiles
from yitong.app.jobs.recording_check import Check
from yitong.app.jobs.recordings import RecordingsKeeper, vault_of
from yitong.domains.quality.store import files
from yitong.domains.quality.store.vault import Stored, Vault
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.sealing import KeyMissing
from yitong.kit.settings import Settings

DAY = 24 * 3600


class Killed(BaseException):
    """The worker dies here."""


@dataclass
class Archive:
    """A tenant's recordings, and a worker that keeps them."""

    database: Database
    settings: Settings
    tenant: str

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.vault = vault_of(self.settings, self.clock)

    def worker(self, **changes: Any) -> RecordingsKeeper:
        """A life of the same worker."""
        return RecordingsKeeper(self.database, self.clock, self.vault, replace(self.settings, **changes), "here/0")

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.transaction() as connection:
            result = await connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    async def record(self, *, seconds: float = 3.0, queue: str = "", days_old: float = 0.0, ended: bool = True) -> str:
        """A recording as the media process leaves it and the ledger tells of it."""
        id = str(uuid.uuid4())
        file = f"{self.tenant}/2026/11/22/{id}.wav"
        path = self.settings.home / "recordings" / file
        write(path, seconds)
        data = path.read_bytes()
        await self.sql(
            """insert into recordings (tenant_id, id, site_id, contact_id, queue_id, began_at, ended_at, file, milliseconds, bytes, sha256,
                 complete)
               values (:tenant, :id, gen_random_uuid(), gen_random_uuid(), cast(nullif(:queue, '') as uuid), now() - :age
                 * interval '1 second', case when :ended then now() - :age * interval '1 second' end, :file, :ms, :size, :sha, :ended)""",
            tenant=self.tenant, id=id, queue=queue, age=days_old * DAY, ended=ended, file=file, ms=int(seconds * 1000), size=len(data),
            sha=hashlib.sha256(data).hexdigest(),
        )  # fmt: skip
        return id

    async def row(self, id: str) -> Any:
        return (await self.sql("select * from recording_files where id = :id", id=id))[0]

    async def stored(self, id: str) -> Stored:
        return files.stored(await self.row(id))

    async def content(self, id: str) -> bytes:
        with self.vault.content(await self.stored(id)) as opened:
            return opened.read()

    def on_disk(self) -> list[str]:
        return sorted(name.rpartition("/")[2] for name, _ in self.vault.files())

    async def audited(self) -> list[tuple[str, str]]:
        return [(row.action, row.object_id) for row in await self.sql("select action, object_id from audit order by number")]


def write(path: Path, seconds: float) -> None:
    """Left a tone that comes and goes, right another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = np.arange(round(8000 * seconds)) / 8000
    tracks = np.stack([9000 * np.sin(2 * np.pi * 440 * at) * (at % 1 < 0.5), 5000 * np.sin(2 * np.pi * 1200 * at)], axis=1).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(tracks.tobytes())


@pytest.fixture
async def archive(postgres_url: str, tmp_path: Path) -> AsyncIterator[Archive]:
    database = Database(postgres_url, name="test")
    made = Archive(database, Settings(home=tmp_path, database_url=postgres_url), str(uuid.uuid4()))
    await made.sql(
        "insert into tenants (id, code, name, zone, language, currency, country) values (:id, 'mine', '{}', 'UTC', 'en', 'CNY', 'CN')",
        id=made.tenant,
    )
    yield made
    await database.close()


def dying(vault: Vault, name: str) -> Callable[[], None]:
    """The next call of a step of the vault does its work and then kills the worker; the answer undoes that."""
    step = getattr(vault, name)

    def last(*given: Any, **more: Any) -> None:
        step(*given, **more)
        raise Killed(name)

    setattr(vault, name, last)
    return lambda: setattr(vault, name, step)


@pytest.mark.case("Q1")
async def test_a_recording_is_sealed_after_its_end_and_says_the_same(archive: Archive) -> None:
    id = await archive.record(seconds=9)
    plain = await archive.content(id)
    assert plain[:4] == b"RIFF"
    worker = archive.worker()
    await worker.once(slowly=False)
    row = await archive.row(id)
    assert (row.sealed, row.form, row.file.endswith(f"{id}.wav.sealed"), row.stale) == (True, "wav", True, "")
    assert archive.on_disk() == [f"{id}.wav.sealed"]
    raw = archive.vault.path(row.file).read_bytes()
    assert plain[1000:1064] not in raw
    assert await archive.content(id) == plain
    sound = archive.vault.sound(await archive.stored(id))
    for first, last in ((0, 43), (40, 50), (65_530, 65_545), (len(plain) - 4, len(plain) - 1), (70_000, 140_000)):
        assert b"".join(sound.octets(first, last)) == plain[first : last + 1]
    sound.close()
    keys = archive.settings.home / "keys" / archive.tenant
    assert [oct(path.stat().st_mode & 0o777) for path in (keys, *keys.iterdir())] == ["0o700", "0o600"]
    assert not archive.vault.check(await archive.stored(id), whole=True)


@pytest.mark.case("Q1")
async def test_what_is_sealed_from_its_first_octet_stays_as_it_is(archive: Archive) -> None:
    """As the media process writes it; one whose process died is given its end."""
    id, dead = await archive.record(), await archive.record(days_old=1, ended=False)
    plain = {one: archive.vault.path(f"{archive.tenant}/2026/11/22/{one}.wav").read_bytes() for one in (id, dead)}
    for one in (id, dead):
        file = f"{archive.tenant}/2026/11/22/{one}.wav"
        archive.vault.path(file).unlink()
        grown = archive.vault.grow(file, "pcm2", 6400)
        assert grown is not None
        grown.append(plain[one][44:])
        if one == id:
            grown.finish()
        grown.close()
    sealed = archive.vault.path(f"{archive.tenant}/2026/11/22/{id}.wav").read_bytes()
    assert await archive.content(id) == plain[id]  # before anybody has looked after it
    check = Check(archive.database, archive.clock, archive.vault, young_us=-1)
    assert await check.run() == []
    await archive.worker().once(slowly=False)
    row = await archive.row(id)
    assert (row.sealed, row.file, row.stale, len(row.loudness)) == (True, f"{archive.tenant}/2026/11/22/{id}.wav", "", 2001)
    assert archive.vault.path(row.file).read_bytes() == sealed
    assert archive.on_disk() == sorted([f"{id}.wav", f"{dead}.wav.sealed"])
    assert (await archive.content(id), len(await archive.content(dead))) == (plain[id], 44 + 96_000)
    archive.vault.path(row.file).write_bytes(sealed[: 512 + 3 * 6416])
    assert archive.vault.check(await archive.stored(id), whole=False) == "damaged"


@pytest.mark.case("Q1")
async def test_messages_and_faxes_that_lie_plain_are_sealed_and_checked(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    tenant, message, fax = archive.tenant, str(uuid.uuid4()), str(uuid.uuid4())
    names = {message: f"recordings/messages/{tenant}/2026/11/22/{message}.wav", fax: f"faxes/{tenant}/2026/11/22/{fax}.tif"}
    home, plain = archive.settings.home, dict[str, bytes]()
    for one, name in names.items():
        write(home / name, 1.0)
        plain[one] = (home / name).read_bytes()
    await archive.sql(
        """insert into mailbox_messages (tenant_id, id, site_id, contact_id, mailbox_id, began_at, left_at, status, file, sha256)
           values (:tenant, :id, :id, :id, :id, now(), now(), 'new', :file, :sha)""",
        tenant=tenant, id=message, file=names[message].removeprefix("recordings/"), sha=hashlib.sha256(plain[message]).hexdigest(),
    )  # fmt: skip
    await archive.sql(
        """insert into faxes (tenant_id, id, site_id, contact_id, began_at, ended_at, sent, file, outcome, pages)
           values (:tenant, :id, :id, :id, now(), now(), false, :file, 'ok', 1)""",
        tenant=tenant, id=fax, file=names[fax].removeprefix("faxes/"),
    )  # fmt: skip
    kept = KeptFiles(archive.settings, archive.database, archive.clock, archive.vault.keyring, young_us=-1)
    assert await kept.check(everything=True) == []
    assert (await kept.once(), await kept.once()) == (2, 0)
    folders = {message: kept._messages, fax: kept._faxes}
    inner = {one: name.partition("/")[2] for one, name in names.items()}
    assert {one: folders[one].read(inner[one]) for one in names} == plain
    assert not any(plain[one][1000:1100] in (home / name).read_bytes() for one, name in names.items())
    assert await recordings_tool.run(archive.settings, "keys", "rotate") == 0
    assert "it opens 2 messages and faxes" in capsys.readouterr().out
    assert {one: folders[one].key_of(inner[one]) for one in names} == dict.fromkeys(names, archive.vault.keyring.ids(tenant)[-1])
    await recordings_tool.run(archive.settings, "keys", "list")
    assert "opens 2  current" in capsys.readouterr().out
    assert await kept.check(everything=True) == []
    good = (home / names[message]).read_bytes()
    (home / names[message]).write_bytes(good[:2000] + b"?" + good[2001:])
    (home / names[fax]).unlink()
    (home / f"faxes/{tenant}/stray.tif").write_bytes(b"II")
    found = await Check(archive.database, archive.clock, archive.vault, others=lambda all: kept.check(everything=all)).run(everything=True)
    assert {(fault.file, fault.code) for fault in found} == {
        (inner[message], "damaged"), (names[fax], "missing"), (f"faxes/{tenant}/stray.tif", "orphan")
    }  # fmt: skip
    figure(
        "Q1",
        "messages and faxes too: sealed as they come, those that lay plain sealed in place, new keys, a changed byte told by the check",
    )


@pytest.mark.case("Q1")
async def test_a_changed_byte_a_cut_and_anothers_file_are_found(archive: Archive) -> None:
    first, second = await archive.record(), await archive.record()
    await archive.worker().once(slowly=False)
    one = await archive.stored(first)
    path = archive.vault.path(one.file)
    good, found = path.read_bytes(), 0
    for place in (9, 20, 40, 70, 100, 140, 512, 4000, len(good) - 1):
        changed = bytearray(good)
        changed[place] ^= 1
        path.write_bytes(bytes(changed))
        assert archive.vault.check(one, whole=True) in ("damaged", "key_missing"), place
        found += 1
    for cut in (good[:-1], good[:-70_000], good[:300], b""):
        path.write_bytes(cut)
        assert archive.vault.check(one, whole=False) == "damaged"
    shutil.copy(archive.vault.path((await archive.stored(second)).file), path)
    assert archive.vault.check(one, whole=False) == "damaged"
    path.write_bytes(good)
    assert archive.vault.check(one, whole=True) == ""
    figure("Q1", f"sealed with AES-256-GCM; {found} single bytes changed all over the file, four cuts, another's file: each found")


@pytest.mark.case("Q1")
@pytest.mark.parametrize("step", ["keep", "remove"])
async def test_a_kill_while_sealing_loses_nothing(archive: Archive, step: str) -> None:
    id = await archive.record()
    plain = await archive.content(id)
    heal = dying(archive.vault, step)
    with pytest.raises(Killed):
        await archive.worker().once(slowly=False)
    heal()
    assert await archive.content(id) == plain
    part = archive.settings.home / "recordings" / archive.tenant / "2026/11/22" / f"{id}.wav.sealed.12345678.part"
    part.write_bytes(b"YTSEAL1\n half")
    life = archive.worker()
    await life._free()
    await life.once(slowly=False)
    assert (await archive.row(id)).sealed
    assert await archive.content(id) == plain
    assert await Check(archive.database, archive.clock, archive.vault, young_us=-1).run(everything=True) == []
    assert archive.on_disk() == [f"{id}.wav.sealed"]


async def test_what_is_not_as_the_ledger_says_stays_and_is_told(archive: Archive) -> None:
    id = await archive.record()
    path = archive.vault.path((await archive.stored(id)).file)
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    gone = await archive.record()
    plain = await archive.content(gone)
    archive.vault.path((await archive.stored(gone)).file).unlink()
    worker = archive.worker()
    await worker.once()
    await worker._check.run()
    await worker._count()
    assert path.exists()
    kept = archive.vault.path((await archive.stored(gone)).file)
    assert (await archive.row(id)).fault == "digest"
    assert worker.faults == {"digest": 1, "missing": 1}
    assert worker.figures()["recordings_missing"] == 1.0
    kept.write_bytes(plain)
    assert [fault.code for fault in await worker._check.run()] == ["digest"]  # the other one was put back
    await worker.once()
    assert ((await archive.row(gone)).sealed, await archive.content(gone)) == (True, plain)


@pytest.mark.parametrize("step", ["", "encode", "remove"])
async def test_after_some_hours_it_is_ogg_opus_with_both_tracks_whatever_dies(archive: Archive, step: str) -> None:
    old, young = await archive.record(seconds=5, days_old=2), await archive.record(days_old=0.5)
    await archive.worker(recording_opus_hours=0).once(slowly=False)
    if step:
        heal = dying(archive.vault, step)
        with pytest.raises(Killed):
            await archive.worker().once()
        heal()
        assert (await archive.content(old))[:4] in (b"RIFF", b"OggS")
    life = archive.worker()
    await life._free()
    await life.once()
    row = await archive.row(old)
    assert (row.form, row.milliseconds, (await archive.row(young)).form) == ("opus", 5000, "wav")
    assert archive.on_disk() == sorted([f"{old}.opus.sealed", f"{young}.wav.sealed"])
    assert row.bytes * 3 < 5 * 32_000
    sound = archive.vault.sound(await archive.stored(old))
    whole = b"".join(sound.octets(0, sound.size - 1))
    assert len(whole) == sound.size == 44 + 5 * 32_000
    tracks = np.frombuffer(whole[44:], "<i2").reshape(-1, 2).astype(float)
    for track, hertz in ((0, 440), (1, 1200)):
        spectrum = np.abs(np.fft.rfft(tracks[:, track]))
        assert abs(np.argmax(spectrum) / 5 - hertz) < 2
        other = 1200 if track == 0 else 440
        assert spectrum[other * 5 - 10 : other * 5 + 10].max() < spectrum.max() / 30
    near = np.frombuffer(b"".join(sound.octets(44 + 64_000, 44 + 95_999)), "<i2").astype(float)
    here = np.frombuffer(whole[44 + 64_000 : 44 + 96_000], "<i2").astype(float)
    assert np.dot(near, here) > 0.99 * np.sqrt(np.dot(near, near) * np.dot(here, here))
    sound.close()
    opus = archive.vault.sound(await archive.stored(old), "opus")
    assert b"".join(opus.octets(0, 3)) == b"OggS"
    opus.close()


@pytest.mark.case("Q1")
async def test_new_keys_open_old_recordings_and_a_lost_key_is_said(archive: Archive) -> None:
    ids = [await archive.record(seconds=0.5) for _ in range(4)]
    worker = archive.worker()
    await worker.once(slowly=False)
    plain = {id: await archive.content(id) for id in ids}
    (first,) = archive.vault.keyring.ids(archive.tenant)
    second = archive.vault.keyring.rotate(archive.tenant)
    heal = dying(archive.vault, "renew")
    with pytest.raises(Killed):
        await worker.rewrap(archive.tenant)
    heal()
    path = archive.vault.path((await archive.row(ids[1])).file)
    before = path.read_bytes()[:192]
    archive.vault.renew(await archive.stored(ids[1]))
    path.write_bytes(before + path.read_bytes()[192:])  # killed between the new place for the key and the old one's end
    assert await archive.content(ids[1]) == plain[ids[1]]
    assert {id: await archive.content(id) for id in ids} == plain
    assert await archive.worker().rewrap(archive.tenant) == 4
    assert {(await archive.row(id)).key_id for id in ids} == {second}
    (archive.vault.keyring.folder / archive.tenant / f"{first}.key").unlink()
    assert {id: await archive.content(id) for id in ids} == plain
    await archive.worker(recording_key_days=0).turn_keys()
    assert archive.vault.keyring.ids(archive.tenant) == [second]
    for id in ids:
        assert uuid.UUID(first).bytes not in archive.vault.path((await archive.row(id)).file).read_bytes()[:512]
    path = archive.vault.keyring.folder / archive.tenant / f"{second}.key"
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(KeyMissing, match=second):
        await archive.content(ids[0])
    found = await Check(archive.database, archive.clock, archive.vault).run()
    assert {(fault.code, fault.recording) for fault in found} == {("key_missing", id) for id in ids}
    path.write_bytes(kept)
    assert await Check(archive.database, archive.clock, archive.vault).run() == []


@pytest.mark.case("Q3")
async def test_every_recording_is_kept_as_long_as_its_queue_or_tenant_says(archive: Archive) -> None:
    queue, site = str(uuid.uuid4()), str(uuid.uuid4())
    await archive.sql(
        "insert into sites (tenant_id, id, code, name, zone) values (:tenant, :site, 'hq', '{}', 'UTC')", tenant=archive.tenant, site=site
    )
    await archive.sql(
        "insert into queues (tenant_id, id, site_id, code, name) values (:tenant, :queue, :site, 'vip', '{}')",
        tenant=archive.tenant, queue=queue, site=site,
    )  # fmt: skip
    other = [await archive.record(seconds=0.1, days_old=days) for days in (29, 31)]
    vip = [await archive.record(seconds=0.1, days_old=days, queue=queue) for days in (31, 101)]
    held = await archive.record(seconds=0.1, days_old=200)
    await archive.sql("update recording_files set held = true where id = :id", id=held)
    await archive.worker().once()
    assert len(archive.on_disk()) == 5  # without a rule nothing goes
    for code, of, days in (("all", None, 30), ("vip", queue, 100)):
        await archive.sql(
            "insert into retentions (tenant_id, id, code, name, queue_id, days) values (:tenant, gen_random_uuid(), :code, '{}',"
            " cast(:queue as uuid), :days)", tenant=archive.tenant, code=code, queue=of, days=days,
        )  # fmt: skip
    heal = dying(archive.vault, "remove")
    with pytest.raises(Killed):
        await archive.worker().once()
    heal()
    await archive.worker().once()
    gone = {other[1], vip[1]}
    for id in (*other, *vip, held):
        assert ((await archive.row(id)).purged_at is not None) == (id in gone)
    assert len(archive.on_disk()) == 3
    assert not any(id in name for name in archive.on_disk() for id in gone)
    assert sorted(await archive.audited()) == sorted(("recording.purged", id) for id in gone)
    figure(
        "Q3", "by age, per queue and in general, and on request: file gone, proof kept, what is held stays; killed in between, gone on with"
    )


async def test_the_check_finds_both_ends_and_takes_in_what_a_dead_process_left(archive: Archive) -> None:
    lost, left = await archive.record(days_old=1, ended=False), await archive.record(days_old=1, ended=False)
    folder = archive.settings.home / "recordings" / archive.tenant / "2026/11/22"
    (folder / f"{lost}.wav").unlink()
    plain = (folder / f"{left}.wav").read_bytes()
    stray = folder / f"{uuid.uuid4()}.wav"
    write(stray, 0.1)
    (archive.settings.home / "recordings" / "messages").mkdir()
    (archive.settings.home / "recordings" / "messages" / "of-a-caller.wav").write_bytes(b"RIFF")
    running = await archive.record(ended=False)
    check = Check(archive.database, archive.clock, archive.vault, young_us=-1)
    await archive.sql("update recordings set began_at = now() + interval '1 hour' where id = :id", id=running)
    found = {(fault.code, fault.recording, Path(fault.file).stem) for fault in await check.run()}
    assert found == {("lost", lost, lost), ("orphan", "", stray.stem)}
    since = await archive.sql("select found_at from recording_faults order by file")
    worker = archive.worker()
    await worker.seal()
    await worker.clear()
    assert await archive.content(left) == plain
    assert (await archive.row(left)).milliseconds == 3000
    stray.unlink()
    assert [fault.code for fault in await check.run()] == ["lost"]
    (kept,) = await archive.sql("select code, found_at from recording_faults")
    assert (kept.code, kept.found_at) in {("lost", row.found_at) for row in since}


_LIFE = """
import asyncio, os
from dataclasses import replace
from yitong.app.jobs.recordings import RecordingsKeeper, vault_of
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.settings import load

async def live():
    settings = load(os.environ)
    database = Database(settings.database_url, name="worker")
    keeper = RecordingsKeeper(database, SystemClock(), vault_of(settings, SystemClock()), settings, "here/0")
    print("begins", flush=True)
    await keeper.run()

asyncio.run(live())
"""


@pytest.mark.case("Q1")
async def test_a_worker_that_is_killed_again_and_again_loses_nothing(archive: Archive) -> None:
    """kill -9 of a process of its own, while it seals and while it makes Ogg Opus."""
    ids = [await archive.record(seconds=5, days_old=2) for _ in range(10)]
    plain = {id: await archive.content(id) for id in ids}
    environment = {**os.environ, "YITONG_HOME": str(archive.settings.home), "YITONG_DATABASE_URL": archive.settings.database_url}
    for ending, enough in ((".wav.sealed", 3), (".opus.sealed", 3)):
        life = await asyncio.create_subprocess_exec(sys.executable, "-c", _LIFE, env=environment, stdout=asyncio.subprocess.PIPE)
        assert life.stdout is not None
        await life.stdout.readline()
        async with asyncio.timeout(60):
            while sum(name.endswith(ending) for name in archive.on_disk()) < enough and life.returncode is None:
                await asyncio.sleep(0.002)
        life.send_signal(signal.SIGKILL)
        assert await life.wait() == -signal.SIGKILL
        for id in ids:
            content = await archive.content(id)
            assert content == plain[id] or content[:4] == b"OggS"
    last = archive.worker()
    await last._free()
    while await last.once():
        pass
    assert {(await archive.row(id)).form for id in ids} == {"opus"}
    assert await Check(archive.database, archive.clock, archive.vault, young_us=-1).run(everything=True) == []
    assert archive.on_disk() == sorted(f"{id}.opus.sealed" for id in ids)


async def test_an_operator_checks_recordings_and_turns_keys(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [await archive.record(seconds=0.5) for _ in range(3)]
    await archive.worker().once(slowly=False)
    assert await recordings_tool.run(archive.settings, "keys", "list") == 0
    assert "opens 3  current" in capsys.readouterr().out
    assert await recordings_tool.run(archive.settings, "keys", "rotate") == 0
    assert "it opens 3 recordings that older keys opened" in capsys.readouterr().out
    await recordings_tool.run(archive.settings, "keys", "list")
    said = capsys.readouterr().out
    assert ("opens 0  older" in said, "opens 3  current" in said) == (True, True)
    assert await recordings_tool.run(archive.settings, "recordings", "check", everything=True) == 0
    archive.vault.path((await archive.row(ids[0])).file).unlink()
    assert await recordings_tool.run(archive.settings, "recordings", "check") == 1
    assert "missing: 1. The file is not there. Put it back from a backup" in capsys.readouterr().out
