"""Who answered: a person, a machine, a fax, the network, or nobody. Decided from how loud each frame of 20 ms is and whether it is a tone.

A person says a word or two and waits; a machine goes on speaking, and ends with a beep. What is loud is what stands out of the quietest
tenth of what was heard, so that comfort noise and a bad line are no speech. No word is understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from yitong.media.network_tones import BUSY, CONGESTION, FRAME_MS, UNOBTAINABLE, Bursts, beep, network_tone

PERSON, MACHINE, FAX, SILENCE, UNKNOWN = "person", "machine", "fax", "silence", "unknown"
ANSWERERS = (PERSON, MACHINE, FAX, BUSY, CONGESTION, UNOBTAINABLE, SILENCE, UNKNOWN)
_LOUDEST_FLOOR = 1_000.0
"""Mean amplitude (of 32,768; about -28 dBov): whoever speaks over a louder noise is heard at this one."""
_ABOVE = 3.0
"""How far speech stands out of the noise: 9.5 dB."""
_WINDOW = 250
"""Frames that are judged while a machine speaks: five seconds."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """By what an answerer is judged. Times in milliseconds; those without a source are ours, near what PBXs let their owners set
    (silence before 2,500, greeting 1,500, pause 800, word 100, between words 50, words 3, in all 5,000).

    ``limit``: when a verdict is told at the latest. ``silence``: nobody spoke. ``greeting``: whoever speaks for so long, pauses left out,
    is a machine (a Chinese «您好，这里是…» of a person has 1,500). ``pause``: silence after which a short greeting was a person's.
    ``word``, ``between``: the shortest word, the shortest silence between two. ``words``: more than these are a machine. ``settle``: what
    is heard only so long after the answer is the end of a ringing tone. ``least``: mean amplitude of 32,768 (about -45 dBov) below which
    nothing is speech. ``hush``: silence that ends a machine's greeting when no beep does.
    """

    limit: int = 4_000
    silence: int = 2_500
    greeting: int = 1_800
    pause: int = 800
    word: int = 100
    between: int = 60
    words: int = 6
    settle: int = 200
    least: float = 150.0
    hush: int = 2_500


class Verdict(NamedTuple):
    """Who answered. ``reason``: greeting, words, pause, beep, tone, silence, or undecided; ``measure``: what decided, in ms (words: their
    number; a tone: hertz); ``milliseconds`` from the beginning; ``confidence`` in percent."""

    who: str
    reason: str
    measure: int
    milliseconds: int
    confidence: int


class Greeted(NamedTuple):
    """A machine's greeting is over. ``reason``: beep, silence, limit; ``hertz`` of the beep."""

    reason: str
    hertz: int
    milliseconds: int


class Word(NamedTuple):
    """Speech from frame ``begin`` to before ``end``."""

    begin: int
    end: int


def words_of(loudness: Sequence[float], toned: Sequence[bool], rules: Rules) -> list[Word]:
    """The words in frames of that mean amplitude; what is ``toned`` is none."""
    if not loudness:
        return []
    floor = sorted(loudness)[len(loudness) // 10]
    threshold = max(rules.least, min(_ABOVE * floor, _LOUDEST_FLOOR))
    between, shortest = rules.between // FRAME_MS, rules.word // FRAME_MS
    words: list[Word] = []
    begin = last = -1
    for at, (level, tone) in enumerate(zip(loudness, toned, strict=True)):
        if level <= threshold or tone:
            continue
        if begin >= 0 and at - last > between:
            words.append(Word(begin, last + 1))
            begin = at
        begin = at if begin < 0 else begin
        last = at
    if begin >= 0:
        words.append(Word(begin, last + 1))
    return [word for word in words if word.end - word.begin >= shortest]


class Listener:
    """One connection. ``beep_ms``: when it is a machine, the end of its greeting is awaited for so long. ``machine``: it is known to be
    one. ``tones_only``: nothing but tones of the network are told (before the answer, when announcements speak)."""

    def __init__(self, rules: Rules, *, beep_ms: int = 0, machine: bool = False, tones_only: bool = False) -> None:
        self._rules = rules
        self._beep_ms = beep_ms
        self._greeting = machine
        self._tones_only = tones_only
        self._bursts = Bursts()
        self._loud: list[float] = []
        self._toned: list[bool] = []
        self._ms = 0
        self._known_ms = 0
        """When it was known to be a machine."""
        self.over = False

    def hear(self, loudness: float, hertz: float, fax: str = "") -> list[Verdict | Greeted]:
        """The next frame: its mean amplitude, the hertz of its tone (0: none), and a fax machine's tone (cng, ced) that is certain now.

        Answers what is known now: a verdict once, and the end of a machine's greeting once.
        """
        if self.over:
            return []
        self._ms += FRAME_MS
        ended = self._bursts.hear(hertz)
        if self._tones_only:
            tone = network_tone(self._bursts.done) if ended is not None else ""
            return [self._verdict(tone, "tone", round(ended.hertz), 95)] if tone and ended is not None else []
        self._note(loudness)
        if self._greeting:
            return self._end_of_greeting()
        verdict = self._by_tone(fax, ended is not None) or (self._by_speech() if self._ms % (2 * FRAME_MS) == 0 else None)
        if verdict is None:
            return []
        if verdict.who != MACHINE or not self._beep_ms:
            self.over = True
            return [verdict]
        self._greeting, self._known_ms, self.over = True, self._ms, False
        return [verdict, *self._end_of_greeting()]

    def _note(self, loudness: float) -> None:
        self._loud.append(loudness)
        self._toned.append(False)
        sounding = self._bursts.sounding_ms // FRAME_MS
        if sounding:
            self._toned[-sounding - 1 :] = [True] * len(self._toned[-sounding - 1 :])

    def _verdict(self, who: str, reason: str, measure: int, confidence: int) -> Verdict:
        self.over = True
        return Verdict(who, reason, measure, self._ms, confidence)

    def _by_tone(self, fax: str, burst_ended: bool) -> Verdict | None:
        if fax == "ced" or (fax == "cng" and not self._words()):
            return self._verdict(FAX, "tone", 2_100 if fax == "ced" else 1_100, 95)
        bursts = self._bursts
        tone = network_tone(bursts.done) if burst_ended else ""
        if tone:
            return self._verdict(tone, "tone", round(bursts.done[-1].hertz), 95)
        heard = beep(bursts.done, self._ms, bursts.sounding_ms)
        return self._verdict(MACHINE, "beep", round(heard.hertz), 90) if heard is not None else None

    def _words(self) -> list[Word]:
        settle = self._rules.settle // FRAME_MS
        return [word for word in words_of(self._loud, self._toned, self._rules) if word.end > settle]

    def _by_speech(self) -> Verdict | None:
        rules, words = self._rules, self._words()
        spoken = sum(word.end - word.begin for word in words) * FRAME_MS
        if spoken >= rules.greeting:
            return self._verdict(MACHINE, "greeting", spoken, 80)
        if len(words) > rules.words:
            return self._verdict(MACHINE, "words", len(words), 70)
        toned = self._bursts.sounding_ms or any(self._toned[-rules.pause // FRAME_MS :])
        if words and not toned and (len(self._loud) - words[-1].end) * FRAME_MS >= rules.pause:
            return self._verdict(PERSON, "pause", spoken, 95 - 35 * spoken // rules.greeting)
        if not words and not self._bursts.done and not toned and self._ms >= rules.silence:
            return self._verdict(SILENCE, "silence", self._ms, 60)
        return self._verdict(UNKNOWN, "undecided", spoken, 0) if self._ms >= rules.limit else None

    def _end_of_greeting(self) -> list[Verdict | Greeted]:
        heard = beep(self._bursts.done, self._ms, self._bursts.sounding_ms)
        if heard is not None:
            return self._greeted("beep", round(heard.hertz))
        if self._ms - self._known_ms >= self._beep_ms:
            return self._greeted("limit")
        if self._ms % (2 * FRAME_MS):
            return []
        del self._loud[:-_WINDOW], self._toned[:-_WINDOW]
        words = words_of(self._loud, self._toned, self._rules)
        quiet = len(self._loud) - (words[-1].end if words else 0)
        hush = not self._bursts.sounding_ms and quiet * FRAME_MS >= self._rules.hush
        return self._greeted("silence") if hush else []

    def _greeted(self, reason: str, hertz: int = 0) -> list[Verdict | Greeted]:
        self.over = True
        return [Greeted(reason, hertz, self._ms)]
