"""The long versions: ten minutes of two-track alignment, 100,000 malformed packets (``YITONG_FUZZ_PACKETS`` of the guard test)."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from tests.switches.media.media_peer import Phone, running_worker
from tests.switches.media.test_media_record import read_stereo

from yitong.ct.switches.soft import media_messages as m

_MINUTES = 10


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_after_ten_minutes_a_mark_lies_together_on_both_tracks(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    frames = _MINUTES * 60 * 50
    with running_worker(tmp_path) as bench:
        for name in ("l", "r"):
            phone = Phone()
            phone.audio = np.zeros(frames * 160, dtype=np.int16)
            phone.audio[40000::40000] = 20000
            lost = set(np.flatnonzero(random.random(frames) < 0.03).tolist())
            phone.lose = lost.__contains__
            bench.connect(name, phone)
        bench.bridge("l", "r")
        bench.switch.do(m.MediaRecord, recording="r", left="l", right="r", file="r.wav")
        for phone in bench.phones:
            phone.start()
        for on in (True, False, True, False):
            time.sleep(_MINUTES * 12)
            bench.switch.do(m.MarkHold, recording="r", on=on)
            bench.switch.do(m.Link, port="l", source="r", gain=0.0 if on else 1.0)
        time.sleep(_MINUTES * 12 - 5)
        bench.switch.do(m.StopRecord, recording="r")
        done = bench.switch.wait(m.MediaRecorded, seconds=30)
    left, right = (np.flatnonzero(track > 10000) for track in read_stereo(tmp_path / "recordings" / "r.wav"))
    near = [gap for gap in (int(np.min(abs(right - at))) for at in left) if gap < 8000]
    assert len(done.holds) == 2
    assert len(near) > _MINUTES * 8
    assert max(near) <= 160
