"""The promise of a waiting time (kpis: §10)."""

from __future__ import annotations

DEFAULT_HANDLE_SECONDS = 180.0


def expected_wait_seconds(position: int, staffed: int, handle_seconds: float, patience_seconds: float | None = None) -> float | None:
    """Expected wait at ``position`` (1 is next) with ``staffed`` agents, all busy: position 1 waits handle/staffed, never nothing.

    With ``patience_seconds`` (mean of an exponential patience) those ahead who give up are counted. None (unknown) without staff.
    """
    if staffed <= 0 or position <= 0:
        return None
    if patience_seconds is None:
        return position * handle_seconds / staffed
    return sum(1.0 / (staffed / handle_seconds + ahead / patience_seconds) for ahead in range(position))
