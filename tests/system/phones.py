"""Real telephones: baresip, driven over its control socket. Each plays a tone and writes what it hears to a file."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
from tests.ports import free_port
from tests.system.stack import PATIENCE

CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{sip}
call_local_timeout 120
call_max_calls 4
net_interface 127.0.0.1
audio_source aufile,{source}
audio_level no
snd_path {folder}
ausrc_srate 8000
auplay_srate 8000
rtp_ports 10000-19998
rtp_tos 184
jitter_buffer_delay 1-5
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
sip_autoanswer_beep no
"""


class Phone:
    """One baresip. ``user`` is its number; with ``password`` it registers. ``transport`` udp, tcp or tls, ``codec`` PCMA or PCMU.

    ``mwi``: it asks what waits in its mailbox (events MWI_NOTIFY). ``encryption``: of its speech, in baresip's words (srtp-mand).
    """

    def __init__(
        self, folder: Path, user: str, server: int, *, password: str = "", tone: int = 440, transport: str = "udp", codec: str = "PCMA",
        mwi: bool = False, encryption: str = "",
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._modules = folder, "module_app mwi.so\n" * mwi + "module srtp.so\n" * bool(encryption)
        self.server, self.user, self.transport = server, user, transport
        source = folder / "tone.wav"
        write_tone(source, tone)
        account = (
            f"<sip:{user}@127.0.0.1:{server};transport={transport}>;auth_user={user};auth_pass={password or 'none'}"
            f";audio_codecs={codec}/8000/1;regint={60 if password else 0}"
            f';outbound="sip:127.0.0.1:{server};transport={transport}";answermode=manual'
            + (f";mediaenc={encryption}" if encryption else "")
        )
        (folder / "accounts").write_text(account + "\n")
        (folder / "contacts").write_text("")
        self._log = (folder / "log").open("wb")
        self._process, self._socket = self._start(source)
        self._buffer = b""
        self.events: list[dict[str, Any]] = []

    def _start(self, source: Path) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """Start baresip and connect to it; with other ports when somebody took one meanwhile (it wants the one above for TLS too)."""
        for _ in range(3):
            control = free_port()
            text = CONFIG.format(sip=free_port(), folder=self._folder, source=source, control=control) + self._modules
            (self._folder / "config").write_text(text)
            command = ["baresip", "-4", "-f", str(self._folder)]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._log, stderr=self._log)
            connected = self._connect(control, process)
            if connected is not None:
                return process, connected
            process.kill()
            process.communicate()
        self._log.close()
        raise AssertionError(f"baresip does not listen: {(self._folder / 'log').read_text(errors='replace')}")

    def _connect(self, port: int, process: subprocess.Popen[bytes]) -> socket.socket | None:
        for _ in range(300):
            try:
                return socket.create_connection(("127.0.0.1", port), 1.0)
            except OSError:
                if process.poll() is not None:
                    return None
                time.sleep(0.05)
        return None

    def command(self, command: str, parameters: str = "") -> None:
        """Send a command of baresip's menu."""
        body = json.dumps({"command": command, "params": parameters, "token": command}).encode()
        self._socket.sendall(str(len(body)).encode() + b":" + body + b",")

    def _read(self, seconds: float) -> None:
        self._socket.settimeout(max(0.01, seconds))
        try:
            self._buffer += self._socket.recv(65536)
        except TimeoutError:
            return
        while b":" in self._buffer:
            length, _, rest = self._buffer.partition(b":")
            if len(rest) <= int(length):
                return
            message = json.loads(rest[: int(length)])
            self._buffer = rest[int(length) + 1 :]
            if message.get("event"):
                self.events.append(message)

    def wait(self, kind: str, seconds: float = 10.0) -> dict[str, Any]:
        """The next event of ``kind`` (REGISTER_OK, CALL_INCOMING, CALL_ESTABLISHED ...), which is consumed with those before."""
        end = time.monotonic() + PATIENCE * seconds
        while True:
            for number, event in enumerate(self.events):
                if event["type"] == kind:
                    del self.events[: number + 1]
                    return event
            left = end - time.monotonic()
            assert left > 0, f"{self.user}: no {kind} in {seconds} s; events: {self.events}"
            self._read(min(left, 0.2))

    def has(self, kind: str, seconds: float = 0.1) -> bool:
        """Whether ``kind`` was told within ``seconds``; consumes nothing."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not any(event["type"] == kind for event in self.events):
            self._read(0.05)
        return any(event["type"] == kind for event in self.events)

    def wait_registered(self, seconds: float = 10.0) -> None:
        """Until the server took our REGISTER; its event may come before we listen, so the log is read."""
        log = self._folder / "log"
        end = time.monotonic() + PATIENCE * seconds
        while b"200 OK" not in log.read_bytes():
            assert time.monotonic() < end, f"{self.user} is not registered: {log.read_text()[-500:]}"
            time.sleep(0.05)

    def dial(self, number: str) -> None:
        self.command("dial", f"sip:{number}@127.0.0.1:{self.server}")

    def accept(self) -> None:
        self.command("accept")

    def hang_up(self) -> None:
        self.command("hangup")

    def press(self, keys: str) -> None:
        """RFC 4733 digits in the call."""
        for key in keys:
            self.command("sndcode", key)
            time.sleep(0.3)

    @property
    def heard(self) -> Path:
        """What it heard in its last call (complete once the call is over)."""
        return max(self._folder.glob("dump-*-dec.wav"), key=lambda file: file.stat().st_mtime)

    def close(self) -> None:
        if self._log.closed:
            return
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._log.close()


def loudest(path: Path, frequency: float) -> float:
    """The share at ``frequency`` in the second that has most of it, however long the call was."""
    with wave.open(str(path), "rb") as file:
        seconds = file.getnframes() // file.getframerate()
    return max((loudness(path, frequency, begin=at, end=at + 1.0) for at in range(seconds)), default=0.0)


def write_tone(path: Path, frequency: float, *, rate: int = 8_000, seconds: int = 300) -> None:
    """A sine of -12 dBFS."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((8_000 * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)).astype("<i2").tobytes() * seconds)


def loudness(path: Path, frequency: float, *, channel: int = 0, begin: float = 0.0, end: float = 1e9) -> float:
    """The share of the signal's power (0 to 1) at ``frequency`` (± 15 Hz) in a WAV between two seconds."""
    with wave.open(str(path), "rb") as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels)[:, channel].astype(float)
    samples = samples[int(begin * rate) : int(min(end, len(samples) / rate) * rate)]
    if len(samples) < rate // 10 or not samples.any():
        return 0.0
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    return float(power[np.abs(frequencies - frequency) <= 15].sum() / power.sum())
