"""Pairs of ports that are bound before the call: whoever is called need not wait for them."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from tests.switches.media.media_peer import Phone, SwitchEnd, running_worker

from yitong.ct.switches.soft import media_messages as m


def test_a_call_gets_a_stocked_pair_and_hears_nothing_that_came_before(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        stock = bench.switch.ask(m.KeepStock, count=4).pairs
        assert len({pair.rtp_port for pair in stock}) == 4
        stranger = Phone(1500)
        bench.phones.append(stranger)
        stranger.target = ("127.0.0.1", stock[0].rtp_port)
        for _ in range(20):
            stranger.send_frame()

        alice, bob = Phone(400), Phone(700)
        opened = bench.switch.ask(m.OpenPort, port="a", pair=stock[0].rtp_port)
        assert (opened.rtp_port, opened.rtcp_port, opened.ssrc) == (stock[0].rtp_port, stock[0].rtp_port + 1, stock[0].ssrc)
        assert bench.switch.ask(m.OpenPort, port="a", pair=stock[0].rtp_port) == m.PortOpened(
            id=bench.switch.asked, port="a", rtp_port=opened.rtp_port, rtcp_port=opened.rtcp_port, ssrc=opened.ssrc
        )
        assert bench.switch.ask(m.OpenPort, port="c", pair=stock[0].rtp_port).reason == "bad_request"
        bench.phones.append(alice)
        alice.target = ("127.0.0.1", opened.rtp_port)
        bench.switch.do(m.SetRemote, port="a", address=alice.address, rtp_port=alice.port, codec=alice.codec, event_type=101)
        bench.connect("b", bob)
        bench.bridge("a", "b")
        alice.start()
        bob.start()
        end = time.monotonic() + 20
        while not (bob.hears(400) and alice.hears(700)):
            assert time.monotonic() < end, "they do not hear each other"
            time.sleep(0.1)
        bench.switch.do(m.ClosePort, port="a")
        assert bench.switch.wait(m.PortClosed, port="a").strangers == 0


def test_the_next_switch_finds_the_stock_and_a_stop_frees_it(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        first = bench.switch.ask(m.KeepStock, count=3).pairs
        bench.switch.ask(m.OpenPort, port="a", pair=first[0].rtp_port)
        bench.switch.close()
        following = SwitchEnd(bench.settings.socket)
        assert set(following.ask(m.KeepStock, count=3).pairs) > set(first[1:])
        assert following.ask(m.OpenPort, port="b", pair=first[0].rtp_port).reason == "bad_request"
        following.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((bench.settings.bind, first[1].rtp_port))


def test_a_stock_leaves_most_of_what_there_is(tmp_path: Path) -> None:
    with running_worker(tmp_path, rows=16) as bench:
        stock = bench.switch.ask(m.KeepStock, count=60).pairs
        assert 0 < len(stock) <= 8
        bench.worker.refusing = "descriptors_low"
        assert bench.switch.ask(m.KeepStock, count=60).pairs == stock
        assert bench.switch.ask(m.OpenPort, port="new").reason == "descriptors_low"
        bench.switch.ask(m.OpenPort, port="promised", pair=stock[0].rtp_port)
        assert bench.switch.ask(m.KeepStock, count=60).pairs == stock[1:]
