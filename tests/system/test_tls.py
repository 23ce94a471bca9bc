"""HTTPS and WSS, as they must be beyond loopback: the pages, the telephone in the page, SIP over TLS; nothing in the clear, nothing old."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from tests.kit.certificates import make_certificate
from tests.system.browsers import Chromium, hears
from tests.system.stack import PASSWORD, Api, Stack, eventually

pytestmark = pytest.mark.timeout(300)
OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK-tls;rport\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\n"
    "To: <sip:127.0.0.1>\r\nCall-ID: tls-1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    make_certificate(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def secured(pair: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("tls") / "home", YITONG_TLS_CERT=str(pair[0]), YITONG_TLS_KEY=str(pair[1]))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def trusting(certificate: Path) -> ssl.SSLContext:
    """A client that takes this certificate and no other, for its name only."""
    return ssl.create_default_context(cafile=str(certificate))


def serial(port: int) -> int:
    """The serial number of the certificate that a port shows now."""
    shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
    return x509.load_pem_x509_certificate(shown.encode()).serial_number


def test_https_and_nothing_in_the_clear(secured: Stack, pair: tuple[Path, Path]) -> None:
    answer = httpx.get(f"{secured.base}/healthz", verify=trusting(pair[0]), trust_env=False)
    assert answer.status_code == 200, answer.text
    eventually(lambda: httpx.get(f"{secured.base}/healthz", verify=trusting(pair[0]), trust_env=False).json()["state"] == "ok", 30.0)
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    for port in (secured.http_port, secured.ws_port):
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_1_2_at_least(secured: Stack, pair: tuple[Path, Path]) -> None:
    for port in (secured.http_port, secured.ws_port, secured.sip_port + 1):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert _hello(port, version, pair[0]) == version.name.replace("_", ".")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            _hello(port, ssl.TLSVersion.TLSv1_1, pair[0])


def _hello(port: int, version: ssl.TLSVersion, certificate: Path) -> str | None:
    """The version agreed when just this one is offered."""
    context = trusting(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
        return wrapped.version()


def test_sip_over_tls(secured: Stack, pair: tuple[Path, Path]) -> None:
    with (
        socket.create_connection(("127.0.0.1", secured.sip_port + 1), 5) as plain,
        trusting(pair[0]).wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        wrapped.sendall(OPTIONS.encode())
        assert wrapped.recv(4096).startswith(b"SIP/2.0 ")


@pytest.mark.browser
def test_a_page_telephones_over_wss(secured: Stack, chromium: Chromium) -> None:
    with (
        chromium.page(1000, insecure=True) as desk,
        chromium.page(440, insecure=True) as guest,
    ):  # fmt: skip
        sockets: list[str] = []
        desk.on("websocket", lambda opened: sockets.append(opened.url))
        desk.goto(f"{secured.base}/")
        desk.locator("input[type=text], input[name=username]").first.fill("1001")
        desk.locator("input[type=password]").first.fill(PASSWORD)
        desk.keyboard.press("Enter")
        desk.locator("[data-test=ready]").click()
        guest.goto(f"{secured.base}/call")
        guest.locator("[data-test=call]").first.click()
        guest.locator("[data-test=mute]:not([disabled])").wait_for()
        guest.locator('[data-key="0"]').click()
        desk.locator("[data-test=answer]:not([disabled])").click()
        eventually(lambda: hears(guest, 1000), 10.0, "the customer does not hear the agent")
        eventually(lambda: hears(desk, 440), 10.0, "the agent does not hear the customer")
        desk.locator("[data-test=hang-up]").click()
        guest.locator("[data-test=hang-up]").click()
        assert sockets
        assert all(url.startswith("wss://") for url in sockets), sockets


def test_a_renewed_certificate_is_shown_within_seconds_and_touches_nobody(secured: Stack, pair: tuple[Path, Path]) -> None:
    with httpx.Client(verify=trusting(pair[0]), trust_env=False) as client:
        assert client.get(f"{secured.base}/livez").status_code == 200
        before = [secured.pids(process) for process in ("web", "switch")]
        renewed = make_certificate(*pair)

        def shown(port: int) -> bool:
            # The client believes only in the old certificate: it can still ask because its connection is the one it had. Asked in
            # between, so that it is not closed for having nothing to say.
            assert client.get(f"{secured.base}/livez").status_code == 200, "the connection that was there is cut"
            return serial(port) == renewed

        for port in (secured.http_port, secured.ws_port, secured.sip_port + 1):
            eventually(lambda port=port: shown(port), 30.0, f"port {port} shows the old certificate")  # type: ignore[misc]
        assert shown(secured.http_port)
    assert [secured.pids(process) for process in ("web", "switch")] == before
    supervisor = Api(secured.base, "1100")
    assert supervisor("GET", "/queues")
    supervisor.close()


def test_a_bind_beyond_loopback_without_a_certificate_is_refused_in_both_languages(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "YITONG_HOME": str(tmp_path / "home"),
        "YITONG_BIND": "0.0.0.0",
        "YITONG_TLS_CERT": "",
        "YITONG_TLS_KEY": "",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "yitong.app.cli", "run"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    english, chinese = ended.stderr.strip().splitlines()
    assert english.startswith("yitong: YITONG_BIND=0.0.0.0 would offer passwords and speech beyond this machine without encryption: set")
    assert chinese.startswith("YITONG_BIND=0.0.0.0 会让密码和通话未经加密离开本机：请设置 YITONG_TLS_CERT")
    assert not (tmp_path / "home").exists(), "something was begun"
