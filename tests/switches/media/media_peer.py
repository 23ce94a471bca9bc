"""The other ends of a media worker in tests: the switch on its seqpacket socket, and phones on real UDP sockets."""

from __future__ import annotations

import select
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from tests.ports import free_range

from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.media_settings import MediaSettings
from yitong.ct.switches.soft.media_worker import MediaWorker
from yitong.kit.clock import SystemClock
from yitong.media import g711, rtp

_decode = msgspec.msgpack.Decoder(m.FromWorker).decode


class SwitchEnd:
    """What a switch does with a worker, waiting for each answer."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.connect(str(path))
        self.events: list[Any] = []
        self._number = 0

    def ask(self, kind: Callable[..., Any], **fields: Any) -> Any:
        """Send a request and return its answer; events met on the way are kept."""
        self._number += 1
        self.sock.send(msgspec.msgpack.encode(kind(id=self._number, **fields)))
        deadline = time.monotonic() + 20
        while True:
            message = self._receive(deadline)
            if isinstance(message, m.Reply) and message.id == self._number:
                return message
            self.events.append(message)

    @property
    def asked(self) -> int:
        """The number of the last request."""
        return self._number

    def do(self, kind: Callable[..., Any], **fields: Any) -> None:
        """A request that must be carried out."""
        answer = self.ask(kind, **fields)
        assert isinstance(answer, m.Done), answer

    def wait(self, kind: type[Any], seconds: float = 20.0, **fields: Any) -> Any:
        """The next event of ``kind`` with these fields, kept ones first."""
        deadline = time.monotonic() + seconds
        while True:
            for event in self.events:
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                    self.events.remove(event)
                    return event
            self.events.append(self._receive(deadline))

    def seen(self, kind: type[Any]) -> list[Any]:
        """Events of ``kind`` that came so far."""
        while select.select([self.sock], [], [], 0)[0]:
            self.events.append(_decode(self.sock.recv(1 << 20)))
        return [event for event in self.events if isinstance(event, kind)]

    def _receive(self, deadline: float) -> Any:
        self.sock.settimeout(max(0.01, deadline - time.monotonic()))
        return _decode(self.sock.recv(1 << 20))

    def close(self) -> None:
        self.sock.close()


class Phone:
    """An RTP endpoint that sends a tone every 20 ms and keeps what it hears."""

    def __init__(self, hertz: float = 0.0, codec: int = g711.PCMA, event_type: int = 101, address: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 0))
        self.address, self.port = self.sock.getsockname()
        self.codec, self.event_type = codec, event_type
        self.hertz = hertz
        self.audio: NDArray[np.int16] | None = None
        self.target: tuple[str, int] = ("", 0)
        self.ssrc = self.port * 7919
        self.sequence, self.timestamp = 65500, (1 << 32) - 3200
        self._pressed = 0
        self.sent = 0
        self.heard: list[bytes] = []
        self.packets: list[rtp.Packet] = []
        self.lose: Callable[[int], bool] = lambda number: False
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def frame(self) -> bytes:
        """The next 20 ms of what it says."""
        time_axis = (self.sent * 160 + np.arange(160)) / 8000
        if self.audio is not None:
            samples = self.audio[self.sent * 160 : self.sent * 160 + 160]
            samples = np.concatenate([samples, np.zeros(160 - len(samples), dtype=np.int16)])
        else:
            samples = (np.sin(2 * np.pi * self.hertz * time_axis) * 8000).astype(np.int16)
        law = np.array([g711.law_index(self.codec)], dtype=np.uint8)
        octets: bytes = g711.encode(samples[None], law)[0].tobytes()
        return octets

    def send_frame(self) -> None:
        """One packet of audio."""
        data = rtp.build(self.codec, self.sequence, self.timestamp, self.ssrc, self.frame(), self.sent == 0)
        if not self.lose(self.sent):
            self.sock.sendto(data, self.target)
        self.sent += 1
        self.sequence += 1
        self.timestamp += 160

    def press(self, key: str, ends: int = 3, double: bool = False, frames: int = 5) -> None:
        """Send a key by RFC 4733; the audio stream goes on meanwhile, as with many phones."""
        stamp = self._pressed = max(self.timestamp, self._pressed + 160)
        for number in range(1, frames + ends):
            end = number >= frames
            duration = min(number, frames) * 160
            payload = bytes(["0123456789*#".index(key), 10 | (0x80 if end else 0)]) + duration.to_bytes(2, "big")
            data = rtp.build(self.event_type, self.sequence, stamp, self.ssrc, payload, number == 1)
            self.sequence += 1
            for _ in range(2 if double else 1):
                self.sock.sendto(data, self.target)
            time.sleep(0.005)

    def start(self) -> Phone:
        """Talk and listen from now on."""
        for work in (self._talk, self._listen):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def _talk(self) -> None:
        begun = time.monotonic() - self.sent * 0.02
        while not self._stop.is_set():
            self.send_frame()
            time.sleep(max(0.0, begun + self.sent * 0.02 - time.monotonic()))

    def _listen(self) -> None:
        self.sock.settimeout(0.1)
        while not self._stop.is_set():
            try:
                data = self.sock.recv(2048)
            except TimeoutError:
                continue
            packet = rtp.parse(data)
            if packet is not None:
                self.packets.append(packet)
                if packet.payload_type in (0, 8):
                    self.heard.append(packet.payload)

    def stop(self) -> None:
        """Fall silent and close."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.sock.close()

    def samples(self, last_seconds: float = 1.0) -> NDArray[np.int16]:
        """What it heard last."""
        octets = np.frombuffer(b"".join(self.heard[-round(last_seconds * 50) :]), dtype=np.uint8)
        decoded: NDArray[np.int16] = g711.decode(octets[None], np.array([g711.law_index(self.codec)], dtype=np.uint8))[0]
        return decoded

    def hears(self, hertz: float, last_seconds: float = 0.6) -> bool:
        """Whether the tone is in what it heard last."""
        return level(self.samples(last_seconds), hertz) > 1500


def level(samples: NDArray[np.int16], hertz: float) -> float:
    """Amplitude of one frequency."""
    if not len(samples):
        return 0.0
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / 8000)
    return float(2 * abs(np.mean(samples * turn)))


class Bench:
    """A running worker with its switch."""

    def __init__(self, worker: MediaWorker, switch: SwitchEnd, settings: MediaSettings) -> None:
        self.worker, self.switch, self.settings = worker, switch, settings
        self.phones: list[Phone] = []

    def connect(self, name: str, phone: Phone, **remote: Any) -> m.PortOpened:
        """Open a row and join a phone to it."""
        opened: m.PortOpened = self.switch.ask(m.OpenPort, port=name)
        assert isinstance(opened, m.PortOpened), opened
        phone.target = ("127.0.0.1", opened.rtp_port)
        fields = {"address": phone.address, "rtp_port": phone.port, "codec": phone.codec, "event_type": phone.event_type, **remote}
        self.switch.do(m.SetRemote, port=name, **fields)
        self.phones.append(phone)
        return opened

    def bridge(self, one: str, other: str) -> None:
        """Both hear each other."""
        self.switch.do(m.Link, port=one, source=other)
        self.switch.do(m.Link, port=other, source=one)


@contextmanager
def running_worker(home: Path, **fields: Any) -> Iterator[Bench]:
    """A worker in a thread, on ports of its own, with a switch connected."""
    with tempfile.TemporaryDirectory() as folder:
        low = free_range(100)
        given = {"home": home, "socket": Path(folder) / "m.sock", "ports": (low, low + 99), "rows": 64, "recordings": 16, **fields}
        settings = MediaSettings(**given)
        worker = MediaWorker(settings, SystemClock())
        thread = threading.Thread(target=worker.run)
        thread.start()
        switch = SwitchEnd(settings.socket)
        bench = Bench(worker, switch, settings)
        try:
            yield bench
        finally:
            for phone in bench.phones:
                phone.stop()
            switch.close()
            worker.stop()
            thread.join(10)
            assert not thread.is_alive()
