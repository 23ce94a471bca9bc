"""``make trace``: which of the requirements have a test that passed when it last ran."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "docs" / "requirements-index.md"
PASSED = ROOT / "build" / "requirements.json"


def main() -> int:
    known = re.findall(r"\b[GOATH]\d{1,3}\b", re.sub(r"`[^`]*`|^#.*$", "", INDEX.read_text("utf-8"), flags=re.M))
    passed: dict[str, list[str]] = json.loads(PASSED.read_text("utf-8")) if PASSED.exists() else {}
    for one in known:
        if one in passed:
            print(f"{one:5} {', '.join(sorted(passed[one]))}")
    strange = sorted(set(passed) - set(known))
    if strange:
        print(f"named by tests but not in the index: {', '.join(strange)}", file=sys.stderr)
    print(f"{len(set(passed) & set(known))} of {len(known)} requirements have a passing test.")
    return 1 if strange else 0


if __name__ == "__main__":
    sys.exit(main())
