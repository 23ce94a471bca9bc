"""A timer descriptor (timerfd_create(2)): steps at even distances, none lost, no drift. Python has it from 3.13 only, hence ctypes."""

from __future__ import annotations

import ctypes
import os

_MONOTONIC = 1
_CLOEXEC = 0o2000000


class _Specification(ctypes.Structure):
    _fields_ = [
        ("every_seconds", ctypes.c_long),
        ("every_nanoseconds", ctypes.c_long),
        ("first_seconds", ctypes.c_long),
        ("first_nanoseconds", ctypes.c_long),
    ]


class StepTimer:
    """Fires every ``seconds`` (below one)."""

    def __init__(self, seconds: float) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = library.timerfd_create(_MONOTONIC, _CLOEXEC)
        nanoseconds = round(seconds * 1e9)
        specification = _Specification(0, nanoseconds, 0, nanoseconds)
        if self._descriptor < 0 or library.timerfd_settime(self._descriptor, 0, ctypes.byref(specification), None):
            raise OSError(ctypes.get_errno(), "no timer descriptor")

    def wait(self) -> int:
        """Sleep until the next step; answers how many have passed (1, or more when we were late)."""
        return int.from_bytes(os.read(self._descriptor, 8), "little")

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)
