"""What makes one plain document (dictionaries, lists, values) into another: changes, as live documents are pushed."""

from __future__ import annotations

from typing import Any

Change = list[Any]
"""``["set", [path..], value]`` or ``["del", [path..]]``."""


def diff(old: Any, new: Any, path: tuple[str, ...] = ()) -> list[Change]:
    """The changes that make ``old`` into ``new``. Lists are replaced as a whole; None for ``old`` or ``new`` at the top: not there."""
    if isinstance(old, dict) and isinstance(new, dict):
        changes: list[Change] = [["del", [*path, key]] for key in old if key not in new]
        for key, value in new.items():
            if key not in old:
                changes.append(["set", [*path, key], value])
            elif old[key] != value:
                changes += diff(old[key], value, (*path, key))
        return changes
    return [] if old == new and type(old) is type(new) else [["set", list(path), new]]


def patched(document: Any, changes: list[Change]) -> Any:
    """A copy of ``document`` after ``changes``; what a desk does with them."""
    for change in changes:
        document = _patch(document, change[1], change)
    return document


def _patch(document: Any, path: list[str], change: Change) -> Any:
    if not path:
        return change[2]
    copy = dict(document)
    key = path[0]
    if len(path) == 1 and change[0] == "del":
        copy.pop(key, None)
    else:
        copy[key] = _patch(copy.get(key, {}), path[1:], change)
    return copy
