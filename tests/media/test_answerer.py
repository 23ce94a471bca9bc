"""Who answered: the rules on made-up speech, for whatever words and pauses; then the same on samples, through both laws, with noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.switches.speaking import rendered, sine, spoken

from yitong.media import fax_tones, g711
from yitong.media.answerer import ANSWERERS, Greeted, Listener, Rules, Verdict, words_of
from yitong.media.network_tones import Burst, Bursts, beep, network_tone
from yitong.media.pure_tone import pure
from yitong.media.rtp import FRAME
from yitong.sim.voices import BUSY, FAX, MACHINE, NOBODY, PERSON, Sound, Voice, speech, told_of, tone

RULES = Rules()
few = settings(max_examples=30, deadline=None)


def verdict(voice: Voice, rules: Rules = RULES, beep_ms: int = 0) -> Verdict:
    told = told_of(voice, rules, beep_ms=beep_ms)
    found = [one for _, one in told if isinstance(one, Verdict)]
    assert len(found) == 1, told
    return found[0]


def words(lengths: list[int], pauses: list[int]) -> Voice:
    return tuple(sound for length, pause in zip(lengths, pauses, strict=False) for sound in (speech(length * 20), Sound(pause * 20)))


@few
@given(
    before=st.integers(10, 40), lengths=st.lists(st.integers(6, 30), min_size=1, max_size=3),
    pauses=st.lists(st.integers(5, 30), min_size=3, max_size=3),
)  # fmt: skip
def test_a_few_words_and_a_pause_are_a_person(before: int, lengths: list[int], pauses: list[int]) -> None:
    ends = (before + sum(lengths) + sum(pauses[: len(lengths) - 1])) * 20
    assume(ends + RULES.pause + 40 <= RULES.limit)
    said = verdict((Sound(before * 20), *words(lengths, pauses), Sound(2_000)))
    assert (said.who, said.reason) == (("machine", "greeting") if sum(lengths) * 20 >= RULES.greeting else ("person", "pause"))
    assert said.milliseconds <= RULES.limit
    assert 0 < said.confidence <= 100


@few
@given(before=st.integers(0, 40), phrases=st.lists(st.tuples(st.integers(20, 90), st.integers(4, 35)), min_size=6, max_size=6))
def test_whoever_goes_on_speaking_is_a_machine(before: int, phrases: list[tuple[int, int]]) -> None:
    said = verdict((Sound(before * 20), *words([a for a, _ in phrases], [b for _, b in phrases]), speech(4_000)))
    assert said.who in ("machine", "unknown"), "never a person: nobody has paused"
    assert said.milliseconds <= RULES.limit


@few
@given(
    sounds=st.lists(st.tuples(st.integers(1, 60), st.sampled_from((0.0, 100.0, 400.0, 3_000.0)), st.sampled_from((0.0, 450.0, 1_000.0))))
)
def test_whatever_is_heard_one_verdict_comes_in_time(sounds: list[tuple[int, float, float]]) -> None:
    voice = tuple(Sound(length * 20, loud, hertz) for length, loud, hertz in sounds)
    said = verdict(voice)
    assert said.who in ANSWERERS
    assert said.milliseconds <= RULES.limit
    told = told_of(voice, RULES, beep_ms=5_000)
    assert [type(one) for _, one in told] in ([Verdict], [Verdict, Greeted])
    assert told[-1][0] <= RULES.limit + 5_000


@few
@given(noise=st.floats(0, 330))
def test_noise_is_no_speech(noise: float) -> None:
    assert verdict((Sound(6_000, noise),)).reason == "silence"


@few
@given(noise=st.floats(0, 300), loud=st.floats(1_000, 8_000))
def test_speech_stands_out_of_noise(noise: float, loud: float) -> None:
    said = verdict((Sound(500, noise), Sound(500, loud + noise), Sound(3_000, noise)))
    assert (said.who, said.measure) == ("person", 500)


@few
@given(hertz=st.floats(400, 460), on=st.integers(8, 24), off_share=st.floats(0.85, 1.15))
def test_a_busy_tone_is_busy_whatever_its_country(hertz: float, on: int, off_share: float) -> None:
    """ITU-T E.180: 300 to 1,100 ms in all, as long on as off, more or less."""
    voice = (tone(hertz, on * 20), Sound(max(8, round(on * off_share)) * 20)) * 12
    said = verdict(voice)
    assert (said.who, said.reason) == ("busy", "tone")
    assert told_of(voice, RULES, tones_only=True)[0][1].reason == "tone"


def test_tones_of_the_network_are_told_apart() -> None:
    assert verdict(BUSY).who == "busy"
    assert verdict((tone(450, 700), Sound(700)) * 9).who == "congestion"
    assert verdict((tone(950, 330), tone(1_400, 330), tone(1_800, 330), Sound(1_000)) * 3).who == "unobtainable"
    ringing = verdict((tone(450, 1_000), Sound(4_000)) * 9)
    assert ringing.who == "unknown", "it rings on behind a gateway that has answered"
    assert told_of((speech(5_000), Sound(5_000)), RULES, tones_only=True) == [], "an announcement before the answer is no verdict"


def test_the_beep_ends_the_greeting_and_alone_is_a_machine() -> None:
    told = told_of(MACHINE, RULES, beep_ms=20_000)
    assert [one.reason for _, one in told] == ["greeting", "beep"]
    at, greeted = told[1]
    assert isinstance(greeted, Greeted)
    assert abs(greeted.hertz - 1_000) < 10
    ends = sum(sound.milliseconds for sound in MACHINE)
    assert ends < at <= ends + 300, "after the beep, not into it"
    assert verdict((Sound(400), tone(1_400, 300))).reason == "beep"
    assert [one.reason for _, one in told_of((speech(6_000),), RULES, beep_ms=20_000)] == ["greeting", "silence"]
    assert [one.reason for _, one in told_of((speech(60_000),), RULES, beep_ms=3_000)] == ["greeting", "limit"]
    known = told_of((speech(2_000), tone(800, 300)), RULES, beep_ms=20_000, machine=True)
    assert [one.reason for _, one in known] == ["beep"]


def test_fax_and_nobody() -> None:
    assert verdict(FAX).who == "fax"
    nobody = verdict(NOBODY)
    assert (nobody.who, nobody.milliseconds - RULES.silence < 40) == ("silence", True)
    assert verdict(PERSON)[:3] == ("person", "pause", 400)


def test_a_click_and_the_end_of_ringing_are_no_words() -> None:
    assert words_of([0.0] * 10 + [9_000.0] * 3 + [0.0] * 50, [False] * 63, RULES) == []
    assert verdict((speech(160), Sound(6_000))).who == "silence"


def test_a_lost_packet_does_not_end_a_tone() -> None:
    bursts = Bursts()
    for hertz in [1_000.0] * 6 + [0.0] + [1_000.0] * 6 + [0.0] * 3:
        bursts.hear(hertz)
    assert [burst.lasted for burst in bursts.done] == [260]
    assert beep(bursts.done, 520, 0) == Burst(1_000.0, 0, 260)
    assert network_tone(bursts.done) == ""


# --- samples ----------------------------------------------------------------------------------------------------------------------


def judged(samples: np.ndarray, law: int, beep_ms: int = 0) -> list[Verdict | Greeted]:
    """What is told of samples that went through G.711, as a media worker hears them."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    laws = np.full(len(frames), law, dtype=np.uint8)
    frames = g711.decode(g711.encode(frames, laws), laws)
    windows = np.concatenate([np.vstack([np.zeros((1, FRAME), dtype=np.int16), frames[:-1]]), frames], axis=1)
    hertz, loud, faxes = pure(windows), np.abs(frames.astype(np.int32)).mean(axis=1), fax_tones.tones(frames)
    listener, told, runs = Listener(RULES, beep_ms=beep_ms), [], np.zeros(2, dtype=int)
    for at in range(len(frames)):
        runs = np.where(faxes[at], runs + 1, 0)
        certain = [name for name, run, least in zip(fax_tones.NAMES, runs, fax_tones.FRAMES, strict=True) if run >= least]
        told += listener.hear(float(loud[at]), float(hertz[at]), certain[-1] if certain else "")
    return told


@pytest.mark.parametrize("law", [0, 1], ids=["PCMU", "PCMA"])
@pytest.mark.parametrize("noise", [0.0, 60.0, 250.0])
def test_samples_are_judged_alike_in_both_laws_and_in_noise(law: int, noise: float) -> None:
    tail = (Sound(4_000),)
    for voice, who in ((PERSON, "person"), (BUSY, "busy"), (FAX, "fax"), (NOBODY, "silence")):
        told = judged(rendered((*voice, *tail), noise=noise), law)
        assert told, who
        assert isinstance(told[0], Verdict)
        assert told[0].who == who, told
    told = judged(rendered((*MACHINE, *tail), noise=noise), law, beep_ms=20_000)
    assert [type(one) for one in told] == [Verdict, Greeted]
    assert (told[0].reason, told[1].reason) == ("greeting", "beep")


@pytest.mark.parametrize("seed", range(6))
def test_a_voice_is_no_tone(seed: int) -> None:
    samples = spoken(4_000, seed)
    frames = samples.reshape(-1, FRAME)
    bursts = Bursts()
    for hertz in pure(np.concatenate([frames[:-1], frames[1:]], axis=1)).tolist():
        bursts.hear(hertz)
    assert network_tone(bursts.done) == ""
    assert not [burst for burst in bursts.done if burst.lasted > 200]


@few
@given(hertz=st.floats(400, 2_000), amplitude=st.floats(400, 20_000))
def test_a_tones_pitch_is_known_to_a_few_hertz(hertz: float, amplitude: float) -> None:
    (found,) = pure(sine(hertz, 40, amplitude)[None]).tolist()
    assert abs(found - hertz) < 8
