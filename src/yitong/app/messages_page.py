"""``docs/messages.md``: every fact, command, service and event, from the code. ``make messages`` writes it; a test compares it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from itertools import groupby

import msgspec

import yitong
from yitong.contact.ledger import ENVELOPE, known_types
from yitong.contact.messages import Command
from yitong.ct import events, services

_HEAD = """# Messages

Written by `make messages` from the code; do not edit. Facts are what the ledger keeps (`contact/ledger.py`): each carries, where it
applies, `contact`, `segment`, `connection`, `agent`, `queue` and `cause`; only its own fields are listed here. Commands have one handler.
"""


def text() -> str:
    """The whole page."""
    _import_all_messages()
    facts = sorted(known_types().items())
    parts = [_HEAD, f"## Facts ({len(facts)})", ""]
    for area, group in groupby(facts, key=lambda one: one[0][0].partition(".")[0]):
        parts += [f"### {area}", "", "| type | version | meaning | fields |", "| --- | --- | --- | --- |"]
        parts += [_row(f"`{name}`", str(version), kind, ENVELOPE) for (name, version), kind in group]
        parts.append("")
    commands = sorted(_below(Command), key=lambda kind: (kind.__module__, kind.__name__))
    parts += [f"## Commands ({len(commands)})", "", "| command | of | meaning | fields |", "| --- | --- | --- | --- |"]
    parts += [_row(f"`{kind.__name__}`", kind.__module__.removeprefix("yitong."), kind, ("actor",)) for kind in commands]
    parts += ["", *_ct("Services of a switch", _below(services.Service), ("id", "tenant", "epoch"))]
    parts += _ct("Events of a switch", _below(events.CtEvent), ("switch", "epoch", "sequence", "at", "tenant"))
    return "\n".join(parts).rstrip() + "\n"


def _ct(title: str, kinds: Iterable[type[msgspec.Struct]], common: tuple[str, ...]) -> list[str]:
    found = sorted((kind for kind in kinds if not kind.__subclasses__()), key=lambda kind: kind.__name__)
    head = [f"## {title} ({len(found)})", "", f"All carry {', '.join(f'`{name}`' for name in common)}.", ""]
    return [*head, "| name | meaning | fields |", "| --- | --- | --- |", *(_short_row(kind, common) for kind in found), ""]


def _row(name: str, second: str, kind: type[msgspec.Struct], without: tuple[str, ...]) -> str:
    return f"| {name} | {second} | {_meaning(kind)} | {_fields(kind, without)} |"


def _short_row(kind: type[msgspec.Struct], without: tuple[str, ...]) -> str:
    return f"| `{kind.__name__}` | {_meaning(kind)} | {_fields(kind, without)} |"


def _meaning(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split()).replace("|", "\\|")


def _fields(kind: type[msgspec.Struct], without: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in kind.__struct_fields__ if name not in without)


def _below(kind: type[msgspec.Struct]) -> set[type[msgspec.Struct]]:
    found = {one for one in kind.__subclasses__() if one.__module__.startswith("yitong.")}
    return found | {deeper for one in found for deeper in _below(one)}


def _import_all_messages() -> None:
    """Facts and commands are known once their module is imported."""
    for module in pkgutil.walk_packages(yitong.__path__, "yitong."):
        if module.name.endswith(".messages") or ".messages." in module.name:
            importlib.import_module(module.name)
