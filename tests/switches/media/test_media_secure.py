"""A browser's row, with aiortc as the browser: ICE, DTLS, SRTP."""

from __future__ import annotations

import asyncio
import datetime
import fractions
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from aioice import stun
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame
from bench.media_browsers import Browser
from tests.switches.media.media_peer import Bench, Phone, level, running_worker

from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.media_certificate import load_or_make
from yitong.ct.switches.soft.media_interfaces import interface_addresses
from yitong.ct.switches.soft.media_leg import SecureLeg
from yitong.ct.switches.soft.media_ports import udp_socket
from yitong.media import rtp

STRANGE = "sha-256 " + ":".join(["AA"] * 32)


class Tone(MediaStreamTrack):
    """A sine at 8 kHz in real time."""

    kind = "audio"

    def __init__(self, hertz: float) -> None:
        super().__init__()
        self._hertz, self._sent, self._begun = hertz, 0, time.monotonic()

    async def recv(self) -> AudioFrame:
        at = self._sent
        self._sent += 160
        await asyncio.sleep(max(0.0, self._begun + at / 8000 - time.monotonic()))
        samples = (np.sin(2 * np.pi * self._hertz * (at + np.arange(160)) / 8000) * 8000).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, at, fractions.Fraction(1, 8000)
        return frame


def field(sdp: str, name: str) -> str:
    return next(line.partition(":")[2] for line in sdp.splitlines() if line.startswith(f"a={name}:"))


def answer_sdp(opened: m.PortOpened, setup: str) -> str:
    lines = [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite",
        f"m=audio {opened.rtp_port} UDP/TLS/RTP/SAVPF 8", "c=IN IP4 127.0.0.1",
        "a=rtpmap:8 PCMA/8000", "a=mid:0", "a=sendrecv", "a=rtcp-mux", f"a=setup:{setup}", f"a=fingerprint:{opened.fingerprint}",
        f"a=ice-ufrag:{opened.ufrag}", f"a=ice-pwd:{opened.password}",
        *(f"a=candidate:{i} 1 udp {1000 - i} {address} {opened.rtp_port} typ host" for i, address in enumerate(opened.addresses)),
        "a=end-of-candidates", "",
    ]  # fmt: skip
    return "\r\n".join(lines)


async def call(bench: Bench, hertz: float, setup: str, fingerprint: str = "") -> tuple[RTCPeerConnection, list[np.ndarray]]:
    """A browser joined to row ``web``; what it hears is in the list."""
    browser = RTCPeerConnection()
    browser.addTrack(Tone(hertz))
    heard: list[np.ndarray] = []
    listening: list[asyncio.Future[None]] = []

    @browser.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        listening.append(asyncio.ensure_future(listen(track, heard)))

    await browser.setLocalDescription(await browser.createOffer())
    sdp = browser.localDescription.sdp
    opened = bench.switch.ask(m.OpenPort, port="web", secure=True)
    assert opened.addresses[-1] == "127.0.0.1"
    ours = {"passive": "actpass", "active": "passive"}[setup]
    bench.switch.do(
        m.SetRemote, port="web", address="127.0.0.1", rtp_port=9, codec=8, fingerprint=fingerprint or field(sdp, "fingerprint"), setup=ours,
        ufrag=field(sdp, "ice-ufrag"), password=field(sdp, "ice-pwd"),
    )  # fmt: skip
    await browser.setRemoteDescription(RTCSessionDescription(answer_sdp(opened, setup), "answer"))
    return browser, heard


async def listen(track: MediaStreamTrack, heard: list[np.ndarray]) -> None:
    """Keep what comes until the track ends."""
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        assert isinstance(frame, AudioFrame)
        heard.append(frame.to_ndarray()[0])


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@pytest.mark.parametrize("setup", ["passive", "active"])
async def test_a_browser_and_a_phone_hear_each_other(tmp_path: Path, setup: str) -> None:
    with running_worker(tmp_path) as bench:
        phone = Phone(700)
        bench.connect("phone", phone)
        phone.start()
        browser, heard = await call(bench, 400, setup)
        try:
            bench.bridge("phone", "web")
            await asyncio.to_thread(bench.switch.wait, m.MediaConnected, 8.0, port="web")
            await asyncio.sleep(1.5)
            assert phone.hears(400)
            samples = np.concatenate(heard[-25:])
            assert level(samples, 700) > 3000
            assert level(samples, 400) < 300
            bench.switch.do(m.ClosePort, port="web")
            closed = bench.switch.wait(m.PortClosed, port="web")
            assert closed.packets > 40
            assert closed.strangers == 0
        finally:
            await browser.close()


@pytest.mark.case("M4")
async def test_a_wrong_fingerprint_ends_the_leg(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        phone = Phone(700)
        bench.connect("phone", phone)
        phone.start()
        browser, _ = await call(bench, 400, "passive", STRANGE)
        try:
            bench.bridge("phone", "web")
            lost = await asyncio.to_thread(bench.switch.wait, m.MediaLost, 8.0, port="web")
            assert lost.reason == "fingerprint"
            await asyncio.sleep(0.4)
            assert not phone.hears(400, 0.2)
        finally:
            await browser.close()


async def test_bad_tags_are_dropped_and_counted_and_the_call_goes_on(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        phone = Phone(700)
        bench.connect("phone", phone)
        phone.start()
        browser, _ = await call(bench, 400, "passive")
        try:
            bench.bridge("phone", "web")
            await asyncio.to_thread(bench.switch.wait, m.MediaConnected, 8.0, port="web")
            transport = browser.getSenders()[0].transport.transport
            for number in range(1000):
                await transport._connection.send(bytes([0x80, 8]) + number.to_bytes(2, "big") + bytes(178))
                if number % 50 == 0:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.8)
            assert phone.hears(400, 0.4)
        finally:
            await browser.close()


@pytest.mark.case("M4")
def test_only_a_checked_address_is_listened_to(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        opened = bench.switch.ask(m.OpenPort, port="web", secure=True)
        bench.switch.do(
            m.SetRemote, port="web", address="127.0.0.1", rtp_port=9, fingerprint=STRANGE, setup="actpass", ufrag="abcd", password="x" * 22
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(0.5)
            stranger.connect(("127.0.0.1", opened.rtp_port))
            stranger.send(b"\x16\xfe\xfd" + bytes(60))
            stranger.send(bytes([0x80, 8]) + bytes(170))
            wrong = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes={"USERNAME": f"{opened.ufrag}:abcd"})
            wrong.add_message_integrity(b"guessed")
            stranger.send(bytes(wrong))
            with pytest.raises(TimeoutError):
                stranger.recv(2048)
            right = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes={"USERNAME": f"{opened.ufrag}:abcd"})
            right.add_message_integrity(opened.password.encode())
            stranger.send(bytes(right))
            answer = stun.parse_message(stranger.recv(2048))
            assert answer.message_class == stun.Class.RESPONSE
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == stranger.getsockname()
        bench.switch.do(m.ClosePort, port="web")
        assert bench.switch.wait(m.PortClosed, port="web").strangers == 2


def say(browser: Browser, numbers: range) -> None:
    """A tone of 400 Hz in the packets with these numbers."""
    assert browser.srtp is not None
    tone = Phone(400)
    for tone.sent in numbers:
        browser.sock.send(browser.srtp.protect(rtp.build(8, tone.sent, 160 * tone.sent, 9, tone.frame())))
        browser.read()
        time.sleep(0.02)
    tone.sock.close()


def test_a_browser_that_comes_from_another_address_is_heard_and_hears(tmp_path: Path) -> None:
    """Once it is proven there; whoever sends from elsewhere without proof is a stranger."""
    with running_worker(tmp_path) as bench:
        phone = Phone(700)
        bench.connect("phone", phone)
        phone.start()
        certificate = load_or_make(tmp_path / "browser.pem", datetime.datetime.now(datetime.UTC))
        opened = bench.switch.ask(m.OpenPort, port="web", secure=True)
        bench.switch.do(
            m.SetRemote, port="web", address="127.0.0.1", rtp_port=9, codec=8, fingerprint=certificate.fingerprint, setup="active",
            ufrag="load", password="x" * 22,
        )  # fmt: skip
        bench.bridge("phone", "web")
        browser = Browser(certificate, 1, opened.rtp_port, opened.ufrag, opened.password, opened.fingerprint)
        end = time.monotonic() + 20
        while browser.srtp is None and time.monotonic() < end:
            browser.check()
            time.sleep(0.05)
            browser.read()
        bench.switch.wait(m.MediaConnected, 20.0, port="web")
        say(browser, range(40))
        assert phone.hears(400)
        first, heard = browser.sock, browser.heard
        assert heard > 10
        browser.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        browser.sock.connect(("127.0.0.1", opened.rtp_port))
        say(browser, range(40, 45))
        assert browser.heard == heard
        browser.check()
        say(browser, range(45, 85))
        assert phone.hears(400)
        assert browser.heard > heard + 10
        bench.switch.do(m.ClosePort, port="web")
        assert bench.switch.wait(m.PortClosed, port="web").strangers == 5
        for one in (first, browser.sock):
            one.close()


def test_what_goes_to_a_browser_leaves_from_the_address_that_leads_there() -> None:
    """A browser that moves between its interfaces takes nothing from another address of ours than the one it asked."""
    with udp_socket("0.0.0.0", 0) as ours:
        leg = SecureLeg(ours)
        for address in (*interface_addresses(), *interface_addresses()):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as browser:
                browser.settimeout(5.0)
                browser.bind((address, 0))
                leg.select(browser.getsockname())
                leg.settle()
                leg.send_plain(b"here")
                assert browser.recvfrom(100) == (b"here", (address, ours.getsockname()[1]))
