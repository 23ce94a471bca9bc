"""Fax on demand and a fax mailbox in the whole product: fax machines dial a number, and every point arrives."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.switches.fax_machine import FaxMachine, page
from tests.system.stack import Api, Stack, eventually

from yitong.media.fax import FaxOrder
from yitong.sip.events import RequestReceived

pytestmark = [pytest.mark.fax, pytest.mark.phone, pytest.mark.timeout(300)]
NAME = {"zh-CN": "传真", "en": "Faxes"}
NUMBER = "96911"
TEXT = "煤气资费表\n\n每立方米 3.00 元。\n服务热线 96900"
DOCUMENT: dict[str, Any] = {
    "schema_version": 1, "name": NAME, "start": "menu", "fax": "mailbox",
    "steps": {
        "menu": {"kind": "menu", "prompts": ["menu"], "keys": ["1"], "first_seconds": 30,
                 "next": {"1": "tariff", "timeout": "end", "wrong": "end"}},
        "tariff": {"kind": "send_fax", "document": "tariff", "next": {"done": "thanks", "failed": "end"}},
        "mailbox": {"kind": "receive_fax", "next": {"done": "end", "failed": "end"}},
        "thanks": {"kind": "play", "prompts": ["thanks"], "next": {"done": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def faxes(stack: Stack) -> Api:
    """An administrator who has set up the number."""
    admin = stack.person("admin")
    site = admin("GET", "/me")["site"]["id"]
    admin("POST", "/config/fax_documents", expect=201, data={"code": "tariff", "name": "资费", "text": TEXT})
    flow = admin("POST", "/config/flows", expect=201, json={"code": "faxes", "name": NAME, "document": DOCUMENT})["id"]
    admin("POST", f"/config/flows/{flow}/publish")
    admin("POST", "/config/numbers", expect=201, json={"number": NUMBER, "name": NAME, "flow": flow, "site": site})
    return admin


async def until(condition: Callable[[], object], seconds: float = 90.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.05)


async def dialled(stack: Stack, machine: FaxMachine) -> None:
    """The call stands; the new number may not be known at once."""
    await machine.open()
    for _ in range(40):
        machine.call(NUMBER)
        await until(lambda: machine.dialog or machine.released, 10.0)
        if machine.dialog:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"{NUMBER} does not answer: {machine.responses[-3:]}")


def points(data: bytes) -> list[bytes]:
    """Every page of a TIFF."""
    with Image.open(io.BytesIO(data)) as picture:
        out = []
        for number in range(picture.n_frames):  # type: ignore[attr-defined]  # TIFF
            picture.seek(number)
            out.append(picture.convert("1").tobytes())
        return out


@pytest.mark.req("G11", "G51", "H16", "H31", "H33", "H37", "H98")
async def test_a_caller_chooses_a_document_and_his_machine_prints_it(stack: Stack, faxes: Api, tmp_path: Path) -> None:
    order = FaxOrder(sends=False, file=str(tmp_path / "came.tif"), station="0215550001")
    machine = FaxMachine("02155500011", ("127.0.0.1", stack.sip_port), order)
    machine.modem.started = False
    try:
        await dialled(stack, machine)
        await until(lambda: machine.rtp.target[1])
        await machine.rtp.press("1")
        machine.modem.started = True
        await until(lambda: machine.modem.result)
        await until(lambda: machine.released)
    finally:
        machine.close()
    assert machine.modem.result is not None
    assert (machine.modem.result.reason, machine.modem.result.station) == ("ok", NUMBER)
    (document,) = faxes("GET", "/config/fax_documents")["items"]
    assert points((tmp_path / "came.tif").read_bytes()) == points(faxes("GET", f"/config/fax_documents/{document['id']}/document"))
    sent = eventually(lambda: next((one for one in faxes("GET", "/faxes?sent=true")["items"] if one["ended_at"]), None))
    assert (sent["outcome"], sent["code"], sent["pages"], sent["station"]) == ("ok", "tariff", 1, "0215550001")


@pytest.mark.req("G2", "G14", "T3")
async def test_a_machine_that_calls_finds_the_mailbox_by_itself(stack: Stack, faxes: Api, tmp_path: Path) -> None:
    sent_page = page(tmp_path / "sent.tif", 7)
    order = FaxOrder(sends=True, file=str(tmp_path / "sent.tif"), station="0215550002")
    machine = FaxMachine("02155500022", ("127.0.0.1", stack.sip_port), order, loss=0.01)
    try:
        await dialled(stack, machine)
        await until(lambda: machine.modem.result)
        await until(lambda: machine.released)
    finally:
        machine.close()
    came = eventually(lambda: next((one for one in faxes("GET", "/faxes?sent=false")["items"] if one["ended_at"]), None))
    assert (came["outcome"], came["pages"], came["station"], came["t38"]) == ("ok", 1, "0215550002", True)
    assert points(faxes("GET", f"/faxes/{came['id']}/document")) == [sent_page.tobytes()]
    contact = faxes("GET", f"/contacts/{came['contact']}")
    assert [one["type"] for one in contact["events"] if one["type"].startswith("fax.")] == ["fax.asked", "fax.ended"]


class Office(FaxMachine):
    """A fax machine at the far end of a line: it takes every call, wants T.38, and prints one page."""

    def __init__(self, user: str, server: tuple[str, int], file: Path) -> None:
        super().__init__(user, server, FaxOrder(sends=False, file=str(file), station=user))
        self.taken = 0

    @property
    def port(self) -> int:
        return int(self.endpoint.core.settings.ports["udp"])

    def _rung(self, event: RequestReceived, now: float) -> None:
        super()._rung(event, now)
        if self.ringing is not None:
            self.taken += 1
            self.pick_up()


def line_to(admin: Api, office: Office, prefix: str) -> None:
    """An outside line that leads to the machine."""
    site = admin("GET", "/me")["site"]["id"]
    admin("POST", "/config/trunks", expect=201, json={
        "code": office.user, "name": NAME, "site": site, "host": "127.0.0.1", "port": office.port, "prefixes": [{"prefix": prefix}],
    })  # fmt: skip


@pytest.mark.req("H38", "H39", "G14", "H16")
async def test_a_list_is_faxed_whoever_dies(stack: Stack, faxes: Api, tmp_path: Path) -> None:
    """One machine prints the page once, although worker and core are killed meanwhile; one is busy, and gets it when it is tried again."""
    server = ("127.0.0.1", stack.sip_port)
    first, second = Office("0215551", server, tmp_path / "first.tif"), Office("0215552", server, tmp_path / "second.tif")
    second.mode = "busy"

    async def ask(method: str, path: str, expect: int = 200, **options: Any) -> Any:
        return await asyncio.to_thread(faxes, method, path, expect, **options)

    try:
        for office in (first, second):
            await office.open()
            await asyncio.to_thread(line_to, faxes, office, office.user)
        pages = await ask("POST", "/fax_uploads", 201, data={"name": "停气通知", "text": TEXT})
        asked = {
            "upload": pages["id"], "station": NUMBER, "lines": 2, "tries": 2, "spacing_seconds": 1,
            "numbers": "02155510001,一号店\n没有号码\n02155520002,二号店\n02155510001",
        }  # fmt: skip
        await until(lambda: known(stack, first.user) and known(stack, second.user))
        made = await ask("POST", "/fax_sendings", 201, json=asked)
        path = f"/fax_sendings/{made['id']}"
        await until(lambda: first.modem.target[1] and first.taken)
        for process in ("worker", "core"):
            stack.kill(process)
        await until(lambda: first.modem.result)
        shown, each = await over(ask, path), (await ask("GET", f"{path}/recipients"))["items"]
        assert shown["counts"] | {"sent": 1, "failed": 1, "refused": 2} == shown["counts"], (first.modem.result, each)
        assert (first.taken, len(second.invitations) >= 2) == (1, True)  # an attempt that a kill cut short does not count
        assert first.modem.result is not None
        assert (first.modem.result.reason, first.modem.result.station) == ("ok", NUMBER)
        second.mode = "ring"
        await ask("POST", f"{path}/retry", 204)
        await until(lambda: second.modem.result)
        shown = await over(ask, path)
        assert shown["counts"] | {"sent": 2, "failed": 0} == shown["counts"], shown
    finally:
        first.close()
        second.close()
    went = (await ask("GET", "/faxes?sent=true&q=02155510001"))["items"]
    assert [(one["outcome"], one["pages"], one["name"]) for one in went] == [("ok", 1, "一号店")]
    sent = points(await ask("GET", f"/faxes/{went[0]['id']}/document"))
    await asyncio.to_thread(given_to, stack, faxes, went[0]["id"], "1001")
    assert points((tmp_path / "first.tif").read_bytes()) == points((tmp_path / "second.tif").read_bytes()) == sent


def given_to(stack: Stack, admin: Api, fax: str, extension: str) -> None:
    """An agent finds a fax among his when it is given to him, and not before."""
    agent = stack.person(extension)
    assert agent("GET", "/faxes?mine=true")["items"] == []
    person = next(one for one in admin("GET", "/config/users")["items"] if one["extension"] == extension)
    admin("PUT", f"/faxes/{fax}/assignment", 204, json={"agent": person["agent"]})
    assert [one["id"] for one in agent("GET", "/faxes?mine=true")["items"]] == [fax]
    assert agent("GET", f"/faxes/{fax}/page").startswith(b"\x89PNG")


def known(stack: Stack, trunk: str) -> bool:
    """The switch has heard of the line."""
    figures = httpx.get(f"{stack.base}/metrics", timeout=5.0, trust_env=False).text
    return any("trunk_up" in row and f"trunk/{trunk}" in row for row in figures.splitlines())


async def over(ask: Any, path: str) -> dict[str, Any]:
    """The sending when nobody is called any more."""
    for _ in range(600):
        with suppress(AssertionError, httpx.HTTPError):  # its worker and core have just died
            shown: dict[str, Any] = await ask("GET", path)
            if shown["ended_at"]:
                return shown
        await asyncio.sleep(0.1)
    raise AssertionError("the sending does not end")
