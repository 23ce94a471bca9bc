"""Strangers, malformed packets, silence, ports that run out, a switch that comes back."""

from __future__ import annotations

import os
import resource
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from tests.figures import figure
from tests.switches.media.media_peer import Bench, Phone, SwitchEnd, running_worker

from yitong.ct.model import Prompt
from yitong.ct.switches.soft import media_messages as m
from yitong.media import rtcp, rtp

FUZZ = int(os.environ.get("YITONG_FUZZ_PACKETS", "5000"))


def pair(bench: Bench) -> tuple[Phone, Phone, m.PortOpened]:
    """Two phones in a call."""
    alice, bob = Phone(400), Phone(700)
    opened = bench.connect("a", alice)
    bench.connect("b", bob)
    bench.bridge("a", "b")
    return alice, bob, opened


@pytest.mark.parametrize("same_ssrc", [True, False])
@pytest.mark.case("M1")
def test_a_stranger_is_counted_never_heard_and_gets_nothing(tmp_path: Path, same_ssrc: bool) -> None:
    with running_worker(tmp_path) as bench:
        alice, bob, opened = pair(bench)
        alice.start()
        bob.start()
        time.sleep(0.5)
        stranger = Phone(1500)
        bench.phones.append(stranger)
        stranger.target = ("127.0.0.1", opened.rtp_port)
        if same_ssrc:
            stranger.ssrc, stranger.sequence, stranger.timestamp = alice.ssrc, alice.sequence, alice.timestamp
        stranger.start()
        time.sleep(1.0)
        assert bob.hears(400, 0.5)
        assert not bob.hears(1500, 1.0)
        assert stranger.packets == []
        bench.switch.do(m.ClosePort, port="a")
        strangers = bench.switch.wait(m.PortClosed, port="a").strangers
        assert strangers > 30
        figure("M1", f"{strangers} packets of a stranger counted, none heard, none answered")


@pytest.mark.case("M2")
def test_the_address_of_the_sdp_wins_over_a_stranger_who_was_first(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        alice, bob, opened = pair(bench)
        stranger = Phone(1500)
        bench.phones.append(stranger)
        stranger.target = ("127.0.0.1", opened.rtp_port)
        bob.start()
        stranger.start()
        time.sleep(0.5)
        alice.start()
        time.sleep(0.8)
        assert bob.hears(400, 0.3)
        assert not bob.hears(1500, 0.3)
        before = len(stranger.packets)
        time.sleep(0.4)
        assert len(stranger.packets) == before


def test_a_phone_behind_nat_is_learnt_after_five_packets(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        alice, bob = Phone(400), Phone(700)
        bench.connect("a", alice, address="10.1.2.3", rtp_port=4000)
        bench.connect("b", bob)
        bench.bridge("a", "b")
        alice.start()
        bob.start()
        bench.switch.wait(m.MediaConnected, port="a")
        time.sleep(0.6)
        assert alice.hears(700, 0.3)
        assert bob.hears(400, 0.3)


@pytest.mark.case("M5")
def test_malformed_packets_hurt_nobody(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    with running_worker(tmp_path) as bench:
        alice, bob, opened = pair(bench)
        web = bench.switch.ask(m.OpenPort, port="web", secure=True)
        alice.start()
        bob.start()
        time.sleep(0.3)
        good = [
            rtp.build(8, 1, 2, 3, bytes(160)),
            rtp.build(101, 1, 2, 3, bytes(4)),
            b"\x16\xfe\xfd" + bytes(50),
            b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12),
        ]
        good.append(rtcp.build_report(1, 2, 3, 4, 5, None, "x"))
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM), alice.sock]
        targets = [opened.rtp_port, opened.rtcp_port, web.rtp_port]
        for number in range(FUZZ):
            if number % 2:
                data = random.bytes(int(random.integers(0, 400)))
            else:
                mutated = bytearray(good[number // 2 % len(good)])
                mutated[int(random.integers(0, len(mutated)))] = int(random.integers(0, 256))
                data = bytes(mutated)[: int(random.integers(1, len(mutated) + 1))]
            sockets[0].sendto(data, ("127.0.0.1", targets[number % 3]))
            if number % 10 == 0 and (len(data) < 12 or data[0] >> 6 != 2):
                sockets[1].sendto(data, ("127.0.0.1", opened.rtp_port))
            if number % 100 == 0:
                time.sleep(0.01)
        time.sleep(0.5)
        assert bob.hears(400, 0.3)
        assert alice.hears(700, 0.3)
        sockets[0].close()
        bench.switch.do(m.ClosePort, port="b")
        closed = bench.switch.wait(m.PortClosed, port="b")
        assert closed.lost <= closed.packets * 0.005 + 1


def test_malformed_requests_are_answered(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        for data in (b"", b"\xc1", b"\x81\xa2id\x07", b"nonsense"):
            if data:
                bench.switch.sock.send(data)
        refusal = bench.switch.wait(m.Refusal, id=7)
        assert refusal.reason == "bad_request"
        bench.connect("a", Phone())
        for fields in ({"address": "nowhere"}, {"codec": 3}, {"rtp_port": 70000}, {"event_type": 300}):
            given = {"address": "127.0.0.1", "rtp_port": 4000, "codec": 8, **fields}
            assert bench.switch.ask(m.SetRemote, port="a", **given).reason == "bad_request"
        for kind in (m.ClosePort, m.MediaStop):
            assert bench.switch.ask(kind, port="none").reason == "no_such_port"


def test_its_own_port_as_remote_side_is_refused(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        opened = bench.switch.ask(m.OpenPort, port="a")
        answer = bench.switch.ask(m.SetRemote, port="a", address="127.0.0.1", rtp_port=opened.rtp_port)
        assert answer.reason == "bad_request"


@pytest.mark.case("M8")
def test_ports_that_run_out_are_refused_at_once_and_come_back(tmp_path: Path) -> None:
    with running_worker(tmp_path, rows=200) as bench:
        answers = [bench.switch.ask(m.OpenPort, port=str(number)) for number in range(60)]
        refused = [answer for answer in answers if isinstance(answer, m.Refusal)]
        assert refused
        assert {answer.reason for answer in refused} == {"no_ports"}
        assert bench.switch.wait(m.MediaAlarm).code == "ports_low"
        bench.switch.do(m.ClosePort, port="0")
        assert isinstance(bench.switch.ask(m.OpenPort, port="again"), m.PortOpened)


@pytest.mark.case("F5")
def test_without_a_descriptor_a_row_is_refused_and_those_that_are_there_go_on(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        alice, bob, _ = pair(bench)
        os.close(lowest := os.open("/dev/null", os.O_RDONLY))
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
        try:
            refused = [bench.switch.ask(m.OpenPort, port=f"c{number}") for number in range(3)]
            bench.switch.do(m.MediaRecord, recording="r", left="a", right="b", file="r.wav")
            assert not bench.switch.wait(m.MediaRecorded, recording="r").complete
            alice.start()
            bob.start()
            time.sleep(0.8)
            assert bob.hears(400, 0.3)
            assert alice.hears(700, 0.3)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert {one.reason for one in refused} == {"no_descriptors"}
        assert {one.code for one in bench.switch.seen(m.MediaAlarm)} == {"descriptors_low"}
        assert isinstance(bench.switch.ask(m.OpenPort, port="c0"), m.PortOpened)
        again = Phone(900)
        bench.connect("a", again)
        again.start()
        time.sleep(0.6)
        assert bob.hears(900, 0.3), "another side is heard on a row whose strangers nobody counts"


def test_the_same_port_opened_twice_is_one(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        first, second = bench.switch.ask(m.OpenPort, port="a"), bench.switch.ask(m.OpenPort, port="a")
        assert (first.rtp_port, first.ssrc) == (second.rtp_port, second.ssrc)


@pytest.mark.case("M6")
def test_silence_is_told_once_until_packets_come_again(tmp_path: Path) -> None:
    with running_worker(tmp_path, lost_seconds=1.0) as bench:
        phone = Phone(400)
        bench.connect("a", phone)
        for _ in range(10):
            phone.send_frame()
            time.sleep(0.02)
        lost = bench.switch.wait(m.MediaLost, port="a")
        assert lost.reason == "silence"
        assert 0.9 < lost.seconds < 3
        time.sleep(1.2)
        assert not bench.switch.seen(m.MediaLost)
        phone.start()
        time.sleep(1.2)
        phone.stop()
        bench.phones.clear()
        bench.switch.wait(m.MediaLost, port="a")


@pytest.mark.case("K1")
def test_rows_live_on_while_the_switch_is_away(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    with running_worker(tmp_path) as bench:
        alice, bob, opened = pair(bench)
        alice.start()
        bob.start()
        bench.switch.do(m.MediaRecord, recording="r", left="a", right="b", file="r.wav")
        bench.switch.do(m.MediaPlay, port="a", tag_id="music", prompts=(Prompt(file="tone:busy"),), loop=True)
        time.sleep(0.4)
        bench.switch.close()
        time.sleep(0.5)
        heard = len(bob.heard)
        alice.press("7")
        bench.switch = again = SwitchEnd(bench.settings.socket)
        state = again.ask(m.ListPorts)
        rows = {one.opened.port: one for one in state.ports}
        assert rows["a"].hears == (("b", 1.0),)
        assert rows["a"].opened.rtp_port == opened.rtp_port
        assert rows["a"].tag_id == "music"
        assert rows["b"].remote.rtp_port == bob.port
        assert state.recordings == (("r", "a", "b", "r.wav"),)
        assert again.wait(m.MediaDigit, port="a").digit == "7"
        time.sleep(0.3)
        assert len(bob.heard) > heard
        assert bob.hears(400, 0.3)
        again.do(m.StopRecord, recording="r")
        assert again.wait(m.MediaRecorded).complete
        again.close()


def test_reports_are_sent_and_understood(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        phone = Phone(400)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports:
            reports.bind(("127.0.0.1", 0))
            reports.settimeout(8)
            opened = bench.connect("a", phone, rtcp_port=reports.getsockname()[1])
            phone.start()
            time.sleep(0.3)
            report = rtcp.parse(reports.recv(2048))
            assert report is not None
            assert report.ssrc == opened.ssrc
            assert report.packets > 0
            assert report.blocks[0].ssrc == phone.ssrc & 0xFFFFFFFF
            assert report.blocks[0].lost == 0
