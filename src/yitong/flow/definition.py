"""A flow document: versioned JSON, the same for the editor, the API and the runner.

``steps`` is a map from step id to step; each step has a ``kind``, the parameters of that kind, and ``next``: outcome → step id. The
published JSON schema is made from the registered kinds, so a domain that adds a kind extends the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import msgspec

from yitong.flow.step import Problem, StepKind

SCHEMA_VERSION = 1
FAX = "fax"
"""The outcome of a step in which a fax machine was heard."""
STEP_ID = "^[a-z][a-z0-9_]{0,39}$"
HELP = "help"
"""The outcome of a step in which the caller pressed the document's key for help."""
BACK = "back"
"""The outcome of a step that sends the contact back to where it came from: the agent who waits, the step where it asked for help."""
NAMES = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 16,
    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 120},
}

VARIABLES = {"type": "array", "maxItems": 20, "uniqueItems": True, "items": {"type": "string", "pattern": STEP_ID}}
ENTRY = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {"name": NAMES, "beside": {"type": "boolean"}, "takes": VARIABLES, "returns": VARIABLES},
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step: its kind, the kind's parameters, and where each outcome leads."""

    kind: str
    parameters: Mapping[str, Any]
    next: Mapping[str, str]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A step at which agents may let a contact in. ``takes``: data that they may give along; ``returns``: what the flow collects there.

    ``beside``: the agent may wait until it comes back (by a step of kind «return»).
    """

    name: Mapping[str, str]
    beside: bool = False
    takes: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()


class Help(msgspec.Struct, frozen=True, kw_only=True):
    """``key``, pressed alone in any step that asks for keys, leads to ``step``; «return» leads back to where it was pressed."""

    key: str
    step: str


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A whole flow. ``values`` are constants that conditions and prompts may use as ``vars.*``.

    ``fax``: the step at which a caller goes on whose fax machine is heard while something is played to him; empty: nothing happens.
    ``data``: the variables that agents see at their desks, with their names. ``entries``: by step.
    """

    schema_version: int
    name: Mapping[str, str]
    start: str
    steps: Mapping[str, Step]
    values: Mapping[str, Any] = {}
    fax: str = ""
    data: Mapping[str, Mapping[str, str]] = {}
    entries: Mapping[str, Entry] = {}
    help: Help | None = None


class Kinds:
    """The kinds of step that this installation knows."""

    def __init__(self, *kinds: StepKind) -> None:
        self._kinds = {kind.kind: kind for kind in kinds}

    def get(self, kind: str) -> StepKind | None:
        return self._kinds.get(kind)

    def __getitem__(self, kind: str) -> StepKind:
        return self._kinds[kind]

    def names(self) -> list[str]:
        return sorted(self._kinds)

    def schema(self) -> dict[str, Any]:
        """JSON schema (2020-12) of a document with exactly these kinds."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Yitong flow document",
            "type": "object",
            "required": ["schema_version", "name", "start", "steps"],
            "additionalProperties": False,
            "properties": {
                "schema_version": {"const": SCHEMA_VERSION},
                "name": NAMES,
                "start": {"type": "string", "pattern": STEP_ID},
                "values": {"type": "object", "maxProperties": 100},
                "fax": {"type": "string", "pattern": STEP_ID},
                "data": {"type": "object", "maxProperties": 50, "propertyNames": {"pattern": STEP_ID}, "additionalProperties": NAMES},
                "entries": {
                    "type": "object",
                    "maxProperties": 50,
                    "propertyNames": {"pattern": STEP_ID},
                    "additionalProperties": ENTRY,
                },
                "help": {
                    "type": "object",
                    "required": ["key", "step"],
                    "additionalProperties": False,
                    "properties": {"key": {"type": "string", "pattern": "^[0-9*#]$"}, "step": {"type": "string", "pattern": STEP_ID}},
                },
                "layout": {"type": "object", "description": "Where the editor draws the steps; means nothing to the runner."},
                "steps": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 500,
                    "propertyNames": {"pattern": STEP_ID},
                    "additionalProperties": {
                        "type": "object",
                        "required": ["kind"],
                        "properties": {"kind": {"enum": self.names()}},
                        "allOf": [_for_kind(kind) for kind in self._kinds.values()],
                    },
                },
            },
        }

    def parse(self, raw: Any) -> tuple[Document | None, list[Problem]]:
        """The document in ``raw`` (already JSON values), or what is wrong with its form; never raises for bad input."""
        problems = [_problem_of(error) for error in jsonschema_rs.Draft202012Validator(self.schema()).iter_errors(raw)]
        return (None, problems) if problems else (document_of(raw), [])


def document_of(raw: Mapping[str, Any]) -> Document:
    """A document that is known to be valid (it was published)."""
    return Document(
        schema_version=raw["schema_version"],
        name=raw["name"],
        start=raw["start"],
        values=raw.get("values", {}),
        fax=raw.get("fax", ""),
        data=raw.get("data", {}),
        entries={step: msgspec.convert(entry, Entry) for step, entry in raw.get("entries", {}).items()},
        help=msgspec.convert(raw["help"], Help) if raw.get("help") else None,
        steps={name: _step_of(step) for name, step in raw["steps"].items()},
    )


def _step_of(raw: Mapping[str, Any]) -> Step:
    parameters = {key: value for key, value in raw.items() if key not in ("kind", "next", "note")}
    return Step(kind=raw["kind"], parameters=parameters, next=raw.get("next", {}))


def _for_kind(kind: StepKind) -> dict[str, Any]:
    common = {
        "kind": {"const": kind.kind},
        "note": {"type": "string", "maxLength": 2000},
        "next": {"type": "object", "additionalProperties": {"type": "string", "pattern": STEP_ID}},
    }
    body = {**kind.schema, "type": "object", "additionalProperties": False, "properties": {**kind.schema.get("properties", {}), **common}}
    return {"if": {"properties": {"kind": {"const": kind.kind}}, "required": ["kind"]}, "then": body}


def _problem_of(error: Any) -> Problem:
    path = [str(part) for part in error.instance_path]
    step = path[1] if len(path) > 1 and path[0] == "steps" else ""
    return Problem(step=step, code="flow.form", parameters={"at": "/".join(path), "message": error.message[:300]})
