"""Recordings as people handle them: heard sealed, written to, held, deleted and brought back, taken away with a mark that is found."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import soundfile
from sqlalchemy import text
from tests.figures import figure
from tests.web.world import World

from yitong.app import recordings_tool
from yitong.app.jobs.recording_check import Check
from yitong.app.jobs.recordings import RecordingsKeeper, vault_of
from yitong.kit.clock import SystemClock

ROOT = Path(__file__).parents[2]


async def keep(world: World, **settings: Any) -> RecordingsKeeper:
    """What the worker does, once."""
    vault = vault_of(world.settings, SystemClock())
    keeper = RecordingsKeeper(world.database, SystemClock(), vault, world.settings, "test")
    await keeper.once()
    return keeper


async def sql(world: World, statement: str, **values: Any) -> list[Any]:
    async with world.database.transaction() as connection:
        result = await connection.execute(text(statement), values)
        return list(result) if result.returns_rows else []


def speech(seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """What the demo says, on two tracks that take turns."""
    said = [soundfile.read(path, dtype="int16")[0] for path in sorted((ROOT / "packs" / "demo" / "prompts").rglob("*.wav"))[:40]]
    whole = np.concatenate(said)[: round(8000 * seconds)]
    turn = np.arange(len(whole)) // 24_000 % 2
    return np.stack([whole * (turn == 0), whole * (turn == 1)], axis=1).astype(np.int16)


async def test_a_sealed_recording_is_heard_like_a_plain_one_in_both_forms(world: World) -> None:
    await world.contact(world.mine, "red", "1001")
    who, id = await world.headers("1001"), world.mine.ids["recording red"]
    path = f"/recordings/{id}"
    plain = (await world.ask("GET", path, who)).content
    await keep(world)
    assert [one.name for one in (world.settings.home / "recordings").rglob("*") if one.is_file()] == [f"{id}.wav.sealed"]
    assert (await world.ask("GET", path, who)).content == plain
    part = await world.ask("GET", path, who, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, plain[1000:2000], f"bytes 1000-1999/{len(plain)}")
    for asked in ({"headers": {"Accept": "audio/ogg"}}, {"params": {"format": "opus"}}):
        opus = await world.ask("GET", path, who, **asked)
        assert (opus.headers["content-type"], opus.content[:4]) == ("audio/ogg", b"OggS")
    await sql(world, "update recording_files set ended_at = now() - interval '2 days' where id = :id", id=id)
    await keep(world)
    again = await world.ask("GET", path, who)
    assert (len(again.content), again.content[:44]) == (len(plain), plain[:44])
    part = await world.ask("GET", path, who, headers={"Range": "bytes=-400"})
    assert (part.status_code, len(part.content)) == (206, 400)
    assert (await world.ask("GET", f"{path}?format=opus", who)).content[:4] == b"OggS"
    peaks = (await world.ask("GET", f"{path}/peaks?points=100", who)).json()
    assert 0.4 < max(peaks["left"]) < 0.6
    assert (await world.ask("GET", path, await world.headers("1002"))).status_code == 404


@pytest.mark.case("Q1")
async def test_a_damaged_file_and_a_lost_key_are_said_when_they_are_played(world: World) -> None:
    await world.contact(world.mine, "red", "1001")
    who, id = await world.headers("1100"), world.mine.ids["recording red"]
    await keep(world)
    (file,) = (world.settings.home / "recordings").rglob("*.sealed")
    good = file.read_bytes()
    file.write_bytes(good[:2000] + b"?" + good[2001:])
    answer = await world.ask("GET", f"/recordings/{id}", who)
    assert (answer.status_code, answer.json()["code"]) == (409, "recording_damaged")
    await Check(world.database, SystemClock(), vault_of(world.settings, SystemClock())).run(everything=True)
    (fault,) = (await world.ask("GET", "/recording_faults", who)).json()["items"]
    assert (fault["recording"], fault["code"], fault["contact"]) == (id, "damaged", world.mine.contacts["red"])
    assert "backup" in fault["next"]
    assert (await world.ask("GET", "/recording_faults", await world.headers("1100", "other"))).json()["items"] == []
    assert (await world.ask("GET", "/recording_faults", await world.headers("1001"))).status_code == 403
    file.write_bytes(good)
    (key,) = (world.settings.home / "keys" / world.mine.id).glob("*.key")
    key.rename(key.with_suffix(".elsewhere"))
    answer = await world.ask("GET", f"/recordings/{id}", who)
    assert (answer.status_code, answer.json()["code"]) == (409, "recording_key_missing")
    assert key.stem in answer.json()["detail"]
    file.unlink()
    assert (await world.ask("GET", f"/recordings/{id}", who)).json()["code"] == "recording_missing"


@pytest.mark.req("H86")
async def test_a_supervisor_finds_plays_writes_to_and_deletes_recordings(world: World) -> None:
    """Real files and PostgreSQL behind the real web process, the worker's jobs in between."""
    mine = world.mine
    for name, age in (("red", 1), ("old", 50)):
        await world.contact(mine, name, "1001", minutes_ago=age)
    await keep(world)
    who, id = await world.headers("1100"), mine.ids["recording red"]
    path = f"/recordings/{id}"
    note: dict[str, Any] = {"title": "投诉 42", "note": "客户要求退款", "tags": ["complaint", "refund", "complaint"]}
    note["marks"] = [{"at_ms": 500, "text": "here"}]
    assert (await world.ask("PUT", f"{path}/note", who, json=note)).status_code == 428
    given = await world.ask("PUT", f"{path}/note", who, json=note, headers={"If-Match": '"1"'})
    assert (given.status_code, given.headers["etag"], given.json()["tags"]) == (200, '"2"', ["complaint", "refund"])
    assert (await world.ask("PUT", f"{path}/note", who, json=note, headers={"If-Match": '"1"'})).status_code == 409
    assert (await world.ask("PUT", f"{path}/note", await world.headers("1001"), json=note, headers={"If-Match": '"2"'})).status_code == 403
    assert (await world.ask("GET", f"{path}/note", who)).json()["title"] == "投诉 42"
    assert (await world.ask("GET", "/recording_tags", who)).json()["items"] == ["complaint", "refund"]

    async def found(query: str) -> list[str]:
        names = {one: name for name, one in mine.contacts.items()}
        answer = await world.ask("GET", f"/contacts?{query}", who)
        assert answer.status_code == 200, answer.text
        return [names[item["id"]] for item in answer.json()["items"]]

    assert await found("tag=refund") == ["red"]
    assert await found("tag=nothing") == []
    because = {"X-Reason": quote("按客户要求")}
    held = await world.ask("PUT", f"{path}/hold", who, json={"on": True}, headers={"If-Match": '"2"', **because})
    assert (held.status_code, held.json()["held"]) == (200, True)
    assert (await world.ask("DELETE", path, who, headers=because)).json()["code"] == "recording_held"
    await world.ask("PUT", f"{path}/hold", who, json={"on": False}, headers={"If-Match": '"3"', **because})
    assert (await world.ask("DELETE", path, who)).json()["code"] == "reason_missing"
    assert (await world.ask("DELETE", path, who, headers=because)).status_code == 204
    gone = await world.ask("GET", path, who)
    assert (gone.status_code, gone.json()["code"]) == (410, "recording_deleted")
    (one,) = (await world.ask("GET", f"/contacts/{mine.contacts['red']}", who)).json()["recordings"]
    assert (one["state"], one["delete_reason"]) == ("deleted", "按客户要求")
    assert await found("recorded=true") == ["old"]
    assert (await world.ask("POST", f"{path}/restore", who)).status_code == 204
    assert (await world.ask("GET", path, who)).status_code == 200
    await world.ask("DELETE", path, who, headers=because)
    await sql(world, "update recording_files set purge_at = now() where id = :id", id=id)
    await keep(world)
    assert (await world.ask("POST", f"{path}/restore", who)).json()["code"] == "recording_purged"
    assert [one.name.partition(".")[0] for one in (world.settings.home / "recordings").rglob("*.*") if one.is_file()] == [
        mine.ids["recording old"]
    ]
    assert await found("tag=refund") == []
    assert not await sql(world, "select from changes where object_id = :id", id=id)
    said = [row.action for row in await sql(world, "select action from audit where object_id = :id order by number", id=id)]
    assert [one for one in said if one not in ("recording.heard", "recording.note_read")] == [
        "recording.altered", "recording.altered", "recording.altered", "recording.deleted", "recording.restored", "recording.deleted",
        "recording.purged",
    ]  # fmt: skip


@pytest.mark.req("O42", "O44")
@pytest.mark.case("Q2")
async def test_a_downloaded_recording_says_who_took_it(world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Also when its words were removed, it was cut, mixed into one track and made MP3."""
    mine = world.mine
    await world.contact(mine, "red", "1001")
    id, sound = mine.ids["recording red"], speech(20.0)
    soundfile.write(world.settings.home / "recordings" / f"{id}.wav", sound, 8000, subtype="PCM_16")
    await keep(world)
    path = f"/recordings/{id}/download"
    assert (await world.ask("GET", path, await world.headers("1001"))).status_code == 403
    assert (await world.ask("GET", path, await world.headers("1200"))).status_code == 404
    other = await world.ask("GET", path, await world.headers("admin"))
    wav, opus = [await world.ask("GET", f"{path}?format={form}", await world.headers("1100")) for form in ("wav", "opus")]
    heard, rate = soundfile.read(io.BytesIO(wav.content), dtype="int16")
    assert (rate, heard.shape) == (8000, sound.shape)
    noise = float(((heard.astype(float) - sound) ** 2).sum() / (sound.astype(float) ** 2).sum())
    assert noise < 10 ** (-2.5)
    tickets = {row.id: row.form for row in await sql(world, "select id, form from recording_downloads order by at, id")}
    assert list(tickets.values()) == ["wav", "wav", "opus"]
    noted = await sql(world, "select details from audit where action = 'recording.downloaded' order by number")
    assert [row.details["ticket"] for row in noted] == list(tickets)
    of = dict(zip(("admin", "wav", "opus"), tickets, strict=True))
    mixed = (heard[4321:-1234].astype(int).sum(axis=1) // 3).astype(np.int16)
    (tmp_path / "as-given.wav").write_bytes(wav.content)
    (tmp_path / "as-given.ogg").write_bytes(opus.content)
    soundfile.write(tmp_path / "mixed.wav", mixed, 8000)
    soundfile.write(tmp_path / "mixed.mp3", mixed, 8000, format="MP3")
    (tmp_path / "other.wav").write_bytes(other.content)
    soundfile.write(tmp_path / "untouched.wav", sound, 8000)
    certain: dict[str, str] = {}
    given = {"as-given.wav": "wav", "as-given.ogg": "opus", "mixed.wav": "wav", "mixed.mp3": "wav", "other.wav": "admin"}
    for name, ticket in given.items():
        assert await recordings_tool.run(world.settings, "recordings", "who", file=str(tmp_path / name)) == 0, name
        said = capsys.readouterr().out
        user = "admin" if ticket == "admin" else "1100"
        assert f"the sound says: ticket {of[ticket]}: {user} took recording {id}" in said, (name, said)
        assert (f"the file says: ticket {of[ticket]}: {user} took" in said) == (not name.startswith("mixed")), (name, said)
        certain[name] = said.rpartition("certainty ")[2].partition(",")[0]
    assert await recordings_tool.run(world.settings, "recordings", "who", file=str(tmp_path / "untouched.wav")) == 1
    figure("Q2", f"a mark {-10 * np.log10(noise):.0f} dB under 20 s of speech is found with certainties {certain}; without a mark nothing")


async def test_contacts_are_found_by_any_fact(world: World) -> None:
    mine = world.mine
    for name, agent, age in (("short", "1001", 3), ("long", "1002", 2), ("lost", "", 1)):
        await world.contact(mine, name, agent, minutes_ago=age)
    await sql(world, "update contacts set talk_us = 300000000, survey_answer = 1, wrap_up_code_id = :code where id = :id",
              code=mine.ids["wrap_up_code"], id=mine.contacts["long"])  # fmt: skip
    names = {id: name for name, id in mine.contacts.items()}
    expected = {
        "talk_from=100": {"long"}, "talk_to=100&answered=true": {"short"}, "survey=1": {"long"}, "survey=2": set(),
        f"wrap_up={mine.ids['wrap_up_code']}": {"long"}, "recorded=true": {"short", "long"}, "recorded=false": {"lost"},
        f"survey=1&talk_from=299.5&queue={mine.ids['queue']}": {"long"},
    }  # fmt: skip
    for username, mayhap in (("admin", {"short", "long", "lost"}), ("1200", {"long", "lost"}), ("1001", {"short"})):
        who = await world.headers(username)
        for query, wanted in expected.items():
            items = (await world.ask("GET", f"/contacts?{query}", who)).json()["items"]
            assert {names[item["id"]] for item in items} == wanted & mayhap, (username, query)
        for wrong in ("survey=x", "talk_from=-1", "wrap_up=1", "tag=" + "x" * 41):
            assert (await world.ask("GET", f"/contacts?{wrong}", who)).status_code == 422
