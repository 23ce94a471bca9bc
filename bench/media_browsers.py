"""Browsers for the load: ICE, DTLS and SRTP by our own parts, each saying one sound 50 times a second.

Prints the fingerprint of their certificate, reads one JSON list of rows ``[port, ufrag, password, fingerprint]`` from standard input,
prints ``ready`` when all are connected, and then how many packets they heard when the input ends.
"""

from __future__ import annotations

import datetime
import json
import select
import socket
import sys
import tempfile
import time
from pathlib import Path

from aioice import stun

from yitong.ct.switches.soft.media_certificate import Certificate, load_or_make
from yitong.ct.switches.soft.media_dtls import Handshake, Keys
from yitong.ct.switches.soft.media_srtp import Srtp
from yitong.media import rtp

FRAME_SECONDS = 0.02
CHECK_SECONDS = 0.2
PATIENCE_SECONDS = 60.0
SOUND = b"\x55\xd5\x2a\xaa" * 40


class Browser:
    """One of them."""

    def __init__(self, certificate: Certificate, number: int, port: int, ufrag: str, password: str, fingerprint: str) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.connect(("127.0.0.1", port))
        self.srtp: Srtp | None = None
        self.heard = 0
        self._number = number
        self._ufrag, self._password = ufrag, password
        self._handshake = Handshake(certificate, client=True, fingerprint=fingerprint)

    def check(self) -> None:
        """A connectivity check, and what is due of the handshake."""
        message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        message.attributes.update({"USERNAME": f"{self._ufrag}:load", "PRIORITY": 1, "ICE-CONTROLLING": 1, "USE-CANDIDATE": None})
        message.add_message_integrity(self._password.encode())
        self.sock.send(bytes(message))
        self._shake(None)

    def read(self) -> None:
        """Everything that has come."""
        while True:
            try:
                data = self.sock.recv(2048)
            except OSError:
                return
            if 20 <= data[0] <= 63:
                self._shake(data)
            elif data[0] >= 128 and not 192 <= data[1] <= 223:
                self.heard += 1

    def say(self, count: int) -> None:
        """The next 20 ms."""
        if self.srtp is not None:
            self.sock.send(self.srtp.protect(rtp.build(8, count & 0xFFFF, 160 * count & 0xFFFFFFFF, self._number + 1, SOUND)))

    def _shake(self, data: bytes | None) -> None:
        out, result = self._handshake.go_on(data)
        for one in out:
            self.sock.send(one)
        if isinstance(result, Keys):
            self.srtp = Srtp(result.theirs, result.ours)


def connect(browsers: list[Browser], epoll: select.epoll, by_descriptor: dict[int, Browser]) -> bool:
    """Until all have their keys; false when that takes too long."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (waiting := [browser for browser in browsers if browser.srtp is None]) and time.monotonic() < end:
        for browser in waiting:
            browser.check()
        due = time.monotonic() + CHECK_SECONDS
        while (left := due - time.monotonic()) > 0:
            for descriptor, _ in epoll.poll(left):
                by_descriptor[descriptor].read()
    return not waiting


def talk(browsers: list[Browser], epoll: select.epoll, by_descriptor: dict[int, Browser]) -> None:
    """Until the input ends."""
    ended = select.poll()
    ended.register(sys.stdin, select.POLLIN | select.POLLHUP)
    count, due = 0, time.monotonic()
    while not ended.poll(0):
        for browser in browsers:
            browser.say(count)
        count, due = count + 1, due + FRAME_SECONDS
        while (left := due - time.monotonic()) > 0:
            for descriptor, _ in epoll.poll(left):
                by_descriptor[descriptor].read()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        certificate = load_or_make(Path(name) / "dtls.pem", datetime.datetime.now(datetime.UTC))
    print(certificate.fingerprint, flush=True)
    browsers = [Browser(certificate, number, *row) for number, row in enumerate(json.loads(sys.stdin.readline()))]
    epoll, by_descriptor = select.epoll(), {browser.sock.fileno(): browser for browser in browsers}
    for descriptor in by_descriptor:
        epoll.register(descriptor, select.EPOLLIN)
    print("ready" if connect(browsers, epoll, by_descriptor) else "not all are connected", flush=True)
    talk(browsers, epoll, by_descriptor)
    print(sum(browser.heard for browser in browsers), flush=True)


if __name__ == "__main__":
    main()
