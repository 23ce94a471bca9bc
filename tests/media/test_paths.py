"""Speech over bad paths, through the plane in virtual time: what the jitter buffer adds, and what it loses."""

from __future__ import annotations

import numpy as np
import pytest
from bench.media_quality import SKIP, Heard, on_plane
from tests.figures import figure

from yitong.media.quality import estimate_mos

SECONDS = 12.0


def judged(heard: Heard) -> tuple[float, float, float]:
    """The share that was not heard, of it what our buffer lost, and the median delay in ms; the buffer's learning left out."""
    wanted = range(SKIP, heard.sent - 20)
    missing = sum(number not in heard.delays for number in wanted)
    ours = sum(number in heard.came and number not in heard.delays for number in wanted)
    delay = float(np.median([heard.delays[number] for number in wanted if number in heard.delays]))
    return missing / len(wanted), ours / len(wanted), delay


@pytest.mark.parametrize("loss", [0.0, 5.0])
@pytest.mark.parametrize("jitter", [0, 20, 50, 80, 100])
@pytest.mark.case("M7")
def test_the_buffer_adapts_to_the_path_and_loses_nothing_that_came(loss: float, jitter: int) -> None:
    missing, ours, delay = judged(on_plane(SECONDS, loss, jitter))
    assert ours <= 0.01
    assert delay <= jitter + 30
    mos = estimate_mos(missing, 20 + delay)
    assert mos > (4.2 if loss == 0 else 3.3)
    if (loss, jitter) == (5.0, 80):
        figure("M7", f"5 % loss, 80 ms jitter: delay {delay:.0f} ms, {100 * ours:.1f} % lost by our buffer, MOS {mos:.2f}")
