"""The documents of a tenant that may be faxed, by code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Documents:
    """What is published; the file of each is named below the home's faxes folder."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        self._files: dict[str, str] = {}

    def configure(self, key: str, value: Mapping[str, Any] | None) -> None:
        """A document came, changed or went (None)."""
        self._files.pop(self._codes.pop(key, ""), None)
        if value is not None:
            self._codes[key] = str(value["code"])
            self._files[str(value["code"])] = str(value["file"])

    def file(self, code: str) -> str:
        """The document's file, or empty."""
        return self._files.get(code, "")
