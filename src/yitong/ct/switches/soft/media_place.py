"""The folder of a media worker's socket."""

from __future__ import annotations

import os
from pathlib import Path


def prepare(path: Path) -> None:
    """Make the socket's folder, for us alone, and take away the socket of a worker that is gone. Raises PermissionError when it is
    somebody else's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{path.parent} belongs to somebody else")
    path.unlink(missing_ok=True)
