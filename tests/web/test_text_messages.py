"""Text messages through a real message centre (smpp34), a real database and the web process: told plainly, never twice unasked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.kit.certificates import make_certificate
from tests.smsc import Smsc
from tests.web.centre import Centre
from tests.web.world import NAME, World

from yitong.contact import store
from yitong.contact.ledger import Personal
from yitong.domains.messaging.channels.smpp import SmppChannel, receipt_of
from yitong.domains.messaging.service.sending import Texts
from yitong.kit.clock import SECOND, SystemClock, moment
from yitong.kit.sealed_text import sealer_of
from yitong.kit.tasks import Tasks

LONG = "尊敬的客户，您的报修单已经受理，维修人员将在两小时内与您联系，请保持电话畅通。" * 4
NUMBER = "13900001111"
SECRET = "hush-8ch"


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    made = Smsc()
    await made.start()
    yield made
    await made.stop()


class Worker:
    """The job of one worker process."""

    def __init__(self, world: World, life: str, *, settled_us: int = 60 * SECOND, answer_seconds: float = 20.0) -> None:
        self.tasks = Tasks()
        clock = SystemClock()
        channel = SmppChannel(self.tasks, answer_seconds=answer_seconds)
        self.texts = Texts(
            world.database,
            clock,
            channel,
            sealer_of(world.settings.secrets_folder, clock),
            self.tasks,
            life,
            settled_us=settled_us,
            look_seconds=0.1,
        )
        self.tasks.keep(self.texts.run, "texts")

    async def die(self) -> None:
        await self.tasks.close(1.0)


@pytest.fixture
async def workers(world: World) -> AsyncIterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def begin(life: str = "one", **more: Any) -> Worker:
        made.append(Worker(world, life, **more))
        return made[-1]

    yield begin
    for one in made:
        await one.die()


async def line(world: World, smsc: Smsc, **more: Any) -> dict[str, Any]:
    """A connection to the centre, as an administrator sets it up."""
    given = {"code": "main", "name": NAME, "host": "127.0.0.1", "port": smsc.port, "system_id": "yitong", "password": SECRET,
             "source": "10690", "per_second": 100} | more  # fmt: skip
    answer = await world.ask("POST", "/config/text_lines", await world.headers("admin"), json=given)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def ordered(world: World, body: str, recipient: str = NUMBER, *, minutes: float = 60) -> str:
    """What the projection holds of an order."""
    id, contact, now = world.seed.new_id(), world.seed.new_id(), world.seed.clock.now()
    personals = [
        Personal(id=world.seed.new_id(), tenant=world.mine.id, kind=kind, value=value, at=now, contact=contact)
        for kind, value in (("address", recipient), ("text", body))
    ]
    async with world.database.transaction() as connection:
        await store.keep_personals(connection, personals)
        await connection.execute(
            text(
                "insert into text_requests (tenant_id, id, site_id, contact_id, recipient_id, body_id, source, asked_at, expires_at)"
                " values (:tenant, :id, :site, :contact, :recipient, :body, 'flow', :at, :until)"
            ),
            {"tenant": world.mine.id, "id": id, "site": world.mine.site, "contact": contact, "recipient": personals[0].id,
             "body": personals[1].id, "at": moment(now), "until": moment(now + round(minutes * 60 * SECOND))},
        )  # fmt: skip
    return id


async def shown(world: World, id: str) -> dict[str, Any]:
    answer = await world.ask("GET", "/texts", await world.headers("1100"), params={"limit": 200})
    assert answer.status_code == 200, answer.text
    return next((one for one in answer.json()["items"] if one["id"] == id), {})


async def becomes(world: World, id: str, state: str, seconds: float = 60) -> dict[str, Any]:
    found = ""
    async with asyncio.timeout(seconds):
        while found != state:
            await asyncio.sleep(0.05)
            async with world.database.transaction() as connection:
                found = str(await connection.scalar(text("select state from texts where id = :id"), {"id": id}))
    return await shown(world, id)


async def now_due(world: World) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(text("update texts set next_at = now() - interval '1 second' where state = 'waiting'"))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_text_goes_out_in_segments_and_its_receipts_come_back(
    world: World, smsc: Smsc, workers: Callable[..., Worker], capsys: pytest.CaptureFixture[str]
) -> None:
    made = await line(world, smsc)
    assert "password" not in made
    worker = workers()
    long, short = await ordered(world, LONG), await ordered(world, "Hello 7", "+8613800002222")
    taken = await becomes(world, long, "accepted")
    await becomes(world, short, "accepted")
    assert sorted(smsc.whole()) == sorted([LONG, "Hello 7"])
    assert {one.source for one in smsc.taken} == {"10690"}
    assert {one.recipient for one in smsc.taken} == {NUMBER, "8613800002222"}
    assert {one.registered for one in smsc.taken} == {1}
    segments = [one for one in smsc.taken if one.segmented]
    assert (taken["parts"], len(segments), taken["recipient"], taken["body"]) == (3, 3, NUMBER, LONG)

    assert await smsc.receipt("nobody-knows", "DELIVRD") == 0
    for one in segments:
        assert await smsc.receipt(one.id, "DELIVRD", error="00A", date="261122201059") == 0
    await becomes(world, long, "delivered")
    (only,) = [one for one in smsc.taken if not one.segmented]
    await smsc.receipt(only.id, "UNDELIV")
    assert (await becomes(world, short, "failed"))["reason"] == "undelivered"

    who = await world.headers("1100")
    standing = (await world.ask("GET", "/texts/standing", who)).json()
    assert [(one["code"], one["state"]) for one in standing["lines"] if one["enabled"]] == [("main", "bound")]
    found = (await world.ask("GET", "/texts", who, params={"q": "Hello", "state": "failed"})).json()["items"]
    assert [one["id"] for one in found] == [short]
    await until(lambda: worker.texts.figures.get("text_lines_bound") == 1)
    log = capsys.readouterr().out
    assert not any(secret in log for secret in (NUMBER, SECRET, "Hello 7", "13800002222"))


@asynccontextmanager
async def tls_before(smsc: Smsc, folder: Path) -> AsyncIterator[tuple[int, str]]:
    """A door with TLS to the centre: its port, its certificate as PEM."""
    files = folder / "cert.pem", folder / "key.pem"
    make_certificate(*files)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", smsc.port)

        async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(4096):
                sink.write(data)
            sink.close()

        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(through, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], files[0].read_text()


@pytest.mark.parametrize("given", ["another's", ""])
async def test_a_centre_behind_tls_is_bound_when_its_certificate_is_the_one_that_was_given(
    world: World, smsc: Smsc, workers: Callable[..., Worker], tmp_path: Path, given: str
) -> None:
    """Not with another's, nor with whoever signs for web pages; nothing goes out meanwhile, and what waits goes when it is right."""
    make_certificate(tmp_path / "other.pem", tmp_path / "other-key.pem")
    wrong, headers = (tmp_path / "other.pem").read_text() if given else "", await world.headers("admin")
    async with tls_before(smsc, tmp_path) as (port, certificate):
        made = await line(world, smsc, port=port, tls=True, tls_ca=wrong)
        workers()
        id = await ordered(world, "Hello 7")
        stands = ""
        async with asyncio.timeout(60):
            while "tls_refused" not in stands:
                await asyncio.sleep(0.05)
                stands = (await world.ask("GET", "/texts/standing", headers)).text
        assert (smsc.binds, smsc.taken) == (0, [])
        changed = {name: value for name, value in made.items() if name not in ("id", "version")} | {"tls_ca": certificate}
        match = {"If-Match": f'"{made["version"]}"'}
        assert (await world.ask("PUT", f"/config/text_lines/{made['id']}", headers | match, json=changed)).status_code == 200
        await becomes(world, id, "accepted")
        assert (smsc.whole(), smsc.binds) == (["Hello 7"], 1)
        assert await smsc.receipt(smsc.taken[0].id, "DELIVRD") == 0
        await becomes(world, id, "delivered")


async def test_it_is_tried_again_when_refused_for_now_and_fails_when_refused_for_good(
    world: World, smsc: Smsc, workers: Callable[..., Worker]
) -> None:
    await line(world, smsc)
    smsc.answers = [0x08]  # ESME_RSYSERR
    id = await ordered(world, "一")
    workers()
    await until(lambda: not smsc.answers)
    async with asyncio.timeout(60):
        while (await shown(world, id)).get("reason") != "ESME_RSYSERR":
            await asyncio.sleep(0.05)
    await now_due(world)
    found = await becomes(world, id, "accepted")
    assert (found["tries"], len(smsc.taken)) == (2, 1)
    smsc.answers = [0x0B]  # ESME_RINVDSTADR
    refused = await ordered(world, "二")
    assert (await becomes(world, refused, "failed"))["reason"] == "ESME_RINVDSTADR"
    assert len(smsc.taken) == 1


async def test_what_was_handed_over_and_not_answered_is_uncertain_and_only_a_person_sends_it_again(
    world: World, smsc: Smsc, workers: Callable[..., Worker]
) -> None:
    await line(world, smsc)
    smsc.silent = True
    id = await ordered(world, "一")
    dying = workers("dying")
    await until(lambda: len(smsc.taken) == 1)
    for task in list(dying.tasks._running):
        task.cancel()  # as a kill does: nothing is written any more
    await dying.die()
    smsc.silent = False
    async with world.database.transaction() as connection:
        await connection.execute(text("update text_line_states set until = now()"))
        await connection.execute(text("update texts set submitted_at = now() - interval '1 hour' where state = 'submitting'"))
    after = await ordered(world, "二")
    workers("next")
    await becomes(world, after, "accepted")
    assert (await shown(world, id))["state"] == "uncertain"
    assert [one.text for one in smsc.taken] == ["一", "二"]

    who = await world.headers("1100")
    assert (await world.ask("POST", f"/texts/{after}/resend", who)).status_code == 409
    assert (await world.ask("POST", f"/texts/{id}/resend", await world.headers("1001"))).status_code == 403
    key = {"Idempotency-Key": world.seed.new_id()}
    answers = [await world.ask("POST", f"/texts/{id}/resend", who, headers=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [204, 204]
    assert (await becomes(world, id, "accepted"))["resent_by"]
    assert [one.text for one in smsc.taken] == ["一", "二", "一"]
    async with world.database.transaction() as connection:
        entries = await connection.scalar(text("select count(*) from audit where action = 'text.resent'"))
    assert entries == 1


async def test_one_worker_has_the_connection_and_another_takes_it_over(world: World, smsc: Smsc, workers: Callable[..., Worker]) -> None:
    await line(world, smsc)
    first = workers("first")
    await until(lambda: smsc.bound)
    workers("second")
    ids = [await ordered(world, f"第{number}条") for number in range(6)]
    await until(lambda: len(smsc.taken) == len(ids))
    assert smsc.binds == 1
    await first.die()
    last = await ordered(world, "最后")
    await becomes(world, last, "accepted")
    assert sorted(smsc.whole()) == sorted([*(f"第{number}条" for number in range(6)), "最后"])


async def test_without_a_centre_it_waits_expires_and_says_why(world: World, smsc: Smsc, workers: Callable[..., Worker]) -> None:
    port = smsc.port
    await smsc.stop()
    await line(world, smsc)
    worker = workers()
    waits, late = await ordered(world, "一"), await ordered(world, "二", minutes=0)
    assert (await becomes(world, late, "expired"))["again"]
    who = await world.headers("1100")

    async def reason() -> str:
        lines = (await world.ask("GET", "/texts/standing", who)).json()["lines"]
        return next(str(one["reason"]) for one in lines if one["code"] == "main")

    async with asyncio.timeout(60):
        while not (await reason()).startswith("unreachable"):
            await asyncio.sleep(0.05)
    await until(lambda: worker.texts.figures.get("text_lines_unbound") == 1)
    assert (await shown(world, waits))["state"] == "waiting"
    assert (await world.ask("POST", f"/texts/{waits}/cancel", who)).status_code == 204
    assert (await shown(world, waits))["state"] == "cancelled"
    assert (await world.ask("POST", f"/texts/{waits}/cancel", who)).status_code == 409
    smsc.port = port
    await smsc.start()


async def test_numbers_and_texts_go_with_their_time(world: World, smsc: Smsc, workers: Callable[..., Worker]) -> None:
    await line(world, smsc)
    worker = workers()
    id = await ordered(world, "一")
    await becomes(world, id, "accepted")
    async with world.database.transaction() as connection:
        old = text("update texts set created_at = now() - interval '91 days'")
        await connection.execute(old)
        await connection.execute(text("update text_requests set asked_at = now() - interval '91 days'"))
    worker.tasks.keep(worker.texts.tidy, "tidy")
    async with asyncio.timeout(60):
        while await shown(world, id):
            await asyncio.sleep(0.05)
    async with world.database.transaction() as connection:
        left = await connection.scalar(text("select count(*) from personals where value in ('一', :number)"), {"number": NUMBER})
    assert left == 0


async def test_an_agent_texts_the_customer_of_his_talk(world: World, centre: Centre, smsc: Smsc, workers: Callable[..., Worker]) -> None:
    await line(world, smsc)
    await world.configured()
    await centre.start_worker()
    _, assignment = await centre.talking("1001", "mine")
    workers()
    agent, path = await world.headers("1001"), f"/me/assignments/{assignment}/text"
    assert [one["code"] for one in (await world.ask("GET", "/text_templates", agent)).json()["items"]] == ["received"]
    looked = await world.ask("POST", f"{path}/preview", agent, json={"template": "received"})
    assert (looked.status_code, looked.json()["text"]) == (200, "")
    key = {"Idempotency-Key": world.seed.new_id()}
    answers = [await world.ask("POST", path, agent, json={"template": "received"}, headers=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert len({one.json()["text"] for one in answers}) == 1
    found = await becomes(world, answers[0].json()["text"], "accepted")
    assert (found["source"], found["body"], len(smsc.taken)) == ("desk", looked.json()["body"], 1)
    assert smsc.taken[0].text == looked.json()["body"]
    other = await world.ask("POST", path, await world.headers("1002"), json={"template": "received"})
    assert other.status_code == 404


def test_receipts_as_centres_differ() -> None:
    def deliver(said: bytes, esm_class: int = 4, options: bytes = b"") -> bytes:
        return b"\0\x01\x011380\0\0\x011069\0" + bytes([esm_class, 0, 0]) + b"\0\0" + bytes([0, 0, 0, 0, len(said)]) + said + options

    told = receipt_of(deliver(b"id:7F stat:delivrd err:XYZ text:caf\xe9"))
    assert told is not None
    assert (told.id, told.state, told.error) == ("7F", "DELIVRD", "XYZ")
    by_options = receipt_of(deliver(b"", options=b"\x00\x1e\x00\x0342\0" + b"\x04\x27\x00\x01\x05"))
    assert by_options is not None
    assert (by_options.id, by_options.state) == ("42", "UNDELIV")
    assert receipt_of(deliver(b"hello", esm_class=0)) is None
    assert receipt_of(b"\0\x01") is None
