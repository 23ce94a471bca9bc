"""The whole product as its operator starts it: ``yitong run`` on free ports with an empty home, and a client for its API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
from tests.ports import free_port

T = TypeVar("T")
PASSWORD = "demo-secret-7-yitong"
PATIENCE = 4.0
"""How much longer than on a machine of its own a test waits: others run beside it."""


def eventually(what: Callable[[], T | None], seconds: float = 10.0, why: str = "") -> T:
    """The first true answer of ``what``; fails with the last one when it does not come in ``seconds`` on a machine of its own."""
    end = time.monotonic() + PATIENCE * seconds
    pause = 0.05
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{why or what} still {answer!r} after {seconds} s")
        time.sleep(pause)
        pause = min(1.3 * pause, 0.25)  # asking costs those who are waited for


class Api:
    """One signed-in person."""

    def __init__(self, base: str, username: str, password: str = PASSWORD) -> None:
        limits = httpx.Limits(keepalive_expiry=2.0)  # before the server gives an idle connection up
        self._client = httpx.Client(base_url=f"{base}/api/v1", timeout=30.0, trust_env=False, verify=False, limits=limits)
        self._who = {"username": username, "password": password}
        self.sign_in()

    def sign_in(self) -> None:
        """Begin a session, or another one where the last has ended."""
        answer = self._client.post("/sessions", json=self._who)
        assert answer.status_code == 201, answer.text
        self.token = str(answer.json()["token"])
        self._client.headers["Authorization"] = f"Bearer {self.token}"

    def __call__(self, method: str, path: str, expect: int = 200, **options: Any) -> Any:
        """The JSON (or bytes) of a request that must answer ``expect``."""
        answer = self._client.request(method, path, **options)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        if answer.content and answer.headers.get("content-type", "").startswith(("application/json", "application/problem+json")):
            return answer.json()
        return answer.content

    def close(self) -> None:
        self._client.close()


class Stack:
    """A running product. ``home`` may be kept from an earlier one."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.http_port, self.sip_port, self.ws_port = (free_port() for _ in range(3))
        self.base = f"{'https' if 'YITONG_TLS_CERT' in settings else 'http'}://127.0.0.1:{self.http_port}"
        self.log = home.parent / f"{home.name}.log"
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))  # two products at once do not share ports
        first_rtp = 20_000 + worker % 3 * 12_000 + (os.getpid() * 512) % 10_000 // 2 * 2
        self.environment = {
            **os.environ, "YITONG_HOME": str(home), "YITONG_HTTP_PORT": str(self.http_port), "YITONG_SIP_PORT": str(self.sip_port),
            "YITONG_SIP_WS_PORT": str(self.ws_port), "YITONG_RTP_PORTS": f"{first_rtp}-{first_rtp + 1999}",
            "YITONG_DEMO_PASSWORD": PASSWORD, **settings,
        }  # fmt: skip
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # modules stay compiled, as at an operator's
        self._process: subprocess.Popen[bytes] | None = None
        self._people: dict[str, Api] = {}
        self.served = ""
        """The file of tests that it serves."""

    def person(self, username: str) -> Api:
        """Somebody who is signed in: once for all tests, for a password costs a quarter of a second of CPU."""
        if username not in self._people:
            self._people[username] = Api(self.base, username)
        return self._people[username]

    def start(self, seconds: float = 150.0) -> None:
        """Start and wait until calls can be taken."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "yitong.app.cli", "run"]
            self._process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        eventually(self.healthy, seconds, f"the stack is not healthy; see {self.log}")

    def healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"yitong run ended: {self.log.read_text()[-3000:]}"
        try:
            return httpx.get(f"{self.base}/healthz", timeout=2.0, trust_env=False, verify=False).status_code == 200
        except httpx.HTTPError:
            return False

    def said(self, lines: int = 40) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def pids(self, process: str) -> list[int]:
        """The process ids of our children called ``process`` (switch, core, web, worker, media, postgres, nats)."""
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                command = (folder / "cmdline").read_bytes().split(b"\0")
                environ = (folder / "environ").read_bytes()
            except OSError:
                continue
            if f"YITONG_HOME={self.home}".encode() in environ and process.encode() in command[:6]:
                found.append(int(folder.name))
        return found

    def setting(self, name: str) -> str:
        """What a running worker was given, such as ``YITONG_NATS_URL``."""
        environ = Path(f"/proc/{self.pids('worker')[0]}/environ").read_bytes().decode()
        return next(one.partition("=")[2] for one in environ.split("\0") if one.startswith(f"{name}="))

    def kill(self, process: str) -> None:
        """``kill -9`` of every child of that name."""
        pids = self.pids(process)
        assert pids, f"no process {process}"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ctrl-C."""
        for person in self._people.values():
            person.close()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise
