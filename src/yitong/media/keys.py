"""Keys that come by two ways at once: a telephone may send each press as a telephone event or tone and by SIP INFO, too."""

from __future__ import annotations

from collections import deque

ECHO_SECONDS = 5.0
"""How long after a press the same press may still come by the other way (INFO is sent again for a while when it is lost)."""


class Presses:
    """The presses of one row. Whichever way tells a press first counts, its echo by the other way does not."""

    def __init__(self) -> None:
        self._alone: deque[tuple[str, str, float]] = deque()

    def counts(self, key: str, way: str, now: float) -> bool:
        """Whether a press that came by ``way`` is one of its own. ``now``: seconds."""
        alone = self._alone
        while alone and alone[0][2] < now - ECHO_SECONDS:
            alone.popleft()
        echo = next((one for one in alone if one[0] != way and one[1] == key), None)
        if echo is not None:
            alone.remove(echo)
            return False
        alone.append((way, key, now))
        return True
