"""Who hears whom, by frequency, over real UDP sockets."""

from __future__ import annotations

import time
from pathlib import Path

from tests.switches.media.media_peer import Phone, running_worker

from yitong.ct.switches.soft import media_messages as m
from yitong.media import g711


def test_three_parties_and_a_listener_hear_whom_they_should(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        alice, bob, carol, ear = Phone(400), Phone(700, g711.PCMU), Phone(1100), Phone(1900)
        for name, phone in (("a", alice), ("b", bob), ("c", carol), ("ear", ear)):
            bench.connect(name, phone)
        for row in "abc":
            for source in "abc":
                if row != source:
                    bench.switch.do(m.Link, port=row, source=source)
            bench.switch.do(m.Link, port="ear", source=row)
        for phone in bench.phones:
            phone.start()
        time.sleep(1.2)
        heard = [{tone for tone in (400, 700, 1100, 1900) if phone.hears(tone)} for phone in bench.phones]
    assert heard == [{700, 1100}, {400, 1100}, {400, 700}, {400, 700, 1100}]


def test_a_conference_row_gives_everybody_all_but_himself(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        assert isinstance(bench.switch.ask(m.OpenPort, port="room", bus=True), m.PortOpened)
        for tone in (400, 700, 1100):
            bench.connect(str(tone), Phone(tone))
            bench.switch.do(m.Link, port="room", source=str(tone))
            bench.switch.do(m.Link, port=str(tone), source="room")
        bench.connect("ear", Phone(1900))
        bench.switch.do(m.Link, port="ear", source="room")
        for phone in bench.phones:
            phone.start()
        time.sleep(1.2)
        heard = [{tone for tone in (400, 700, 1100, 1900) if phone.hears(tone)} for phone in bench.phones]
    assert heard == [{700, 1100}, {400, 1100}, {400, 700}, {400, 700, 1100}]


def test_taking_an_entry_out_ends_the_hearing(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        alice, bob = Phone(400), Phone(700, g711.PCMU)
        bench.connect("a", alice)
        bench.connect("b", bob)
        bench.bridge("a", "b")
        for phone in bench.phones:
            phone.start()
        time.sleep(0.8)
        assert alice.hears(700, 0.4)
        assert bob.hears(400, 0.4)
        bench.switch.do(m.Link, port="a", source="b", gain=0.0)
        time.sleep(0.6)
        assert not alice.hears(700, 0.4)
        assert bob.hears(400, 0.4)
        bench.switch.do(m.ClosePort, port="a")
        closed = bench.switch.wait(m.PortClosed, port="a")
        assert closed.packets > 50
        assert closed.lost == 0
        assert closed.mos > 4.0
        assert closed.sent > 50
