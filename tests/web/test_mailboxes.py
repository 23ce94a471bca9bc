"""Mailboxes by HTTP: who may open which, the list, the sound, mails, the PIN that cannot be read back, the audit log."""

from __future__ import annotations

import io
import wave

from sqlalchemy import text
from tests.web.world import NAME, World, write_wav

from yitong.kit import pins


async def sounding(world: World, message: str) -> None:
    write_wav(world.settings.home / "recordings" / "messages" / world.mine.id / f"{message}.wav", 0.5, 1)


async def test_the_list_of_messages(world: World) -> None:
    contact = await world.contact(world.mine, "one", "1001", told=False)
    first = world.mine.ids["voice_message"]
    old = await world.seed.message(world.mine, contact=contact, status="heard")
    older = await world.seed.message(world.mine, status="heard", minutes_ago=9)
    gone = await world.seed.message(world.mine, status="deleted")
    await world.seed.message(world.mine, status="removed")
    owner = await world.headers("1001")
    (box,) = (await world.ask("GET", "/mailboxes", owner)).json()["items"]
    assert (box["code"], box["number"], box["new"], box["total"], box["queue"]) == ("service", "8001", 1, 3, None)

    page = (await world.ask("GET", "/voice_messages?limit=2", owner)).json()
    assert [one["id"] for one in page["items"]] == [first, old]  # the new one first
    rest = (await world.ask("GET", f"/voice_messages?limit=2&cursor={page['next']}", owner)).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([older], None)
    shown = page["items"][1]
    assert (shown["status"], shown["milliseconds"], shown["called"], shown["mail"]) == ("heard", 1000, "96900", None)
    assert shown["customer"]["name"] == "王小明"
    assert shown["calling"].startswith("+86139")

    async def found(query: str) -> list[str]:
        return [one["id"] for one in (await world.ask("GET", f"/voice_messages?{query}", owner)).json()["items"]]

    assert await found("status=deleted") == [gone]
    assert await found("status=new") == [first]
    assert await found("q=小明") == [old]
    assert await found(f"q={shown['calling'][5:]}") == [old]
    assert await found(f"mailbox={world.seed.new_id()}") == []
    assert (await world.ask("GET", "/voice_messages?cursor=nonsense", owner)).json()["code"] == "cursor_invalid"


async def test_who_may_open_a_mailbox(world: World) -> None:
    message = world.mine.ids["voice_message"]
    await sounding(world, message)

    async def sees(username: str) -> tuple[int, int]:
        who = await world.headers(username)
        listed = await world.ask("GET", "/voice_messages", who)
        one = await world.ask("GET", f"/voice_messages/{message}/audio", who)
        return len(listed.json().get("items", [])), one.status_code

    assert await sees("1001") == (1, 200)  # owner
    assert await sees("1100") == (1, 200)  # supervisor
    assert await sees("1002") == (0, 404)  # neither
    assert await sees("nobody") == (0, 403)  # without the right
    admin = await world.headers("admin")
    box = (await world.ask("GET", f"/config/mailboxes/{world.mine.ids['mailbox']}", admin)).json()
    changed = {name: value for name, value in box.items() if name not in ("id", "version")} | {"queue": world.mine.ids["queue"]}
    version = {"If-Match": f'"{box["version"]}"'}
    assert (await world.ask("PUT", f"/config/mailboxes/{box['id']}", admin, json=changed, headers=version)).status_code == 200
    assert await sees("1002") == (1, 200)  # serves the queue
    async with world.database.transaction() as connection:
        await connection.execute(
            text("insert into queue_requirements (tenant_id, queue_id, skill_id, level) values (:tenant, :queue, :skill, 9)"),
            {"tenant": world.mine.id, "queue": world.mine.ids["queue"], "skill": world.mine.ids["skill"]},
        )
    assert await sees("1002") == (0, 404)  # not well enough


async def test_the_sound_of_a_message(world: World) -> None:
    message = world.mine.ids["voice_message"]
    owner = await world.headers("1001")
    assert (await world.ask("GET", f"/voice_messages/{message}/audio", owner)).status_code == 404  # no file
    await sounding(world, message)
    whole = await world.ask("GET", f"/voice_messages/{message}/audio", owner)
    assert whole.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(whole.content)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (1, 8000, 4000)
    part = await world.ask("GET", f"/voice_messages/{message}/audio", owner, headers={"Range": "bytes=44-143"})
    assert (part.status_code, part.content) == (206, whole.content[44:144])
    peaks = (await world.ask("GET", f"/voice_messages/{message}/peaks?points=50", owner)).json()
    assert (len(peaks["left"]), peaks["right"]) == (50, [])
    assert max(peaks["left"]) > 0.1
    entries = (await world.ask("GET", "/config/audit", await world.headers("admin"))).json()["items"]
    assert [one["action"] for one in entries if one["object"] == message] == ["message.played", "message.played"]


async def test_a_mail_needs_an_address_and_a_server(world: World) -> None:
    message = world.mine.ids["voice_message"]
    answer = await world.ask("POST", f"/voice_messages/{message}/mail", await world.headers("1001"))
    assert (answer.status_code, answer.json()["code"]) == (409, "no_mail")


async def test_a_pin_cannot_be_read_back(world: World) -> None:
    admin = await world.headers("admin")
    given = {"code": "sales", "name": NAME, "site": world.mine.site, "number": "8002", "pin": "13579", "email": "sales@example.com"}
    made = await world.ask("POST", "/config/mailboxes", admin, json=given)
    assert made.status_code == 201, made.text
    path, value = f"/config/mailboxes/{made.json()['id']}", made.json()
    texts = [made.text, (await world.ask("GET", path, admin)).text, (await world.ask("GET", f"{path}/history", admin)).text]
    assert not any("13579" in one or '"pin"' in one for one in texts)

    async def kept() -> str:
        async with world.database.transaction() as connection:
            found = await connection.execute(text("select pin from mailboxes where id = :id"), {"id": value["id"]})
            return str(found.scalar_one())

    assert "13579" not in await kept()
    assert pins.fits("13579", await kept())
    changed = {name: cell for name, cell in value.items() if name not in ("id", "version")} | {"keep_days": 7}
    await world.ask("PUT", path, admin, json=changed, headers={"If-Match": '"1"'})
    assert pins.fits("13579", await kept())  # what is not sent stays
    await world.ask("PUT", path, admin, json=changed | {"pin": ""}, headers={"If-Match": '"2"'})
    assert await kept() == ""
    for wrong in ({"pin": "12"}, {"pin": "abcd"}, {"email": "a@b@c"}, {"email": "a\r\nBcc: x@example.com"}, {"longest_seconds": 1}):
        answer = await world.ask("POST", "/config/mailboxes", admin, json=given | {"code": "other", "number": ""} | wrong)
        assert answer.status_code == 422, wrong
    taken = await world.ask("POST", "/config/mailboxes", admin, json=given | {"code": "other"})
    assert (taken.status_code, taken.json()["code"]) == (409, "exists")
