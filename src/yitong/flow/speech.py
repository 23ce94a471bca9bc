"""The port to a speech engine: what flows say is rendered when they are published and kept as prompts, never during a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

RATE = 8_000
"""Samples in a second of rendered speech."""


class CannotSpeak(ValueError):
    """The text cannot be spoken by this engine: a language or a word that it does not know, or nothing to say."""


class Speech(Protocol):
    """An engine; ours is Kokoro, an operator may bring his own. ``render`` may take seconds and is called in a thread."""

    @property
    def licence(self) -> str:
        """The licence of what it renders, kept with each prompt."""
        ...

    def available(self) -> bool:
        """Whether it is installed and may be asked."""
        ...

    def voice(self, language: str) -> str:
        """The name of the voice that speaks ``language``."""
        ...

    def render(self, text: str, language: str) -> NDArray[np.int16]:
        """``text`` in ``language`` (BCP 47): mono samples at ``RATE``. Raises CannotSpeak."""
        ...


def texts_of(parameters: Any) -> Iterator[tuple[str, str]]:
    """(language, text) of all that a step's parameters want spoken: those of «say», and every piece ``{"text": {language: text}}``."""
    if isinstance(parameters, Mapping):
        texts = parameters.get("text")
        if isinstance(texts, Mapping):
            yield from texts.items()
        for name, value in parameters.items():
            if name != "text":
                yield from texts_of(value)
    elif isinstance(parameters, list | tuple):
        for value in parameters:
            yield from texts_of(value)
