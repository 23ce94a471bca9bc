"""How near a process is to its limits: open files, memory. At a limit what runs would fail, too: new work is refused before."""

from __future__ import annotations

import os
import re
import resource
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

FILES_LEFT = 64
"""So many open files (an eighth, where there are few) are for what runs already: a call opens some more after it has begun."""
MEMORY_LEFT = 256 << 20
"""So many octets of memory (a fiftieth, where there are few) are for what runs already."""
NO_DESCRIPTORS, NO_MEMORY = "no_descriptors", "no_memory"
_CGROUPS = Path("/sys/fs/cgroup")


class Room(NamedTuple):
    """``used`` of ``most``."""

    used: int
    most: int

    @property
    def left(self) -> int:
        return self.most - self.used

    @property
    def percent(self) -> float:
        return round(100.0 * self.used / self.most, 1) if self.most > 0 else 100.0


class Limits(NamedTuple):
    """``memory``: octets of whatever has least left: the address space (RLIMIT_AS), the control group, the machine."""

    files: Room
    memory: Room

    @property
    def short_of(self) -> str:
        """What new work is refused for: ``no_descriptors``, ``no_memory``, or nothing."""
        if self.files.left < min(FILES_LEFT, self.files.most // 8):
            return NO_DESCRIPTORS
        return NO_MEMORY if self.memory.left < min(MEMORY_LEFT, self.memory.most // 50) else ""

    def figures(self) -> dict[str, float]:
        """For the heartbeat."""
        return {"descriptors": float(self.files.used), "descriptors_percent": self.files.percent, "memory_percent": self.memory.percent}


def look() -> Limits:
    """As it is now. Some files of ``/proc`` are read, no disk."""
    return Limits(_files(), min(_memories(), key=lambda room: room.left, default=Room(0, 1)))


def _files() -> Room:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        used = len(os.listdir("/proc/self/fd")) - 1
    except OSError:  # looking takes one
        used = most
    return Room(used, most if most != resource.RLIM_INFINITY else 1 << 30)


def _memories() -> list[Room]:
    found = [room for room in (_machine(), _group(_CGROUPS)) if room is not None]
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        found.append(Room(_kib(_read(Path("/proc/self/status")), "VmSize") << 10, most))
    return found


def _machine() -> Room | None:
    text = _read(Path("/proc/meminfo"))
    most = _kib(text, "MemTotal") << 10
    return Room(most - (_kib(text, "MemAvailable") << 10), most) if most else None


def _group(root: Path) -> Room | None:
    """The control group (v2) that we are in, if it has a limit. What the kernel can drop at once, pages of files, counts as free."""
    own = root / _read(Path("/proc/self/cgroup")).partition("0::/")[2].partition("\n")[0]
    most, used = _read(own / "memory.max").strip(), _read(own / "memory.current").strip()
    if not (most.isdigit() and used.isdigit()):
        return None
    inactive = re.search(r"^inactive_file (\d+)$", _read(own / "memory.stat"), re.MULTILINE)
    return Room(max(0, int(used) - (int(inactive[1]) if inactive else 0)), int(most))


def _kib(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("ascii", "replace")
    return ""
