"""The pages of a fax as a file that the modem library can open by name, in memory: none of them is on disk in the clear.

Without keys the name is that of the file itself.
"""

from __future__ import annotations

import os

from yitong.kit.kept import KeptFolder
from yitong.kit.sealing import Damaged, KeyMissing

FORM = "tiff"
UNREADABLE = (OSError, Damaged, KeyMissing)


class Paper:
    """The pages that are sent, or those that come."""

    def __init__(self, kept: KeptFolder, file: str, *, sends: bool) -> None:
        """Raises UNREADABLE."""
        self._kept = kept
        self._file = file
        self._sends = sends
        self._memory = -1
        path = kept.path(file)
        if kept.keys(file) is not None:
            content = kept.read(file) if sends else b""
            self._memory = os.memfd_create("fax")
            os.write(self._memory, content)
        elif not sends:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.is_file():
            raise FileNotFoundError(file)
        self.path = f"/proc/self/fd/{self._memory}" if self._memory >= 0 else str(path)

    def keep(self) -> None:
        """Seal what came, if a page did. Raises UNREADABLE."""
        if self._memory >= 0 and not self._sends:
            size = os.fstat(self._memory).st_size
            if size:
                self._kept.put(self._file, os.pread(self._memory, size, 0), FORM, lasting=False)

    def close(self) -> None:
        """Forget them."""
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1
