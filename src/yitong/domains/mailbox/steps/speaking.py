"""What both steps say: prompts of their own (``mailbox.review`` ...), each of which a flow may replace by its parameter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from yitong.flow.asking import check_pieces
from yitong.flow.prompts import PIECES_SCHEMA
from yitong.flow.step import Problem

CODE: Mapping[str, Any] = {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"}
TRIES: Mapping[str, Any] = {"type": "integer", "minimum": 1, "maximum": 10}


def saying(names: Iterable[str]) -> dict[str, Any]:
    """The schema's properties by which a flow replaces what is said."""
    return {f"{name}_prompts": PIECES_SCHEMA for name in names}


def said(parameters: Mapping[str, Any], name: str) -> list[Any]:
    """The pieces of what is said at ``name``."""
    return list(parameters.get(f"{name}_prompts", [f"mailbox.{name}"]))


def check_said(step: str, parameters: Mapping[str, Any], names: Iterable[str], knowledge: Any) -> list[Problem]:
    """Prompts that the tenant has not."""
    return check_pieces(step, [piece for name in names for piece in said(parameters, name)], knowledge)


def check_mailbox(step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
    """A mailbox that is named and does not exist."""
    code = parameters.get("mailbox", "")
    if not code or code in knowledge.mailboxes:
        return []
    return [Problem(step=step, code="flow.unknown_mailbox", parameters={"mailbox": code})]
