"""Rows to whom nobody listens: little of them is read, nothing of them is missed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.switches.media.media_peer import Bench, Phone, running_worker

from yitong.ct.switches.soft import media_messages as m


class Stuck(Phone):
    """A telephone whose sequence number stands still, at one that the filter leaves out."""

    def send_frame(self) -> None:
        self.sequence = 65501
        super().send_frame()


def until(true: Callable[[], bool]) -> None:
    """Wait."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def eased(bench: Bench, name: str) -> bool:
    """Whether one packet in eight is read of a row."""
    return bench.worker._control.rows[name].eased


def test_a_hearer_is_read_now_and_then_and_wholly_when_he_speaks(tmp_path: Path) -> None:
    """His keys come through, his packets count as sent; who then listens hears him; a telephone that does not count is not lost."""
    with running_worker(tmp_path, lost_seconds=3.0) as bench:
        speaker, hearer, stuck = Phone(400), Phone(700), Stuck(900)
        for name, phone in (("s", speaker), ("h", hearer), ("t", stuck)):
            bench.connect(name, phone)
        bench.switch.do(m.Link, port="h", source="s")
        bench.switch.do(m.Link, port="t", source="s")
        for phone in (speaker, hearer, stuck):
            phone.start()
        until(lambda: eased(bench, "h"))
        assert not eased(bench, "s")
        hearer.press("5")
        assert bench.switch.wait(m.MediaDigit, port="h").digit == "5"
        until(lambda: bench.worker._control.rows["t"].irregular)
        assert hearer.hears(400)
        assert eased(bench, "h")
        bench.switch.do(m.Link, port="s", source="h")
        assert not eased(bench, "h")
        until(lambda: speaker.hears(700))
        bench.switch.do(m.Link, port="s", source="h", gain=0.0)
        bench.switch.do(m.Link, port="s", source="t")
        until(lambda: speaker.hears(900))
        assert bench.switch.seen(m.MediaLost) == []
        bench.switch.do(m.ClosePort, port="h")
        closed = bench.switch.wait(m.PortClosed, port="h")
        assert closed.lost <= 8
        assert abs(closed.packets - hearer.sent) < 40
