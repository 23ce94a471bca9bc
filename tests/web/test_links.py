"""Links to recordings and messages: for minutes, one thing, one person, one browser; each use in the audit log."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from tests.figures import figure
from tests.web.test_mailboxes import sounding
from tests.web.test_recordings import keep
from tests.web.world import World

from yitong.kit import links
from yitong.kit.clock import SECOND, SystemClock


async def given(world: World, who: dict[str, str], id: str, **asked: str) -> str:
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
