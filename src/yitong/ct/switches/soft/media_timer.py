"""A timer descriptor (timerfd_create(2)): steps at even distances, none lost, no drift. Python has it from 3.13 only, hence ctypes."""

from __future__ import annotations

import ctypes
import os
import select

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
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def watch(self, descriptor: int) -> None:
        """``wait`` also ends when ``descriptor`` is readable."""
        self._poll.register(descriptor, select.POLLIN)

    def wait(self) -> int:
        """Sleep until the next step; answers how many have passed (1, or more when we were late), 0 for something else to do."""
        ready = self._poll.poll()
        if all(descriptor != self._descriptor for descriptor, _ in ready):
            return 0
        return int.from_bytes(os.read(self._descriptor, 8), "little")

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)
