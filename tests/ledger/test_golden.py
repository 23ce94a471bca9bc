"""Every (type, version) ever published, as it was published: replayed for ever.

A new type or version adds a line to ``golden/facts.jsonl`` (``python tests/ledger/test_golden.py`` appends what is missing); a line is
never changed. A payload that lost a field, or can no longer be read, fails here: then the fact needs a new VERSION and an upcaster.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

import yitong.domains
from yitong.contact.ledger import Event, Fact, fact_of, known_types, payload_of
from yitong.domains.reporting.model import Rows
from yitong.domains.reporting.rules.fold import fold

GOLDEN = Path(__file__).parent / "golden" / "facts.jsonl"
_IDS = {name: f"00000000-0000-7000-8000-00000000000{number}" for number, name in enumerate(("contact", "segment", "agent", "queue"), 1)}


def _published() -> dict[tuple[str, int], type[Fact]]:
    """What the product's message modules define (tests may define facts of their own)."""
    names = ["yitong.contact.messages", "yitong.flow.messages"]
    names += [f"yitong.domains.{part.name}.messages" for part in pkgutil.iter_modules(yitong.domains.__path__)]
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    return {key: kind for key, kind in known_types().items() if kind.__module__.startswith(tuple(names))}


def _lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]


def _event(line: dict[str, Any]) -> Event:
    return Event(
        id="00000000-0000-7000-8000-000000000009", type=line["type"], version=line["version"], tenant="t", site="s", producer="core",
        epoch=1, sequence=1, occurred_at=1_790_000_000_000_000, connection="k1", cause="", payload=line["payload"], **_IDS,
    )  # fmt: skip


@pytest.mark.parametrize("line", _lines(), ids=lambda line: f"{line['type']}:{line['version']}")
def test_a_published_fact_is_still_understood(line: dict[str, Any]) -> None:
    _published()
    fact = fact_of(_event(line))
    assert fact is not None, "a type that was published must stay known"
    if line["version"] == fact.VERSION:
        now = json.loads(json.dumps(payload_of(fact)))
        lost = {name: value for name, value in line["payload"].items() if now.get(name, "nothing") != value}
        assert not lost, "a published field must stay, with its meaning"
    fold(_event(line), Rows(), {})


def test_every_published_type_and_version_has_its_line() -> None:
    missing = set(_published()) - {(line["type"], line["version"]) for line in _lines()}
    assert not missing, "run `python tests/ledger/test_golden.py` once and commit the new lines"


def _example(kind: Any) -> Any:
    """A value of a field's type that is not its default, so that a lost field is noticed."""
    match kind:
        case msgspec.inspect.StrType():
            return "a"
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.IntType():
            return 7
        case msgspec.inspect.FloatType():
            return 1.5
        case msgspec.inspect.LiteralType():
            return kind.values[0]
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            return [_example(kind.item_type)]
        case msgspec.inspect.TupleType():
            return [_example(item) for item in kind.item_types]
        case msgspec.inspect.DictType():
            return {_example(kind.key_type): _example(kind.value_type)}
        case msgspec.inspect.StructType():
            return {field.encode_name: _example(field.type) for field in kind.fields}
        case msgspec.inspect.UnionType():
            return _example(kind.types[0])
        case _:
            return None


def append_missing() -> None:
    """Add a line for each type and version that has none."""
    known = {(line["type"], line["version"]) for line in _lines()} if GOLDEN.exists() else set()
    with GOLDEN.open("a", encoding="utf-8") as file:
        for (name, version), kind in sorted(_published().items()):
            if (name, version) not in known:
                values = {**_example(msgspec.inspect.type_info(kind)), **_IDS, "connection": "k1"}
                payload = payload_of(msgspec.convert(values, kind))
                file.write(json.dumps({"type": name, "version": version, "payload": payload}, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    append_missing()
