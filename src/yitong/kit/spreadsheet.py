"""Tables that people open in a spreadsheet: CSV (RFC 4180) with the mark by which Excel knows UTF-8."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

TYPE = "text/csv; charset=utf-8"


def harmless(text: str) -> str:
    """A spreadsheet shall take it for a text, whatever it begins with."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def sheet(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """The file; texts are harmless, what is not known is empty."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    for row in rows:
        writer.writerow(["" if cell is None else harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue().encode("utf-8-sig")


def headers(name: str) -> dict[str, str]:
    """What goes with the file: to be saved under ``name``, kept by nobody on the way."""
    return {"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="{name}.csv"'}
