"""The state machines of RFC 3261 §17 with the corrections of RFC 6026, as tables: the only place where they are written down.

A key is (state, input); its step names the next state and what is done on the way. An input without a row is ignored. The pictures in
``docs/states/`` are drawn from these tables (``mermaid``), and a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """States of a transaction, in the words of RFC 3261 §17 (Accepted: RFC 6026)."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


class Step(NamedTuple):
    """Where an input leads and what it does: pairs of verb and object (``("start", "K")``)."""

    state: State
    actions: tuple[tuple[str, str], ...]


Table = Mapping[tuple[State, str], Step]


def _to(state: State, *actions: str) -> Step:
    pairs = (action.partition(" ") for action in actions)
    return Step(state, tuple((verb, thing) for verb, _, thing in pairs))


_CALLING, _TRYING, _PROCEEDING = State.CALLING, State.TRYING, State.PROCEEDING
_COMPLETED, _CONFIRMED, _ACCEPTED, _TERMINATED = State.COMPLETED, State.CONFIRMED, State.ACCEPTED, State.TERMINATED

INVITE_CLIENT: Table = {
    (_CALLING, "timer A"): _to(_CALLING, "resend", "double A"),
    (_CALLING, "timer B"): _to(_TERMINATED, "tell timeout"),
    (_CALLING, "timer cancel"): _to(_TERMINATED, "tell timeout"),
    (_CALLING, "transport error"): _to(_TERMINATED, "tell failure"),
    (_CALLING, "1xx"): _to(_PROCEEDING, "stop A", "stop B", "tell response"),
    (_CALLING, "2xx"): _to(_ACCEPTED, "stop A", "stop B", "tell response", "start M"),
    (_CALLING, "300-699"): _to(_COMPLETED, "stop A", "stop B", "ack", "tell response", "start D"),
    (_PROCEEDING, "1xx"): _to(_PROCEEDING, "tell response"),
    (_PROCEEDING, "2xx"): _to(_ACCEPTED, "stop cancel", "tell response", "start M"),
    (_PROCEEDING, "300-699"): _to(_COMPLETED, "stop cancel", "ack", "tell response", "start D"),
    (_PROCEEDING, "timer cancel"): _to(_TERMINATED, "tell timeout"),  # §9.1: no final answer 64*T1 after CANCEL
    (_PROCEEDING, "transport error"): _to(_TERMINATED, "tell failure"),
    (_COMPLETED, "300-699"): _to(_COMPLETED, "ack"),
    (_COMPLETED, "timer D"): _to(_TERMINATED),
    (_COMPLETED, "transport error"): _to(_TERMINATED),
    (_ACCEPTED, "2xx"): _to(_ACCEPTED, "tell response"),
    (_ACCEPTED, "timer M"): _to(_TERMINATED),
}
"""§17.1.1.2, RFC 6026 §7.2."""

CLIENT: Table = {
    (_TRYING, "timer E"): _to(_TRYING, "resend", "double E"),
    (_TRYING, "timer F"): _to(_TERMINATED, "tell timeout"),
    (_TRYING, "transport error"): _to(_TERMINATED, "tell failure"),
    (_TRYING, "1xx"): _to(_PROCEEDING, "tell response"),
    (_TRYING, "2xx"): _to(_COMPLETED, "stop E", "stop F", "tell response", "start K"),
    (_TRYING, "300-699"): _to(_COMPLETED, "stop E", "stop F", "tell response", "start K"),
    (_PROCEEDING, "timer E"): _to(_PROCEEDING, "resend", "slow E"),
    (_PROCEEDING, "timer F"): _to(_TERMINATED, "tell timeout"),
    (_PROCEEDING, "transport error"): _to(_TERMINATED, "tell failure"),
    (_PROCEEDING, "1xx"): _to(_PROCEEDING, "tell response"),
    (_PROCEEDING, "2xx"): _to(_COMPLETED, "stop E", "stop F", "tell response", "start K"),
    (_PROCEEDING, "300-699"): _to(_COMPLETED, "stop E", "stop F", "tell response", "start K"),
    (_COMPLETED, "timer K"): _to(_TERMINATED),
}
"""§17.1.2.2."""

INVITE_SERVER: Table = {
    (_PROCEEDING, "request"): _to(_PROCEEDING, "resend"),
    (_PROCEEDING, "timer 100"): _to(_PROCEEDING, "send trying"),
    (_PROCEEDING, "send 1xx"): _to(_PROCEEDING, "stop 100", "send response"),
    (_PROCEEDING, "send 2xx"): _to(_ACCEPTED, "stop 100", "send response", "start X", "start L"),
    (_PROCEEDING, "send 300-699"): _to(_COMPLETED, "stop 100", "send response", "start G", "start H"),
    (_COMPLETED, "request"): _to(_COMPLETED, "resend"),
    (_COMPLETED, "timer G"): _to(_COMPLETED, "resend", "double G"),
    (_COMPLETED, "timer H"): _to(_TERMINATED, "tell timeout"),
    (_COMPLETED, "ack"): _to(_CONFIRMED, "stop G", "stop H", "start I"),
    (_CONFIRMED, "timer I"): _to(_TERMINATED),
    (_ACCEPTED, "timer X"): _to(_ACCEPTED, "resend", "double X"),  # §13.3.1.4: the 2xx until its ACK, on every transport
    (_ACCEPTED, "ack"): _to(_ACCEPTED, "stop X"),
    (_ACCEPTED, "timer L"): _to(_TERMINATED, "tell unacknowledged"),
}
"""§17.2.1, RFC 6026 §7.1. Timer X is the user's retransmission of 2xx (§13.3.1.4), timer 100 the 200 ms of §17.2.1."""

SERVER: Table = {
    (_TRYING, "timer U"): _to(_TERMINATED),
    (_TRYING, "send 1xx"): _to(_PROCEEDING, "send response"),
    (_TRYING, "send 2xx"): _to(_COMPLETED, "stop U", "send response", "start J"),
    (_TRYING, "send 300-699"): _to(_COMPLETED, "stop U", "send response", "start J"),
    (_PROCEEDING, "request"): _to(_PROCEEDING, "resend"),
    (_PROCEEDING, "timer U"): _to(_TERMINATED),
    (_PROCEEDING, "send 1xx"): _to(_PROCEEDING, "send response"),
    (_PROCEEDING, "send 2xx"): _to(_COMPLETED, "stop U", "send response", "start J"),
    (_PROCEEDING, "send 300-699"): _to(_COMPLETED, "stop U", "send response", "start J"),
    (_COMPLETED, "request"): _to(_COMPLETED, "resend"),
    (_COMPLETED, "timer J"): _to(_TERMINATED),
}
"""§17.2.2. Timer U drops a transaction that its user leaves unanswered for 64*T1: the other side has given up by then."""

MACHINES: Mapping[str, tuple[State, Table]] = {
    "invite-client": (_CALLING, INVITE_CLIENT),
    "non-invite-client": (_TRYING, CLIENT),
    "invite-server": (_PROCEEDING, INVITE_SERVER),
    "non-invite-server": (_TRYING, SERVER),
}


class Timings(NamedTuple):
    """The base values of RFC 3261 §17.1.1.1, in seconds."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0

    def first(self, timer: str, reliable: bool) -> float | None:
        """How long a timer runs at first; ``None``: it does not run on this transport (RFC 3261 table 4, RFC 6026 §8)."""
        if timer in ("A", "E", "G"):
            return None if reliable else self.t1
        if timer in ("I", "K"):
            return 0.0 if reliable else self.t4
        if timer == "D":
            return 0.0 if reliable else max(32.0, 64 * self.t1)
        if timer == "J":
            return 0.0 if reliable else 64 * self.t1
        if timer == "100":
            return 0.1
        return self.t1 if timer == "X" else 64 * self.t1  # B, F, H, L, M, U, cancel

    def next(self, timer: str, last: float) -> float:
        """How long a retransmission timer runs after it ran ``last`` seconds; A doubles without bound (§17.1.1.2)."""
        return last * 2 if timer == "A" else min(last * 2, self.t2)


def mermaid(name: str) -> str:
    """The picture of one machine: ``docs/states/sip-{name}.md``."""
    first, table = MACHINES[name]
    lines = [f"# SIP {name} transaction", "", "Drawn from `src/yitong/sip/states.py`; do not edit.", "", "```mermaid", "stateDiagram-v2"]
    lines.append(f"    [*] --> {first}")
    for (state, what), step in table.items():
        done = ", ".join(f"{verb} {thing}".strip() for verb, thing in step.actions)
        lines.append(f"    {state} --> {step.state}: {what}{f' / {done}' if done else ''}")
    lines.append("    terminated --> [*]")
    return "\n".join([*lines, "```", ""])
