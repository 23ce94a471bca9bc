"""SRTP with keys in the description, as desk phones do it (RFC 4568), between real sockets."""

from __future__ import annotations

import base64
import os
import socket
import time
from pathlib import Path

import pytest
from tests.figures import figure
from tests.switches.media.media_peer import Phone, running_worker

from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.media_srtp import Srtp

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")


class SealedSocket:
    """A phone's socket that speaks SRTP."""

    def __init__(self, sock: socket.socket, srtp: Srtp) -> None:
        self._sock, self._srtp = sock, srtp
        self.unreadable = 0

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        self._sock.sendto(self._srtp.protect(data), address)

    def recv(self, size: int) -> bytes:
        plain = self._srtp.open(self._sock.recv(size))
        self.unreadable += plain is None
        return plain or b""

    def settimeout(self, seconds: float) -> None:
        self._sock.settimeout(seconds)

    def close(self) -> None:
        self._sock.close()


def keys() -> tuple[str, str]:
    """Theirs and ours."""
    theirs, ours = (base64.b64encode(os.urandom(30)).decode() for _ in range(2))
    return theirs, ours


def sealed(phone: Phone, suite: str, theirs: str, ours: str) -> SealedSocket:
    """Let a phone speak SRTP: it sends with their key and opens with ours."""
    phone.sock = SealedSocket(phone.sock, Srtp(base64.b64decode(ours), base64.b64decode(theirs), suite))  # type: ignore[assignment]
    return phone.sock  # type: ignore[return-value]


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.case("M3")
def test_both_directions_are_sealed_and_wrong_tags_change_nothing(tmp_path: Path, suite: str) -> None:
    with running_worker(tmp_path) as bench:
        alice, bob = Phone(400), Phone(700)
        theirs, ours = keys()
        seal = sealed(alice, suite, theirs, ours)
        opened = bench.connect("a", alice, suite=suite, their_key=theirs, our_key=ours)
        bench.connect("b", bob)
        bench.bridge("a", "b")
        alice.start()
        bob.start()
        time.sleep(0.8)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in range(1000):
                forged = bytes([0x80, 8]) + number.to_bytes(2, "big") + os.urandom(178)
                stranger.sendto(forged, ("127.0.0.1", opened.rtp_port))
        for _ in range(1000):
            seal._sock.sendto(bytes([0x80, 8]) + os.urandom(180), ("127.0.0.1", opened.rtp_port))
        time.sleep(0.8)
        assert bob.hears(400, 0.4)
        assert alice.hears(700, 0.4)
        assert seal.unreadable == 0
        bench.switch.do(m.ClosePort, port="a")
        closed = bench.switch.wait(m.PortClosed, port="a")
        assert closed.lost <= 5
        assert closed.strangers >= 100
        figure("M3", "2,000 packets with wrong tags into an SRTP talk: none heard, the talk went on both ways")


def test_a_phone_that_says_the_same_keys_again_is_heard_on(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        alice, bob = Phone(400), Phone(700)
        theirs, ours = keys()
        sealed(alice, SUITES[0], theirs, ours)
        fields = {"suite": SUITES[0], "their_key": theirs, "our_key": ours}
        bench.connect("a", alice, **fields)
        bench.connect("b", bob)
        bench.bridge("a", "b")
        alice.start()
        bob.start()
        time.sleep(0.5)
        bench.switch.do(m.SetRemote, port="a", address=alice.address, rtp_port=alice.port, codec=8, event_type=101, **fields)
        time.sleep(0.5)
        assert bob.hears(400, 0.4)
        assert alice.hears(700, 0.4)


def test_unusable_keys_are_refused(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        bench.switch.ask(m.OpenPort, port="a")
        for suite, theirs, ours in (("AES_256", *keys()), (SUITES[0], "x", keys()[1]), (SUITES[0], keys()[0], "QUJD")):
            answer = bench.switch.ask(m.SetRemote, port="a", address="127.0.0.1", rtp_port=9, suite=suite, their_key=theirs, our_key=ours)
            assert answer.reason == "bad_request"
