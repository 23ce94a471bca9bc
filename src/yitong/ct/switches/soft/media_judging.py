"""What every message between switch and media worker carries, and those about who answered."""

from __future__ import annotations

import msgspec

from yitong.media.answerer import Rules


class Request(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What every request carries; ``port`` names the row."""

    id: int
    port: str = ""


class MediaEvent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What every event carries."""

    port: str = ""


class MediaClassify(Request, frozen=True, tag=True):
    """Judge who speaks on the row, as ``ct.services.Classify``; ``MediaClassified``, ``MediaGreeted``. Without ``tag_id``: tones of the
    network alone, until ``on`` is false."""

    tag_id: str = ""
    rules: Rules = Rules()
    beep_seconds: float = 0.0
    machine: bool = False
    on: bool = True


class MediaClassified(MediaEvent, frozen=True, tag=True):
    """Who speaks on a row, as ``ct.events.Classified``."""

    tag_id: str
    who: str
    reason: str
    measure: int
    milliseconds: int
    confidence: int


class MediaGreeted(MediaEvent, frozen=True, tag=True):
    """A machine's greeting is over, as ``ct.events.GreetingEnded``."""

    tag_id: str
    reason: str
    hertz: int
    milliseconds: int
