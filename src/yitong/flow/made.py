"""Flows made on the spot, named by what they do: «prompt:CODE» plays a prompt, «fax:CODE» sends a document; then the contact goes back.
«message:CODE» judges first who answered: a machine gets the prompt after its beep, and the call ends, as where nobody is.

So what an agent sends into a call is a flow like any other: it waits, ends, fails and survives a restart in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from yitong.flow.definition import SCHEMA_VERSION, Document, document_of

START = "send"
PROMPT, FAX, MESSAGE = "prompt", "fax", "message"


def name_of(what: str, code: str) -> str:
    """The name of the flow that sends ``code`` (a prompt's, a fax document's)."""
    return f"{what}:{code}"


@lru_cache(maxsize=256)
def made(flow: str) -> Document | None:
    """The document of such a name; None for the id of a published flow."""
    what, colon, code = flow.partition(":")
    if not (colon and code) or what not in (PROMPT, FAX, MESSAGE):
        return None
    return document_of({"schema_version": SCHEMA_VERSION, "name": {"en": flow}, "start": START, "entries": _ENTRIES, "steps": {
        **_first(what, code), "done": _back("done"), "failed": _back("failed"), "end": {"kind": "hang_up"},
    }})  # fmt: skip


_ENTRIES: Mapping[str, Any] = {START: {"name": {"en": "send"}, "beside": True}}


def _back(result: str) -> dict[str, Any]:
    return {"kind": "return", "result": result, "next": {"nowhere": "end"}}


def _first(what: str, code: str) -> dict[str, Any]:
    if what != MESSAGE:
        return {START: _sending(what, code)}
    there, nobody = ("person", "silence", "unknown"), ("fax", "busy")
    judged = {"kind": "classify", "wait_for_beep": True, "next": {
        **dict.fromkeys(there, "say"), **dict.fromkeys(nobody, "end"), "machine": "leave",
    }}  # fmt: skip
    return {START: judged, "say": _sending(PROMPT, code), "leave": {**_sending(PROMPT, code), "next": {"done": "end"}}}


def _sending(what: str, code: str) -> dict[str, Any]:
    if what == PROMPT:
        return {"kind": "play", "prompts": [code], "barge_in": False, "next": {"done": "done"}}
    return {"kind": "send_fax", "document": code, "next": {"done": "done", "failed": "failed"}}
