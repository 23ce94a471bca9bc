"""What people call the steps through which a contact went. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from yitong.flow.messages import FlowStarted, SideFlowBegan, SideFlowEnded

Documents = Mapping[tuple[str, int], Mapping[str, Any]]
"""Of flows, by id and version."""


def step_names(events: Iterable[Mapping[str, Any]], documents: Documents) -> dict[str, Any]:
    """By the id of each fact about a step, in the order of the journey: what it collects, or the way in that it is. Others are missing."""
    at: list[Mapping[str, Any]] = []
    names: dict[str, Any] = {}
    for one in events:
        payload = one["payload"]
        if one["type"] in (FlowStarted.TYPE, SideFlowBegan.TYPE):
            entered = documents.get((payload["flow"], payload["flow_version"]), {})
            at = [entered] if one["type"] == FlowStarted.TYPE else [*at, entered]
        elif one["type"] == SideFlowEnded.TYPE:
            at = at[:-1]
        elif at and "step" in payload and (name := _name(at[-1], payload["step"])):
            names[one["id"]] = name
    return names


def _name(document: Mapping[str, Any], step: str) -> Any:
    collects = document.get("steps", {}).get(step, {}).get("name")
    return document.get("data", {}).get(collects) or document.get("entries", {}).get(step, {}).get("name")
