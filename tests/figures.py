"""What the tests of a fault reached, for docs/reliability.md."""

from __future__ import annotations

import json
from pathlib import Path

FILE = Path(__file__).parents[1] / "build" / "figures.jsonl"


def figure(case: str, text: str) -> None:
    """Note it: printed, and kept in build/figures.jsonl, from which the page is written."""
    print(f"{case}: {text}")
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("a") as file:
        file.write(json.dumps({"case": case, "figure": text}) + "\n")
