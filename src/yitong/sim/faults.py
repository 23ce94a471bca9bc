"""What a bad network does to events and services on their way: lost, doubled, late. Decided by numbers given in, so that runs repeat."""

from __future__ import annotations

from collections.abc import Callable

Fate = tuple[float, ...]
"""When something arrives, in seconds from now: ``()`` lost, ``(0.0,)`` as it should, ``(0.0, 0.4)`` twice, ``(2.0,)`` late."""
Fates = Callable[[object], Fate]
_MASK = (1 << 64) - 1


def perfect(_message: object) -> Fate:
    """Everything arrives at once, once."""
    return (0.0,)


def seeded(seed: int, *, lose: float = 0.0, double: float = 0.0, delay: float = 0.0, late_seconds: float = 1.0) -> Fates:
    """Fates drawn from ``seed``: each message is lost, doubled or delayed (up to ``late_seconds``) with these probabilities."""
    state = seed & _MASK

    def draw() -> float:
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & _MASK  # splitmix64
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)

    def fate(_message: object) -> Fate:
        if draw() < lose:
            return ()
        first = draw() * late_seconds if draw() < delay else 0.0
        return (first, first + draw() * late_seconds) if draw() < double else (first,)

    return fate
