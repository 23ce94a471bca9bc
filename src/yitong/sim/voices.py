"""What whoever answers in a simulation says, as the classifier of real calls hears it: it judges here, too."""

from __future__ import annotations

from dataclasses import dataclass

from yitong.media.answerer import Greeted, Listener, Rules, Verdict
from yitong.media.network_tones import FRAME_MS

SPEECH = 2_000.0
_LONGEST_MS = 120_000


@dataclass(frozen=True)
class Sound:
    """``milliseconds`` of silence, of speech (``loud``), of a tone of ``hertz``; ``fax``: that tone is a fax machine's."""

    milliseconds: int
    loud: float = 0.0
    hertz: float = 0.0
    fax: str = ""


Voice = tuple[Sound, ...]


def speech(milliseconds: int) -> Sound:
    return Sound(milliseconds, SPEECH)


def tone(hertz: float, milliseconds: int) -> Sound:
    return Sound(milliseconds, SPEECH, hertz)


PERSON: Voice = (Sound(500), speech(400))
MACHINE: Voice = (Sound(300), speech(1_200), Sound(300), speech(4_000), Sound(400), tone(1_000, 400))
FAX: Voice = (Sound(800), Sound(3_000, SPEECH, 2_100.0, "ced"))
BUSY: Voice = (tone(450, 350), Sound(350)) * 20
NOBODY: Voice = ()


def told_of(
    voice: Voice, rules: Rules, *, beep_ms: int = 0, machine: bool = False, tones_only: bool = False
) -> list[tuple[int, Verdict | Greeted]]:  # fmt: skip
    """What is told of a voice, and when (ms)."""
    listener = Listener(rules, beep_ms=beep_ms, machine=machine, tones_only=tones_only)
    told: list[tuple[int, Verdict | Greeted]] = []
    sounds = [sound for sound in voice for _ in range(sound.milliseconds // FRAME_MS)]
    for at in range(_LONGEST_MS // FRAME_MS):
        sound = sounds[at] if at < len(sounds) else Sound(0)
        told += [((at + 1) * FRAME_MS, one) for one in listener.hear(sound.loud, sound.hertz, sound.fax)]
        if listener.over or (tones_only and at >= len(sounds)):
            break
    return told
