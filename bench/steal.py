"""CPU time that the host of a virtual machine gave to others while we wanted it: what it took makes figures worse, and is not ours."""

from __future__ import annotations

from pathlib import Path


class Steal:
    """Counts from its making on."""

    def __init__(self) -> None:
        self._begun = self._read()

    @staticmethod
    def _read() -> tuple[int, int]:
        """Ticks stolen and ticks wanted since the machine's start (proc(5), /proc/stat: fields user to steal, without idle and iowait)."""
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
        return steal, user + nice + system + irq + softirq + steal

    def percent(self) -> float:
        """Of the CPU time wanted so far, over all cores."""
        stolen, wanted = (now - then for now, then in zip(self._read(), self._begun, strict=True))
        return 100 * stolen / max(1, wanted)
