"""Links to recordings and messages: for minutes, one thing, one person, one browser; each use in the audit log."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.figures import figure
from tests.web.test_mailboxes import sounding
from tests.web.test_recordings import keep
from tests.web.world import World

from yitong.app.jobs.recordings import RecordingsKeeper, vault_of
from yitong.domains.quality.store.vault import Vault
from yitong.kit import links
from yitong.kit.clock import SECOND, SystemClock
from yitong.kit.lending import Borrower, Lender
from yitong.media.wav import header


async def given(world: World, who: dict[str, str], id: str, **asked: Any) -> str:
    answer = await world.ask("POST", f"/recordings/{id}/links", who, json=asked)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).removeprefix("/api/v1")


async def code(world: World, url: str, **more: Any) -> tuple[int, str]:
    answer = await world.ask("GET", url, **more)
    return answer.status_code, "" if answer.status_code < 300 else str(answer.json()["code"])


async def audited(world: World, action: str) -> list[dict[str, Any]]:
    async with world.database.transaction() as connection:
        rows = await connection.execute(text("select details from audit where action = :action order by number"), {"action": action})
        return [row.details for row in rows]


@pytest.mark.case("Q2")
async def test_a_link_plays_one_recording_for_one_person_and_dies(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = world.mine
    for name in ("red", "other"):
        await world.contact(mine, name, "1001")
    await keep(world)
    who, id = await world.headers("1100"), mine.ids["recording red"]
    plain = (await world.ask("GET", f"/recordings/{id}", who)).content
    heard = len(await audited(world, "recording.heard"))
    url = await given(world, who, id)
    whole = await world.ask("GET", url)
    assert (whole.status_code, whole.content, whole.headers["accept-ranges"]) == (200, plain, "bytes")
    for asked, wanted in (("bytes=1000-1999", plain[1000:2000]), ("bytes=-10", plain[-10:]), ("bytes=31000-", plain[31000:])):
        part = await world.ask("GET", url, headers={"Range": asked})
        assert (part.status_code, part.content) == (206, wanted)
    beyond = await world.ask("GET", url, headers={"Range": f"bytes={len(plain)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(plain)}")
    (use,) = (await audited(world, "recording.heard"))[heard:]  # once a link and an address, however many parts
    assert use["source"] == "127.0.0.1"
    assert use["link"]

    refused = 0
    path, _, link = url.partition("?link=")
    for place in range(0, len(link), 7):
        changed = link[:place] + ("A" if link[place] != "A" else "B") + link[place + 1 :]
        assert await code(world, f"{path}?link={changed}") == (403, "link_invalid"), place
        refused += 1
    for odd in ("", "x", "é", link[:-4], link + "AAAA", "A" * 900):
        assert await code(world, f"{path}?link={odd}") == (403, "link_invalid")
    another = f"/recordings/{mine.ids['recording other']}/sound?link={link}"
    assert await code(world, another) == (403, "link_invalid")
    holder = world.client.cookies.get(links.COOKIE)
    world.client.cookies.clear()
    assert await code(world, url) == (403, "link_elsewhere")  # copied into another browser
    world.client.cookies.set(links.COOKIE, holder or "", path="/api/v1")
    assert (await code(world, url))[0] == 200

    later = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda self: later(self) + links.LIFE_US + SECOND)
    assert await code(world, url) == (410, "link_expired")
    monkeypatch.undo()
    assert (await code(world, url))[0] == 200
    assert (await world.ask("DELETE", "/sessions/current", who)).status_code == 204
    assert (await code(world, url))[0] == 401
    figure(
        "Q2",
        f"a link dies in 5 min and with the session; {refused} changed ones, one for another recording, one in another browser: refused",
    )


@pytest.mark.case("Q2")
async def test_a_link_to_take_away_works_once_and_is_worth_what_its_person_may(world: World) -> None:
    mine = world.mine
    await world.contact(mine, "red", "1001")
    await keep(world)
    who, id = await world.headers("1100"), mine.ids["recording red"]
    refused = await world.ask("POST", f"/recordings/{id}/links", await world.headers("1001"), json={"use": "download"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await world.ask("POST", f"/recordings/{id}/links", await world.headers("1200"), json={})).status_code == 404
    url = await given(world, who, id, use="download", form="opus")
    first, second = await asyncio.gather(world.ask("GET", url), world.ask("GET", url))
    taken = next(one for one in (first, second) if one.status_code == 200)
    assert sorted((first.status_code, second.status_code)) == [200, 410]
    assert (taken.content[:4], taken.headers["content-disposition"]) == (b"OggS", f'attachment; filename="{id}.ogg"')
    assert await code(world, url) == (410, "link_used")
    (noted,) = await audited(world, "recording.downloaded")
    assert (noted["source"], noted["form"]) == ("127.0.0.1", "opus")
    left = await given(world, who, id, use="download")
    played = await given(world, who, id)
    async with world.database.transaction() as connection:
        await connection.execute(
            text("delete from role_rights where right_code = 'recordings.download' and role_id = :role"),
            {"role": mine.ids["role supervisor"]},
        )
    assert await code(world, left) == (403, "forbidden")
    await world.ask("DELETE", f"/recordings/{id}", who, headers={"X-Reason": "asked"})
    assert await code(world, played) == (410, "recording_deleted")


async def test_a_link_to_a_message(world: World) -> None:
    message, owner = world.mine.ids["voice_message"], await world.headers("1001")
    await sounding(world, message)
    listed = (await world.ask("GET", "/voice_messages", owner)).json()["items"][0]
    answer = await world.ask("POST", listed["links"].removeprefix("/api/v1"), owner)
    assert answer.status_code == 201, answer.text
    url = answer.json()["url"].removeprefix("/api/v1")
    part = await world.ask("GET", url, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    assert await code(world, url.replace("/voice_messages/", "/recordings/")) == (403, "link_invalid")
    assert len(await audited(world, "message.played")) == 1
    assert (await world.ask("POST", f"/voice_messages/{message}/links", await world.headers("1002"))).status_code == 404


@pytest.mark.req("O43")
async def test_a_recording_is_followed_from_another_machine_while_it_is_made(world: World, tmp_path: Path) -> None:
    """From its beginning and from now on, by whoever may hear it; it ends with the recording, or when its person signs out. Afterwards
    it is played from there, and only the worker there does what is due with its file."""
    mine = world.mine
    await world.contact(mine, "red", "1001")
    id, contact = mine.ids["recording red"], mine.contacts["red"]
    file = f"{mine.id}/2026/11/22/{id}.wav"
    async with world.database.transaction() as connection:
        await connection.execute(text("delete from recording_files"))
        await connection.execute(text("update recordings set ended_at = null, file = :file where id = :id"), {"file": file, "id": id})
        await connection.execute(text("update contacts set ended_at = null where id = :id"), {"id": contact})
    who, sound = await world.headers("1100"), bytes(range(256)) * 1000
    # The call is at another machine: its folder is not ours, the keys are everybody's.
    there = Vault(tmp_path / "another machine", vault_of(world.settings, SystemClock()).keyring)
    await Lender(there, world.nats, world.web.tasks).start()
    there.path(file).parent.mkdir(parents=True)
    grown = there.grow(file, "pcm2", 16_000)
    assert grown is not None
    grown.append(sound[:160_000])

    (running,) = (await world.ask("GET", f"/contacts/{contact}", who)).json()["running"]
    assert (running["id"], running["agent_id"]) == (id, mine.people["1001"].agent)
    assert (await world.ask("POST", f"/recordings/{id}/links", await world.headers("1200"), json={"use": "follow"})).status_code == 404
    begin = await given(world, who, id, use="follow", begin=True)
    now = await given(world, who, id, use="follow")
    assert await code(world, now.replace("/live?", "/sound?")) == (403, "link_invalid")

    async def followed(url: str) -> bytes:
        return (await world.ask("GET", url)).content

    other = await world.headers("1100")
    left = await given(world, other, id, use="follow", begin=True)
    following = [asyncio.create_task(followed(url)) for url in (begin, now, left)]
    for _ in range(400):
        if len(await audited(world, "recording.heard")) == 3:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    assert (await world.ask("DELETE", "/sessions/current", other)).status_code == 204
    cut = await asyncio.wait_for(following[2], 30)
    assert cut[44:] == sound[:160_000]  # and no more: he signed out
    grown.append(sound[160_000:])
    grown.finish()
    grown.close()
    whole, last = await asyncio.wait_for(asyncio.gather(*following[:2]), 30)
    assert (whole[:4], whole[44:]) == (b"RIFF", sound)
    assert last[44:] == sound[96_000:]

    wav = header(len(sound)) + sound
    async with world.database.transaction() as connection:
        ended = (
            "update recordings set ended_at = now() - interval '2 days', bytes = :size, sha256 = :sha where id = :id"
        )
        await connection.execute(text(ended), {"id": id, "size": len(wav), "sha": hashlib.sha256(wav).hexdigest()})
    part = await world.ask("GET", await given(world, who, id), headers={"Range": "bytes=100000-100999"})
    assert (part.status_code, part.content) == (206, wav[100_000:101_000])
    here = RecordingsKeeper(
        world.database, SystemClock(), vault_of(world.settings, SystemClock(), Borrower(world.nats)), world.settings, "here"
    )
    await here.once()
    async with world.database.transaction() as connection:
        (row,) = await connection.execute(text("select sealed, fault, claimed_by from recording_files where id = :id"), {"id": id})
    assert tuple(row) == (False, "", "")
    assert not (world.settings.home / "recordings" / mine.id).exists()
    assert (await world.ask("GET", f"/recordings/{id}/peaks?points=10", who)).status_code == 200
    grown_by_itself = there.path(file).read_bytes()
    assert sound[:640] not in grown_by_itself
