"""The mark of a download: the same however the sound comes in, not there in silence, and never found where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from yitong.media.opus_file import Samples
from yitong.media.watermark import SURE, Marker, certainties

SECRET, TICKET = b"s" * 32, b"0199f0f0-0000-7000-8000-000000000001"
PROMPTS = Path(__file__).parents[2] / "packs" / "demo" / "prompts"


@pytest.fixture(scope="module")
def speech() -> Samples:
    said = [soundfile.read(path, dtype="int16")[0] for path in sorted(PROMPTS.rglob("*.wav"))[:25]]
    whole = np.concatenate(said)[:80_000]
    return np.stack([whole, np.roll(whole, 40_000)], axis=1)


def marked(sound: Samples, step: int = 8000) -> Samples:
    marker = Marker(SECRET, TICKET, sound.shape[1])
    return np.concatenate([*(marker.feed(sound[at : at + step]) for at in range(0, len(sound), step)), marker.flush()])


def test_it_is_found_for_its_ticket_alone(speech: Samples) -> None:
    others = [f"0199f0f0-0000-7000-8000-{number:012d}".encode() for number in range(2, 60)]
    found, *chance = certainties(marked(speech), SECRET, [TICKET, *others])
    assert found > 2 * SURE
    assert max(chance) < SURE
    assert max(certainties(speech, SECRET, [TICKET, *others])) < SURE
    assert max(certainties(marked(speech), b"another secret", [TICKET])) < SURE


@pytest.mark.parametrize("step", [1000, 37, 80_000])
def test_blocks_of_any_size_give_the_same_sound(speech: Samples, step: int) -> None:
    short = speech[:4001]
    assert np.array_equal(marked(short, step), marked(short, 160))
    assert marked(short, step).shape == short.shape


def test_silence_stays_silent_and_short_sounds_whole() -> None:
    for frames in (0, 1, 127, 128, 129, 5000):
        silence = np.zeros((frames, 2), np.int16)
        assert np.array_equal(marked(silence) if frames else silence, silence)
    assert certainties(np.zeros((8000, 2), np.int16), SECRET, [TICKET]) == [0.0]
