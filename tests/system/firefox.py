"""A real Firefox, spoken to by WebDriver BiDi (its own port, no driver program): its microphone is a tone, its ears an analyser."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from tests.ports import free_port
from tests.system.browsers import EARS, clearly
from tests.system.stack import eventually
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from yitong.ct.switches.soft.media_interfaces import interface_addresses

PREFERENCES: dict[str, object] = {
    "media.navigator.streams.fake": True, "media.navigator.permission.disabled": True,  # a tone instead of a microphone, allowed at once
    "media.cubeb.force_mock_context": True,  # a sound card, where there is none
    "media.autoplay.default": 0, "media.autoplay.block-webaudio": False, "media.autoplay.blocking_policy": 0,
    "browser.shell.checkDefaultBrowser": False, "browser.aboutwelcome.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.disabledForTesting": True, "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "extensions.getAddons.cache.enabled": False, "services.settings.server": "data:,#", "toolkit.telemetry.server": "data:,",
    "remote.active-protocols": 1,
}  # fmt: skip
NOWHERE = "Firefox gathers no candidates where there is no network but loopback: YITONG_TEST_WITHOUT=firefox"
"""Tried with every preference that it has for it (ice.loopback, ice.force_interface, manage-offline-status): none is gathered."""
_DO = "(() => {{ const found = [...document.querySelectorAll({selector})].find((each) => {condition}); return {answer}; }})()"


class Firefox:
    """One browser with one page."""

    def __init__(self, folder: Path, tone: int, **preferences: object) -> None:
        if all(ip_address(address).is_loopback for address in interface_addresses()):
            pytest.fail(NOWHERE, pytrace=False)
        folder.mkdir(parents=True)
        given = {**PREFERENCES, "media.navigator.audio.fake_frequency": tone, **preferences}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in given.items()]
        (folder / "user.js").write_text("".join(lines))
        port = free_port()
        executable = shutil.which("firefox-esr") or shutil.which("firefox")
        assert executable, "no firefox: apt-get install firefox-esr"
        self._log = (folder / "log").open("wb")
        command = [executable, "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", str(port), "about:blank"]
        environment = {**os.environ, "HOME": str(folder), "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
        self._process = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log, start_new_session=True)
        self._asked = 0
        self._opened = contextlib.ExitStack()
        self._socket: ClientConnection | None = None
        try:
            self._socket = eventually(lambda: self._connected(port), 60.0, f"firefox does not listen; see {folder / 'log'}")
            self.ask("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
            self._page = self.ask("browsingContext.getTree")["contexts"][0]["context"]
            self.ask("script.addPreloadScript", functionDeclaration=f"() => {{ {EARS} }}")
        except BaseException:
            self.close()
            raise

    def _connected(self, port: int) -> ClientConnection | None:
        assert self._process.poll() is None, "firefox ended"
        try:
            return self._opened.enter_context(connect(f"ws://127.0.0.1:{port}/session", max_size=None, proxy=None))
        except OSError:
            return None

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of WebDriver BiDi and its result."""
        assert self._socket is not None
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=60))
            if told.get("id") == self._asked:
                assert told["type"] == "success", f"{method}: {told}"
                return dict(told["result"])

    def evaluate(self, expression: str) -> Any:
        """The value of ``expression`` in the page, as JSON."""
        answer = self.ask(
            "script.evaluate", expression=f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))",
            target={"context": self._page}, awaitPromise=True, userActivation=True,
        )  # fmt: skip
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"]["value"])

    def goto(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self._page, url=url, wait="complete")

    def reload(self) -> None:
        self.ask("browsingContext.reload", context=self._page, wait="complete")

    def fill(self, selector: str, text: str) -> None:
        """Write into the first field of ``selector``."""
        typed = f"(found.value = {json.dumps(text)}, found.dispatchEvent(new Event('input', {{ bubbles: true }})))"
        self._do(selector, "each", f"!!found && {typed}")

    def click(self, selector: str, seconds: float = 20.0) -> None:
        """Click the first of ``selector`` that is shown and enabled, once there is one."""
        self._do(selector, "!each.disabled && each.checkVisibility()", "!!found && (found.click(), true)", seconds)

    def shows(self, selector: str) -> bool:
        """Whether one of ``selector`` is shown."""
        return bool(self.evaluate(self._script(selector, "each.checkVisibility()", "!!found")))

    def hears(self, frequency: float) -> bool:
        """Whether the page hears ``frequency`` (± 12 Hz) clearly now."""
        return clearly(self.evaluate(f"window.__heard({frequency})"))

    def _do(self, selector: str, condition: str, answer: str, seconds: float = 20.0) -> None:
        script = self._script(selector, condition, answer)
        eventually(lambda: self.evaluate(script), seconds, f"{selector} in {self.evaluate('document.body.innerText')!r}")

    def _script(self, selector: str, condition: str, answer: str) -> str:
        return _DO.format(selector=json.dumps(selector), condition=condition, answer=answer)

    def close(self) -> None:
        """End the browser with all its processes."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed, AssertionError, TimeoutError):
                self.ask("browser.close")
            self._opened.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        self._log.close()


@contextmanager
def firefox(folder: Path, tone: int, **preferences: object) -> Iterator[Firefox]:
    """A Firefox that speaks ``tone`` Hz."""
    browser = Firefox(folder, tone, **preferences)
    try:
        yield browser
    finally:
        browser.close()
