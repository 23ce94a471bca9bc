"""By what a contact came, and what that means: whether the switch has it, and how many of a kind an agent has at once.

What is *switched* is a connection of the switch: answered, held, cleared there, and gone when the connection is. What is not (a mail) has
no connection: it waits until somebody of ours ends it, whatever becomes of telephones and switches meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping

VOICE = "voice"
FAX = "fax"
MAIL = "mail"

SWITCHED = frozenset({VOICE, FAX})
CAPACITY: Mapping[str, int] = {VOICE: 1, MAIL: 3}
"""How many contacts of a medium an agent has at once, unless his configuration says otherwise."""


def switched(channel: str) -> bool:
    """Whether contacts of this medium are connections of the switch."""
    return channel in SWITCHED


def open_media(loads: Mapping[str, int], capacity: Mapping[str, int]) -> frozenset[str]:
    """The media of which an agent with these ``loads`` can be offered one more.

    Whoever has a call (or anything else that is switched) is offered nothing beside it. What is written leaves room for a call: it stays
    on his desk meanwhile.
    """
    most = {**CAPACITY, **capacity}
    talks = any(count for medium, count in loads.items() if switched(medium))
    return frozenset(medium for medium, limit in most.items() if loads.get(medium, 0) < limit and (switched(medium) or not talks))
