"""Notices a child that hangs instead of dying (case K13): stopped, waiting for ever, or going in circles.

Every process of ours has a heartbeat, so its main thread wakes several times a second, which the kernel counts. One whose count stands
still is killed; it cannot act any more when it would have woken, and another takes its place. One that is busy is left alone, unless its
loop has told every second that it turns (``WATCHDOG=1``, as systemd has it) and now has told nothing for long: it spins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from yitong.kit import logs
from yitong.kit.clock import Clock

LOOK_SECONDS = 1.0
LOOKS = 8
"""So many looks in a row must find no life: looks, not seconds, for the whole machine may have stood still."""
SPINNING_LOOKS = 20
"""So many looks in a row must hear nothing from a loop that used to tell: longer than any step of ours takes."""
_log = logs.get("yitong.supervisor")


class Watchdog:
    """``running``: the children to look at, name and process id; ``kill`` ends one at once."""

    def __init__(self, running: Callable[[], Mapping[str, int]], kill: Callable[[str], None], clock: Clock) -> None:
        self._running = running
        self._kill = kill
        self._clock = clock
        self._seen: dict[int, tuple[str, int]] = {}
        """Process id → its life at the last look, and how many looks in a row have found the same."""
        self._quiet: dict[int, int] = {}
        """Process id → how many looks in a row have heard nothing from its loop; only of those that ever told."""

    def told(self, pid: int) -> None:
        """The loop of a process says that it turns."""
        self._quiet[pid] = -1

    async def watch(self, seconds: float = LOOK_SECONDS) -> None:
        """For ever."""
        while True:
            await self._clock.sleep(seconds)
            self.look()

    def look(self) -> None:
        """One look at every child."""
        running = self._running()
        self._seen = {pid: seen for pid, seen in self._seen.items() if pid in running.values()}
        self._quiet = {pid: looks + 1 for pid, looks in self._quiet.items() if pid in running.values()}
        for name, pid in running.items():
            life = _life(pid)
            before, still = self._seen.get(pid, ("", 0))
            still = still + 1 if life == before and life else 0
            self._seen[pid] = (life, still)
            quiet = self._quiet.get(pid, 0)
            if still >= LOOKS or quiet >= SPINNING_LOOKS:
                _log.error("child hangs, is killed", child=name, pid=pid, looks_without_life=still, looks_without_word=quiet)
                self._kill(name)


def _life(pid: int) -> str:
    """How often the main thread was put aside, and what CPU it has used; empty when there is no such process."""
    try:
        task = Path(f"/proc/{pid}/task/{pid}")
        used = (task / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[11:13]
        switches = [line for line in (task / "status").read_text("ascii", "replace").splitlines() if "ctxt_switches" in line]
    except OSError:
        return ""
    return " ".join([*used, *switches])
