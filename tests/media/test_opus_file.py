"""Ogg Opus of two tracks: as long as it was, and what is said on one track is not heard on the other."""

from __future__ import annotations

import io

import numpy as np
import pytest

from yitong.media import opus_file
from yitong.media.opus_file import NoSound, Reading, Samples


def encoded(sound: Samples) -> io.BytesIO:
    out = io.BytesIO()
    opus_file.encode(iter([sound[at : at + 8000] for at in range(0, len(sound), 8000)]), out, sound.shape[1])
    return out


@pytest.mark.parametrize("frames", [1, 159, 160, 8001, 23_999])
@pytest.mark.parametrize("channels", [1, 2])
def test_as_many_samples_come_back(frames: int, channels: int) -> None:
    sound = np.zeros((frames, channels), np.int16)
    reading = Reading(encoded(sound))
    assert (reading.frames, reading.channels) == (frames, channels)
    assert sum(len(block) for block in reading.blocks()) == frames


def test_a_track_is_not_heard_on_the_other() -> None:
    at = np.arange(24_000) / 8000
    voice = (9000 * np.sin(2 * np.pi * 300 * at) * (1 + np.sin(2 * np.pi * 3 * at)) / 2).astype(np.int16)
    for loud in (0, 1):
        sound = np.zeros((24_000, 2), np.int16)
        sound[:, loud] = voice
        back = np.concatenate(list(Reading(encoded(sound)).blocks())).astype(np.float64)
        strengths = np.sqrt((back**2).mean(axis=0))
        assert strengths[1 - loud] < strengths[loud] / 1000
        assert np.dot(back[:, loud], voice) > 0.98 * np.sqrt(np.dot(back[:, loud], back[:, loud]) * np.dot(voice.astype(float), voice))


def test_what_is_no_sound_is_said() -> None:
    with pytest.raises(NoSound):
        Reading(io.BytesIO(b"no sound at all"))
