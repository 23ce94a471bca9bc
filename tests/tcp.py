"""Which TCP connections a process has (proc(5))."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

ESTABLISHED = "01"


def peers(pid: int) -> set[int]:
    """The ports at the other ends of the process's TCP connections that stand."""
    sockets = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            sockets.add(os.readlink(file).removeprefix("socket:[").removesuffix("]"))
    rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[3] == ESTABLISHED and row[9] in sockets}
