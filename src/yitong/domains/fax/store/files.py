"""The files of faxes and of what may be faxed: TIFF, sealed; plain where they are of older days."""

from __future__ import annotations

from yitong.kit.kept import KeptFolder
from yitong.kit.sealing import Damaged, KeyMissing

FORM = "tiff"
FAULTS = (FileNotFoundError, Damaged, KeyMissing)
"""What reading pages may raise besides OSError."""


class FaxesFolder(KeptFolder):
    """Where the media processes read and write faxes."""
