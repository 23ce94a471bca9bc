"""Which requirements the tests proved, kept over several runs of a part of them: ``build/requirements.json``, what ``make trace`` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from pathlib import Path

Rows = dict[str, set[str]]
"""Requirement: the tests that proved it when they last ran."""


def plain(nodeid: str) -> str:
    """A test's id without the group that xdist appends to it."""
    at = nodeid.rfind("@")
    return nodeid[:at] if at > nodeid.rfind("]") else nodeid


def merged(old: Mapping[str, Set[str]], ran: Mapping[str, Set[str]]) -> Rows:
    """``ran``: what each test that ran proved, nothing when it failed. Each replaces its own rows and nobody else's."""
    rows: Rows = {}
    for requirement, tests in old.items():
        rows.setdefault(requirement, set()).update(tests - ran.keys())
    for test, requirements in ran.items():
        for requirement in requirements:
            rows.setdefault(requirement, set()).add(test)
    return {requirement: tests for requirement, tests in rows.items() if tests}


def load(path: Path, root: Path) -> Rows:
    """What stands in ``path``, without tests whose file is gone. Nothing when it is not there or not whole."""
    try:
        held: dict[str, list[str]] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: {test for test in tests if (root / test.partition("::")[0]).exists()} for name, tests in held.items()}


def save(path: Path, rows: Rows) -> None:
    """Write it whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({name: sorted(tests) for name, tests in sorted(rows.items())}, indent=1), "utf-8")
    draft.replace(path)
