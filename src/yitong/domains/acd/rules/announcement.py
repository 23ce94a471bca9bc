"""What a waiting caller is told between the music, as prompt codes.

Codes: ``queue.next`` for place 1; else ``queue.before`` (in front of you there are), the number, ``queue.after`` (callers);
``queue.wait_before``, minutes, ``queue.wait_minutes``, and ``queue.wait_soon`` below a minute.
"""

from __future__ import annotations

import math

from yitong.flow.numbers import number_prompts


def announcement(position: int, wait_seconds: float | None, language: str) -> list[str]:
    """Prompt codes for a place (1 is next; 0: say nothing of it) and an expected wait (None: unknown, say nothing)."""
    codes: list[str] = []
    if position == 1:
        codes.append("queue.next")
    elif position > 1:
        codes += ["queue.before", *number_prompts(position - 1, language), "queue.after"]
    if wait_seconds is not None and wait_seconds <= 60:
        codes.append("queue.wait_soon")
    elif wait_seconds is not None:
        codes += ["queue.wait_before", *number_prompts(math.ceil(wait_seconds / 60), language), "queue.wait_minutes"]
    return codes
