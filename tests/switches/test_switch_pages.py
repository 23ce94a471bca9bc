"""Pages: SIP over WebSocket, the Origin check, secure offers, a newer page, a broken connection."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.switches.rigs import CALLING, TENANT
from tests.switches.situations import answered_caller, make, new_id
from tests.switches.soft_rig import SITE, Media, SoftRig, home_of
from tests.switches.wire import Wire
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from yitong.ct import services
from yitong.ct.events import ConnectionCleared, DeviceChanged, Established, Originated
from yitong.ct.model import Cause, DeviceKind, StandingOrder
from yitong.ct.switches.soft import transports
from yitong.sip.digest import Credentials, authorize, ha1
from yitong.sip.message import Request, Response, make_response, parse
from yitong.sip.negotiation import Local, Secure, make_answer
from yitong.sip.sdp import parse as parse_sdp

ORIGIN = "http://127.0.0.1:8000"
DEVICE = f"{TENANT}/page/1001"


@pytest.fixture
async def paged(media: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    made = await SoftRig(home_of(tmp_path), media, ws_port=0).start()
    made.configure("agent", "a1", {"extension": "1001", "site": SITE})
    yield made
    await made.close()


def credential(username: str, **fields: int) -> bytes:
    """What the bucket ``credentials`` has of a page's telephone."""
    told = {"username": username, "realm": "yitong", "kind": "page", "agent": "a1", **fields}
    told |= {"ha1_md5": ha1("MD5", username, "yitong", "pw"), "ha1_sha256": ha1("SHA-256", username, "yitong", "pw")}
    return json.dumps(told).encode()


class Page:
    """A page's telephone, by hand: registers, answers INVITE with a secure description."""

    def __init__(self, rig: SoftRig, socket: ClientConnection, username: str) -> None:
        self._rig, self.socket, self.username = rig, socket, username
        self.invite: Request | None = None
        self.requests: list[Request] = []
        self.status = 0
        self._reader = asyncio.create_task(self._read())
        self._registering: Request | None = None

    @classmethod
    async def open(cls, rig: SoftRig, username: str, *, session: str = "s", issued_at: int = 0, expires_at: int = 0) -> Page:
        rig.switch.configure(f"{TENANT}.page.{session}", credential(username, issued_at=issued_at, expires_at=expires_at))
        socket = await connect(f"ws://127.0.0.1:{rig.switch.transports.ports['ws']}", subprotocols=["sip"], origin=ORIGIN)  # type: ignore[list-item, arg-type]
        page = cls(rig, socket, username)
        await page.register()
        return page

    async def register(self, cseq: int = 1, *extra: tuple[str, str], call_id: str = "") -> None:
        aor = f"<sip:{self.username}@127.0.0.1>"
        headers = [
            ("Via", f"SIP/2.0/WS x.invalid;branch=z9hG4bK{secrets.token_hex(6)}"), ("Max-Forwards", "70"),
            ("From", f"{aor};tag=p"), ("To", aor), ("Call-ID", call_id or secrets.token_hex(6)), ("CSeq", f"{cseq} REGISTER"),
            ("Contact", f"<sip:{self.username}@x.invalid;transport=ws>;expires=300"), *extra,
        ]  # fmt: skip
        self._registering = Request("REGISTER", "sip:127.0.0.1", headers)
        await self.socket.send(self._registering.encode().decode())

    async def _read(self) -> None:
        try:
            async for data in self.socket:
                await self._take(parse(data.encode() if isinstance(data, str) else data))
        except ConnectionClosed:
            return

    async def _take(self, message: Request | Response) -> None:
        if isinstance(message, Response):
            if message.status == 401 and self._registering is not None and message.cseq.number == 1:
                header = authorize(self._registering, message, Credentials(self.username, "pw"), "abcd")
                assert header is not None
                await self.register(2, header, call_id=self._registering.call_id)
            elif message.cseq.method == "REGISTER":
                self.status = message.status
            return
        self.requests.append(message)
        if message.method == "INVITE":
            self.invite = message
            await self.answer(message, 180)
        elif message.method != "ACK":
            await self.answer(message, 200)

    async def answer(self, request: Request, status: int, body: bytes = b"") -> None:
        contact = [("Contact", f"<sip:{self.username}@x.invalid;transport=ws>")]
        response = make_response(request, status, to_tag="page", headers=contact, body=body, content_type="application/sdp" if body else "")
        await self.socket.send(response.encode().decode())

    async def pick_up(self) -> None:
        assert self.invite is not None
        offer = parse_sdp(self.invite.body)
        secure = Secure(fingerprint="sha-256 " + ":".join(["AB"] * 32), ufrag="abcd", password="x" * 24, candidates=("127.0.0.1",))
        answer, _ = make_answer(offer, Local(address="127.0.0.1", rtp_port=40000, secure=secure))
        await self.answer(self.invite, 200, answer.encode())

    async def close(self) -> None:
        await self.socket.close()
        self._reader.cancel()


async def rung(rig: SoftRig, page: Page, *, resume: bool = False) -> tuple[str, str]:
    """A caller for whom the page rings; caller's and page's connections."""
    far = await answered_caller(rig)
    target = services.Target(connection=new_id(), device=DEVICE)
    order = StandingOrder(wait_seconds=20.0)
    rig.ask(
        make(
            services.Route, connection=far.connection, targets=(target,), calling=CALLING, contact="c-1", resume=resume, order=order,
            calling_name="李雷",
        )
    )  # fmt: skip
    await rig.true(lambda: page.invite is not None)
    return far.connection, target.connection


async def test_strange_origins_are_refused(paged: SoftRig) -> None:
    url = f"ws://127.0.0.1:{paged.switch.transports.ports['ws']}"
    for origin in ("http://evil.example", None):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, subprotocols=["sip"], origin=origin)  # type: ignore[list-item, arg-type]
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        await connect(url, origin=ORIGIN)  # type: ignore[arg-type]


async def test_page_registers_and_rings_with_everything(paged: SoftRig) -> None:
    page = await Page.open(paged, "page-1")
    told = await paged.until(DeviceChanged)
    assert (told.device.device, told.device.kind, told.device.registered, told.site) == (DEVICE, DeviceKind.PAGE, True, SITE)
    await rung(paged, page, resume=True)
    assert page.invite is not None
    assert page.invite.from_.uri.user == CALLING
    assert page.invite.from_.name == "李雷"
    assert page.invite.get("X-Yitong-Contact") == "c-1"
    assert page.invite.get("X-Yitong-Resume") == "1"
    media = parse_sdp(page.invite.body).media[0]
    assert media.protocol == "UDP/TLS/RTP/SAVPF"
    assert media.get("fingerprint")
    assert media.get("rtcp-mux") == ""
    assert media.all("candidate")
    await page.close()


async def test_page_answers_and_hangs_up(paged: SoftRig) -> None:
    page = await Page.open(paged, "page-1")
    _, connection = await rung(paged, page)
    await page.pick_up()
    await paged.until(Established, connection=connection)
    paged.ask(make(services.Clear, connection=connection))
    await paged.true(lambda: any(one.method == "BYE" for one in page.requests))
    await page.close()


@pytest.mark.case("N6")
async def test_a_half_open_page_is_noticed(media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network of the page is gone and no end of the connection was told: pings find it, and core ends what rings there."""
    assert transports.PING_SECONDS * 2 + transports.CLOSE_SECONDS <= 20
    monkeypatch.setattr(transports, "PING_SECONDS", 0.5)
    rig = await SoftRig(home_of(tmp_path), media, ws_port=0).start()
    rig.configure("agent", "a1", {"extension": "1001", "site": SITE})
    page = await Page.open(rig, "page-1")
    await rig.until(DeviceChanged)
    await rig.true(lambda: page.status == 200)
    page.socket.transport.pause_reading()
    await rig.true(lambda: any(isinstance(event, DeviceChanged) and not event.device.registered for event in rig.events))
    page._reader.cancel()
    page.socket.transport.abort()
    await rig.close()


async def test_newer_page_has_the_device_however_long_its_session_lives(paged: SoftRig) -> None:
    now = time.time_ns() // 1000
    old = await Page.open(paged, "page-1", session="s1", issued_at=now, expires_at=now + 90_000_000)
    await paged.true(lambda: old.status == 200)
    new = await Page.open(paged, "page-2", session="s2", issued_at=now + 1, expires_at=now + 60_000_000)
    await paged.true(lambda: new.status == 200)
    await old.register()
    await paged.true(lambda: old.status == 403)
    await rung(paged, new)
    assert old.invite is None
    for page in (old, new):
        await page.close()


async def test_broken_connection_of_a_page_ends_its_part(paged: SoftRig) -> None:
    page = await Page.open(paged, "page-1")
    caller, connection = await rung(paged, page)
    await page.pick_up()
    await paged.until(Established, connection=connection)
    await page.close()
    event = await paged.until(ConnectionCleared, connection=connection)
    assert (event.cause, event.by_device) == (Cause.SIGNALLING_LOST, False)
    assert [one.connection for one in paged.snapshot().connections] == [caller]


async def test_new_page_after_a_reload_takes_over_at_once(paged: SoftRig) -> None:
    page = await Page.open(paged, "page-1", session="s1")
    _, connection = await rung(paged, page)
    await page.pick_up()
    await paged.until(Established, connection=connection)
    await page.close()
    began = time.monotonic()
    again = await Page.open(paged, "page-2", session="s1")
    await paged.until(ConnectionCleared, connection=connection)
    assert time.monotonic() - began < 1.5
    await again.close()


async def test_page_that_comes_back_keeps_its_call(paged: SoftRig) -> None:
    page = await Page.open(paged, "page-1", session="s1")
    _, connection = await rung(paged, page)
    await page.pick_up()
    await paged.until(Established, connection=connection)
    await page.close()
    again = await Page.open(paged, "page-1", session="s1")
    await paged.true(lambda: again.status == 200)
    await paged.settle(2.5)
    assert connection in {one.connection for one in paged.snapshot().connections}
    paged.ask(make(services.Clear, connection=connection))
    await paged.true(lambda: any(one.method == "BYE" for one in again.requests))
    await again.close()


async def test_page_that_closes_while_ringing_fails(paged: SoftRig) -> None:
    page = await Page.open(paged, "page-1")
    caller, connection = await rung(paged, page)
    await paged.until(Originated, connection=connection)
    await page.close()
    await paged.true(lambda: [one.connection for one in paged.snapshot().connections] == [caller])


@pytest.mark.case("W4")
@pytest.mark.parametrize("how", ["taken back", "ran out"])
async def test_page_whose_session_is_over_is_no_longer_a_telephone(paged: SoftRig, how: str) -> None:
    """At once: it is not rung, cannot register again and cannot call. Its talk goes on, for a customer is in it."""
    page = await Page.open(paged, "page-1")
    await paged.true(lambda: page.status == 200)
    caller, connection = await rung(paged, page)
    await page.pick_up()
    await paged.until(Established, connection=connection)
    over = time.time_ns() // 1000 + 300_000
    paged.switch.configure(f"{TENANT}.page.s", None if how == "taken back" else credential("page-1", expires_at=over))
    assert (paged.switch.registrations.target(DEVICE) is None) == (how == "taken back")
    await paged.true(lambda: [e.device.registered for e in paged.events if isinstance(e, DeviceChanged)][-1:] == [False])
    assert time.time_ns() // 1000 < over + 5_000_000
    assert paged.switch.registrations.target(DEVICE) is None
    assert paged.switch.directory.identity("yitong", "page-1") is None
    await page.register()
    await paged.true(lambda: page.status == 401)
    assert {one.connection for one in paged.snapshot().connections} == {caller, connection}
    paged.ask(make(services.Clear, connection=connection))
    await paged.true(lambda: any(one.method == "BYE" for one in page.requests))
    await page.close()


@pytest.mark.case("W4")
async def test_desk_phone_whose_account_is_gone_is_no_longer_a_telephone(soft: SoftRig) -> None:
    phone = await soft.phone("1001")
    soft.switch.configure(f"{TENANT}.account.a1001", None)
    await soft.true(lambda: [e.device.registered for e in soft.events if isinstance(e, DeviceChanged)][-1:] == [False])
    assert soft.switch.registrations.target(phone.device) is None
    wire = Wire(soft.server)
    for method, uri in (("REGISTER", "sip:127.0.0.1"), ("INVITE", "sip:1002@127.0.0.1")):
        response, _ = await wire.authorized(method, uri, "1001", "secret", user="1001", to=f"sip:1001@{soft.server[0]}")
        assert response is not None
        assert response.status == (401 if method == "REGISTER" else 407)
    wire.close()


async def test_guests_whose_time_is_over_are_forgotten(paged: SoftRig) -> None:
    now = time.time_ns() // 1000
    for number in range(20):
        fields = {"username": f"guest-{number}", "kind": "guest", "number": "96900", "expires_at": now + 300_000 + number}
        paged.switch.configure(f"{TENANT}.page.guest-{number}", json.dumps(fields).encode())
    assert paged.switch.directory.known(TENANT, "guest-19")
    await paged.true(lambda: not paged.switch.directory.next_expiry)
    assert not any(paged.switch.directory.known(TENANT, f"guest-{number}") for number in range(20))
