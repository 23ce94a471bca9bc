"""Prompts, keys and PlayCollect on a real row."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.switches.media.media_peer import Bench, Phone, running_worker

from yitong.ct.model import Prompt
from yitong.ct.switches.soft import media_messages as m
from yitong.media import tones, wav


def write_prompt(home: Path, name: str, hertz: float, seconds: float) -> None:
    samples = tones.sine(hertz, seconds)
    path = home / "prompts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav.header(2 * len(samples), 1) + samples.tobytes())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    write_prompt(tmp_path, "long.wav", 600, 5.0)
    write_prompt(tmp_path, "zh/short.wav", 900, 0.4)
    with running_worker(tmp_path) as running:
        phone = Phone(300)
        running.connect("a", phone)
        phone.start()
        yield running


def test_a_list_of_prompts_and_silence_plays_to_its_end(bench: Bench) -> None:
    prompts = (Prompt(file="zh/short.wav"), Prompt(silence_ms=200), Prompt(file="zh/short.wav"))
    begun = time.monotonic()
    bench.switch.do(m.MediaPlay, port="a", tag_id="p1", prompts=prompts)
    played = bench.switch.wait(m.MediaPlayed, tag_id="p1")
    assert played.completed
    assert 0.8 < time.monotonic() - begun < 2.5
    assert bench.phones[0].hears(900, 0.3)


def test_a_new_play_replaces_the_old_and_a_loop_goes_on(bench: Bench) -> None:
    bench.switch.do(m.MediaPlay, port="a", tag_id="music", prompts=(Prompt(file="zh/short.wav"),), loop=True)
    time.sleep(1.2)
    assert bench.phones[0].hears(900, 0.5)
    bench.switch.do(m.MediaPlay, port="a", tag_id="tone", prompts=(Prompt(file="tone:ringback"),), loop=True)
    assert not bench.switch.wait(m.MediaPlayed, tag_id="music").completed
    time.sleep(0.7)
    assert bench.phones[0].hears(450, 0.4)
    bench.switch.do(m.MediaStop, port="a")
    assert not bench.switch.wait(m.MediaPlayed, tag_id="tone").completed


@pytest.mark.parametrize("name", ["none.wav", "../secret.wav", "/etc/passwd", "tone:nothing", "broken.wav"])
def test_what_cannot_be_played_is_refused(bench: Bench, name: str) -> None:
    (bench.settings.home / "prompts" / "broken.wav").write_bytes(b"RIFF....WAVE")
    answer = bench.switch.ask(m.MediaPlay, port="a", tag_id="p", prompts=(Prompt(file=name),))
    assert isinstance(answer, m.Refusal)
    assert answer.reason == "no_such_file"


def test_a_key_stops_the_prompt_at_once_and_counts(bench: Bench) -> None:
    phone = bench.phones[0]
    bench.switch.do(m.MediaCollect, port="a", tag_id="c", prompts=(Prompt(file="long.wav"),))
    time.sleep(0.6)
    assert phone.hears(600, 0.3)
    begun = time.monotonic()
    phone.press("5")
    collected = bench.switch.wait(m.MediaCollected, tag_id="c")
    assert (collected.digits, collected.reason) == ("5", "digits")
    assert time.monotonic() - begun < 0.5
    time.sleep(0.5)
    assert not phone.hears(600, 0.3)


def test_keys_pressed_before_count_unless_discarded(bench: Bench) -> None:
    phone = bench.phones[0]
    for key in "123":
        phone.press(key)
        assert bench.switch.wait(m.MediaDigit).digit == key
    bench.switch.do(m.MediaCollect, port="a", tag_id="c", prompts=(Prompt(file="long.wav"),), maximum=2)
    assert bench.switch.wait(m.MediaCollected, tag_id="c").digits == "12"
    bench.switch.do(m.MediaCollect, port="a", tag_id="d", discard=True, first_seconds=0.2)
    collected = bench.switch.wait(m.MediaCollected, tag_id="d")
    assert (collected.digits, collected.reason) == ("", "timeout")


def test_without_barge_in_keys_wait_for_the_end_of_the_prompt(bench: Bench) -> None:
    bench.switch.do(m.MediaCollect, port="a", tag_id="c", prompts=(Prompt(file="zh/short.wav"),), barge_in=False)
    time.sleep(0.15)
    bench.phones[0].press("7")
    assert bench.switch.wait(m.MediaCollected, tag_id="c").digits == "7"
    assert bench.phones[0].hears(900, 0.2)


def test_terminator_and_time_between_keys(bench: Bench) -> None:
    bench.switch.do(m.MediaCollect, port="a", tag_id="c", maximum=8, terminators="#", between_seconds=2.0)
    for key in "42#":
        bench.phones[0].press(key)
    collected = bench.switch.wait(m.MediaCollected, tag_id="c")
    assert (collected.digits, collected.reason) == ("42", "terminator")
    bench.switch.do(m.MediaCollect, port="a", tag_id="d", minimum=3, maximum=8, between_seconds=0.3)
    bench.phones[0].press("9")
    collected = bench.switch.wait(m.MediaCollected, tag_id="d")
    assert (collected.digits, collected.reason) == ("9", "timeout")


def test_a_missing_prompt_and_a_stop_end_a_collection(bench: Bench) -> None:
    bench.switch.do(m.MediaCollect, port="a", tag_id="c", prompts=(Prompt(file="none.wav"),))
    assert bench.switch.wait(m.MediaCollected, tag_id="c").reason == "prompt_missing"
    bench.switch.do(m.MediaCollect, port="a", tag_id="d", prompts=(Prompt(file="long.wav"),))
    bench.switch.do(m.MediaStop, port="a")
    assert bench.switch.wait(m.MediaCollected, tag_id="d").reason == "stopped"


def test_lost_and_doubled_end_packets_make_no_second_key(bench: Bench) -> None:
    phone = bench.phones[0]
    phone.press("1", ends=0)
    phone.press("1", double=True)
    phone.press("2", ends=1)
    time.sleep(0.3)
    assert [event.digit for event in bench.switch.seen(m.MediaDigit)] == ["1", "1", "2"]


def test_keys_in_the_audio_are_heard_when_the_phone_has_no_events(tmp_path: Path) -> None:
    time_axis = np.arange(800) / 8000
    key = (np.sin(2 * np.pi * 770 * time_axis) + np.sin(2 * np.pi * 1336 * time_axis)) * 6000
    gap = np.zeros(1600)
    with running_worker(tmp_path) as running:
        phone = Phone()
        phone.audio = np.concatenate([gap, gap, key, gap, key, gap]).astype(np.int16)
        running.connect("a", phone, event_type=-1)
        phone.start()
        time.sleep(1.4)
        assert [event.digit for event in running.switch.seen(m.MediaDigit)] == ["5", "5"]


def test_keys_sent_arrive_as_events(bench: Bench) -> None:
    time.sleep(0.2)
    bench.switch.do(m.MediaDigits, port="a", digits="4#")
    time.sleep(0.7)
    events = [packet for packet in bench.phones[0].packets if packet.payload_type == 101]
    keys = {packet.timestamp: packet.payload[0] for packet in events}
    assert list(keys.values()) == [4, 11]
    assert sum(packet.payload[1] & 0x80 > 0 for packet in events) == 6
    assert [packet.marker for packet in events].count(True) == 2
    sequences = [packet.sequence for packet in bench.phones[0].packets]
    assert all(later - earlier & 0xFFFF == 1 for earlier, later in pairwise(sequences))
