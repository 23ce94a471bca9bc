"""The port to a speech engine. What flows say is rendered when they are published and kept as prompts; only a text with call data in it
is rendered during the call, by a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from yitong.flow.wording import expressions

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
    """(language, text) of all in a step's parameters that can be rendered before a call: without call data, of «say» and of prompts."""
    if isinstance(parameters, Mapping):
        texts = parameters.get("text")
        if isinstance(texts, Mapping):
            yield from ((language, text) for language, text in texts.items() if not expressions(text))
        for name, value in parameters.items():
            if name != "text":
                yield from texts_of(value)
    elif isinstance(parameters, list | tuple):
        for value in parameters:
            yield from texts_of(value)
