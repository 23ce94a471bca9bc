"""Faxes at the desk: given to people and queues, found, put away and taken back, sent to one number and to many."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

from PIL import Image
from tests.web.centre import Centre
from tests.web.world import World

from yitong.ct.model import DeviceKind, FaxOutcome
from yitong.ct.services import ReceiveFax, SendFax
from yitong.domains.fax.service.sending import FaxFiles
from yitong.domains.fax.store.files import FaxesFolder
from yitong.kit.clock import SystemClock
from yitong.sim.switch import BUSY, Behaviour, SimDevice

LIST = "02155500001,一号店\n02155500002\tTwo\n\n无号码\n12\n02155500001\n110\n0044207946000\n（021）5550-0003，三号店\n"


async def upload(world: World, who: dict[str, str], text: str = "通知\n停气检修") -> str:
    made = await world.ask("POST", "/fax_uploads", who, data={"name": "通知", "text": text})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def test_a_fax_is_given_to_an_agent_or_a_queue(world: World) -> None:
    await world.contact(world.mine, "one", "1001")
    fax = await world.fax(world.mine, "one")
    supervisor, agent, other = await world.headers("1100"), await world.headers("1001"), await world.headers("1002")
    assert (await world.ask("GET", "/faxes", agent)).json()["items"] == []
    assert (await world.ask("GET", f"/faxes/{fax}/document", agent)).status_code == 404
    path = f"/faxes/{fax}/assignment"
    assert (await world.ask("PUT", path, agent, json={"agent": world.mine.people["1001"].agent})).status_code == 403
    assert (await world.ask("PUT", path, supervisor, json={"agent": world.other.people["1001"].agent})).status_code == 404
    assert (await world.ask("PUT", path, supervisor, json={"agent": world.mine.people["1001"].agent})).status_code == 204
    (mine,) = (await world.ask("GET", "/faxes?mine=true&new=true", agent)).json()["items"]
    assert (mine["id"], mine["seen"], mine["agent"]["id"]) == (fax, False, world.mine.people["1001"].agent)
    assert (await world.ask("GET", f"/faxes/{fax}/document", agent)).status_code == 200
    assert (await world.ask("PUT", f"/faxes/{fax}/seen", agent, json={"seen": True})).status_code == 204
    assert (await world.ask("GET", "/faxes?new=true", supervisor)).json()["items"] == []
    assert (await world.ask("GET", "/faxes", other)).json()["items"] == []
    assert (await world.ask("PUT", path, supervisor, json={"queue": world.mine.ids["queue"]})).status_code == 204
    (shown,) = (await world.ask("GET", "/faxes", other)).json()["items"]
    assert (shown["agent"], shown["queue"]["id"]) == (None, world.mine.ids["queue"])


async def test_the_pages_are_pictures(world: World) -> None:
    await world.contact(world.mine, "one", "1001")
    fax, who = await world.fax(world.mine, "one"), await world.headers("1100")
    answer = await world.ask("GET", f"/faxes/{fax}/page?width=600", who)
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.format, picture.width) == ("PNG", 600)
        assert 1.35 < picture.height / picture.width < 1.45  # A4: the points of a fax are not square, those of the picture are
    assert (await world.ask("GET", f"/faxes/{fax}/page?number=2", who)).status_code == 404


async def test_faxes_are_found_put_away_and_taken_back(world: World) -> None:
    await world.contact(world.mine, "one", "1001")
    fax, who = await world.fax(world.mine, "one"), await world.headers("1100")
    for words, count in (("5555", 1), ("7777777", 0), ("%", 0), ("0215555", 1)):
        assert len((await world.ask("GET", "/faxes", who, params={"q": words})).json()["items"]) == count, words
    assert (await world.ask("DELETE", f"/faxes/{fax}", who)).status_code == 204
    assert (await world.ask("GET", "/faxes", who)).json()["items"] == []
    (gone,) = (await world.ask("GET", "/faxes?deleted=true", who)).json()["items"]
    assert gone["deleted_at"]
    assert (await world.ask("POST", f"/faxes/{fax}/restore", who)).status_code == 204
    assert len((await world.ask("GET", "/faxes", who)).json()["items"]) == 1


async def test_the_pages_of_old_faxes_go(world: World) -> None:
    await world.contact(world.mine, "one", "1001")
    old = await world.fax(world.mine, "one", minutes_ago=60 * 24 * 40)
    young, who = await world.fax(world.mine, "one"), await world.headers("1100")
    folder = FaxesFolder(world.settings.home / "faxes")
    assert await FaxFiles(world.database, SystemClock(), folder, 0).once() == 0
    assert await FaxFiles(world.database, SystemClock(), folder, 30).once() == 1
    shown = {one["id"]: one for one in (await world.ask("GET", "/faxes", who)).json()["items"]}
    assert (shown[old]["all_pages"], shown[old]["document"], shown[young]["all_pages"]) == (0, "", 1)
    assert (await world.ask("GET", f"/faxes/{old}/document", who)).status_code == 404
    assert (await world.ask("GET", f"/faxes/{young}/document", who)).status_code == 200
    assert await FaxFiles(world.database, SystemClock(), folder, 30).once() == 0


async def test_a_list_is_looked_at_and_nothing_of_it_is_lost(world: World) -> None:
    who = await world.headers("1100")
    looked = (await world.ask("POST", "/fax_numbers", who, json={"numbers": LIST})).json()
    assert (looked["good"], looked["bad"]) == (3, 5)
    assert [(one["line"], one["number"], one["name"]) for one in looked["lines"] if not one["fault"]] == [
        (1, "02155500001", "一号店"), (2, "02155500002", "Two"), (9, "02155500003", "三号店"),
    ]  # fmt: skip
    faults = [(one["line"], one["fault"]) for one in looked["lines"] if one["fault"]]
    assert faults == [(4, "no_number"), (5, "bad_number"), (6, "doubled"), (7, "emergency"), (8, "not_allowed")]
    agent = await world.headers("1001")
    assert (await world.ask("POST", "/fax_numbers", agent, json={"numbers": "02155500001"})).json()["bad"] == 1


async def test_who_may_send_what(world: World) -> None:
    agent, supervisor, nobody = await world.headers("1001"), await world.headers("1100"), await world.headers("nobody")
    pages = await upload(world, supervisor)
    assert (await world.ask("GET", f"/fax_uploads/{pages}/page", supervisor)).headers["content-type"] == "image/png"
    assert (await world.ask("GET", f"/fax_uploads/{pages}/page", agent)).status_code == 404
    asked = {"upload": pages, "numbers": "02155500001"}
    assert (await world.ask("POST", "/fax_sendings", nobody, json=asked)).status_code == 403
    refused = await world.ask("POST", "/fax_sendings", agent, json=asked)
    assert refused.status_code == 404  # another's upload
    refused = await world.ask("POST", "/fax_sendings", agent, json={"document": "tariff", "numbers": "02155500001"})
    assert (refused.status_code, refused.json()["code"]) == (403, "number_not_allowed")
    refused = await world.ask("POST", "/fax_sendings", supervisor, json=asked | {"numbers": "x\ny"})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_number")
    made = await world.ask("POST", "/fax_sendings", supervisor, json=asked | {"numbers": LIST, "lines": 2})
    assert made.status_code == 201, made.text
    assert made.json()["counts"] | {"waiting": 3, "refused": 5, "total": 8} == made.json()["counts"]
    assert (await world.ask("GET", f"/fax_sendings/{made.json()['id']}", agent)).status_code == 404


async def eventually(world: World, who: dict[str, str], sending: str, **counts: int) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            shown = (await world.ask("GET", f"/fax_sendings/{sending}", who)).json()
            if shown["counts"] | counts == shown["counts"]:
                return dict(shown)
            await asyncio.sleep(0.1)


def line_out(centre: Centre, usual: Behaviour) -> SimDevice:
    switch = centre.switch()
    switch.audio.fax_seconds = 0.3
    return switch.register(centre.world.mine.id, "operator", kind=DeviceKind.TRUNK, usual=usual)


def rung(line: SimDevice) -> list[str]:
    return sorted(invitation.called for _, invitation in line.rung)


async def test_a_broadcast_pauses_goes_on_and_is_reported(world: World, centre: Centre) -> None:
    line = line_out(centre, Behaviour(answer_after=0.2))
    line.will(Behaviour(answer_after=0.2), BUSY)
    who = await world.headers("1100")
    asked = {"upload": await upload(world, who), "numbers": LIST, "station": "02196900", "tries": 1}
    made = (await world.ask("POST", "/fax_sendings", who, json=asked)).json()
    path = f"/fax_sendings/{made['id']}"
    assert (await world.ask("POST", f"{path}/state", who, json={"state": "paused"})).status_code == 204
    await centre.start_worker()
    await asyncio.sleep(2.5)
    assert (rung(line), (await world.ask("GET", path, who)).json()["counts"]["waiting"]) == ([], 3)
    assert (await world.ask("POST", f"{path}/state", who, json={"state": "running"})).status_code == 204
    shown = await eventually(world, who, made["id"], waiting=0, dialling=0)
    assert (shown["state"], shown["counts"]["sent"], shown["counts"]["failed"]) == ("done", 2, 1)
    assert rung(line) == ["02155500001", "02155500002", "02155500003"]
    assert (await world.ask("POST", f"{path}/state", who, json={"state": "cancelled"})).status_code == 409
    report = await world.ask("GET", f"{path}/report", who)
    rows = list(csv.reader(io.StringIO(report.content.decode("utf-8-sig"))))
    assert [row[3] for row in rows[1:]] == ["delivered", "failed", *["not called"] * 5, "delivered"]
    (failed,) = (await world.ask("GET", f"{path}/recipients?state=failed", who)).json()["items"]
    assert (failed["number"], failed["reason"]) == ("02155500002", "busy")
    assert (await world.ask("POST", f"/faxes/{failed['fax']}/retry", who)).status_code == 204
    await eventually(world, who, made["id"], sent=3)
    assert rung(line).count("02155500002") == 2
    faxes = (await world.ask("GET", "/faxes?sent=true", who, params={"q": "一号店"})).json()["items"]
    assert [(one["number"], one["outcome"], one["all_pages"]) for one in faxes] == [("02155500001", "ok", 1)]


async def kept_by_core(world: World) -> None:
    """Core has written down up to where it has heard the switch, as it does every ten seconds."""
    bucket = await world.nats.bucket("core")
    async with asyncio.timeout(60):
        while await bucket.get(f"{world.mine.id}.{world.mine.site}") is None:
            await asyncio.sleep(0.05)


async def test_whoever_dies_no_number_is_lost_and_none_gets_the_fax_twice(world: World, centre: Centre) -> None:
    line = line_out(centre, Behaviour(answer_after=0.1))
    went: list[str] = []

    def fax(order: SendFax | ReceiveFax) -> FaxOutcome:
        went.append(order.connection)
        return FaxOutcome(reason="ok", pages=1, rate=14_400)

    centre.switch().audio.fax_outcome = fax
    await centre.start_worker()
    who = await world.headers("1100")
    numbers = [f"0215550{number:04d}" for number in range(40)]
    asked = {"upload": await upload(world, who), "numbers": "\n".join(numbers), "lines": 4, "spacing_seconds": 1}
    made = (await world.ask("POST", "/fax_sendings", who, json=asked)).json()
    await eventually(world, who, made["id"], dialling=4)
    await centre.stop("worker")
    await centre.start_worker()
    await eventually(world, who, made["id"], dialling=4)
    await kept_by_core(world)
    await centre.stop("core")
    await asyncio.sleep(0.5)
    await centre.start_core()
    await eventually(world, who, made["id"], sent=40)
    called = {connection: invitation.called for connection, invitation in line.rung}
    assert sorted(called[connection] for connection in went) == numbers
