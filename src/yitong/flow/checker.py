"""Finds what is wrong in a flow before a caller does. Pure: the document, the kinds, and what the tenant has.

Found: unknown targets, outcomes without a way on, steps that nobody reaches, steps from which no end can be reached, circles that turn
without any person acting (endless loops), bad CEL, entries for agents that do not fit, and what each kind knows (missing prompts).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from yitong.flow.definition import Document, Kinds
from yitong.flow.step import Problem

RETURN = "return"
APART = frozenset({"queue", "transfer", "survey", "leave_message", "listen_mailbox"})
"""Kinds that give the contact to somebody else, or ask about a talk that is not over."""


class Knowledge(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant has, for the checks: codes of queues, faxes and prompts (by language), extensions, and if speech
    can be rendered and text messages sent."""

    languages: frozenset[str] = frozenset({"zh-CN"})
    prompts: Mapping[str, frozenset[str]] = {}
    queues: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    faxes: frozenset[str] = frozenset()
    mailboxes: frozenset[str] = frozenset()
    rooms: frozenset[str] = frozenset()
    text_lines: bool = False
    speech: bool = False


def check(document: Document, kinds: Kinds, knowledge: Knowledge) -> list[Problem]:
    """Every problem of a well-formed document; empty when it may be published."""
    problems = list(_targets(document, kinds))
    for name, step in document.steps.items():
        problems += kinds[step.kind].check(name, step.parameters, knowledge)
    if not any(problem.code in ("flow.unknown_step", "flow.unknown_start") for problem in problems):
        problems += _reach(document)
        problems += _loops(document, kinds)
        problems += _entries(document)
        problems += _help(document)
        problems += _secrets(document)
    return problems


def _targets(document: Document, kinds: Kinds) -> Iterable[Problem]:
    if document.start not in document.steps:
        yield Problem(step="", code="flow.unknown_start", parameters={"start": document.start})
    named = [document.fax, *document.entries, *([document.help.step] if document.help is not None else [])]
    for target in named:
        if target and target not in document.steps:
            yield Problem(step="", code="flow.unknown_step", parameters={"target": target})
    for name, step in document.steps.items():
        outcomes = kinds[step.kind].outcomes(step.parameters)
        for outcome in sorted(outcomes - step.next.keys()):
            yield Problem(step=name, code="flow.no_way_on", parameters={"outcome": outcome})
        for outcome in sorted(step.next.keys() - outcomes):
            yield Problem(step=name, code="flow.unknown_outcome", parameters={"outcome": outcome})
        for target in sorted(set(step.next.values()) - document.steps.keys()):
            yield Problem(step=name, code="flow.unknown_step", parameters={"target": target})


def _reach(document: Document) -> Iterable[Problem]:
    helping = document.help.step if document.help is not None else document.start
    reached = _closure({document.start, document.fax or document.start, helping, *document.entries}, _ways(document))
    before: dict[str, set[str]] = {name: set() for name in document.steps}
    for name, step in document.steps.items():
        for target in step.next.values():
            before[target].add(name)
    ends = {name for name, step in document.steps.items() if not step.next}
    ending = _closure(ends, before)
    for name in document.steps:
        if name not in reached:
            yield Problem(step=name, code="flow.unreachable")
        elif name not in ending:
            yield Problem(step=name, code="flow.no_exit")


def _ways(document: Document) -> dict[str, set[str]]:
    return {name: set(step.next.values()) for name, step in document.steps.items()}


def _entries(document: Document) -> Iterable[Problem]:
    """Data that has no name, and entries beside which an agent cannot wait: nothing leads back, or somebody else would be rung."""
    collected = {str(step.parameters.get("name", "")) for step in document.steps.values()}
    collected |= {name for step in document.steps.values() if step.kind == "set" for name in step.parameters["values"]}
    for entry_step, entry in document.entries.items():
        for name in {*entry.takes, *entry.returns} - document.data.keys():
            yield Problem(step=entry_step, code="flow.unnamed_data", parameters={"name": name})
        for name in set(entry.returns) - collected:
            yield Problem(step=entry_step, code="flow.not_collected", parameters={"name": name})
        if entry.beside:
            kinds = {name: document.steps[name].kind for name in _closure({entry_step}, _ways(document))}
            if RETURN not in kinds.values():
                yield Problem(step=entry_step, code="flow.no_return")
            yield from (
                Problem(step=name, code="flow.not_beside_an_agent", parameters={"kind": kind})
                for name, kind in kinds.items() if kind in APART
            )  # fmt: skip


def _help(document: Document) -> Iterable[Problem]:
    """A key for help that a menu gives another meaning."""
    if document.help is None:
        return
    for name, step in document.steps.items():
        if document.help.key in step.parameters.get("keys", ()):
            yield Problem(step=name, code="flow.help_key_taken", parameters={"key": document.help.key})


def _secrets(document: Document) -> Iterable[Problem]:
    """A secret that a step would copy into a variable that is kept."""
    secrets = {str(step.parameters["name"]) for step in document.steps.values() if step.parameters.get("secret")}
    for name, step in document.steps.items():
        for expression in step.parameters["values"].values() if step.kind == "set" else ():
            for secret in sorted(secrets):
                if re.search(rf"\bvars\.{secret}\b", expression):
                    yield Problem(step=name, code="flow.secret_copied", parameters={"name": secret})


def _loops(document: Document, kinds: Kinds) -> Iterable[Problem]:
    """Steps on a circle of outcomes that no person has to bring."""
    by_itself = {
        name: {target for outcome, target in step.next.items() if outcome not in kinds[step.kind].chosen(step.parameters)}
        for name, step in document.steps.items()
    }
    for name in document.steps:
        if name in _closure(by_itself[name], by_itself):
            yield Problem(step=name, code="flow.endless_loop")


def _closure(start: set[str], edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(edges.get(name, ()))
    return seen


def problem_text(problem: Problem) -> str:
    """An English line for logs; people get the sentence of their language from the web."""
    details = ", ".join(f"{key}={value}" for key, value in problem.parameters.items())
    return f"{problem.step or 'document'}: {problem.code}{f' ({details})' if details else ''}"


def knowledge_of(configuration: Mapping[str, Mapping[str, Any]], *, speech: bool) -> Knowledge:
    """Knowledge from published configuration: kind → id → value (``docs/interfaces.md``)."""
    prompts: dict[str, set[str]] = {}
    for prompt in configuration.get("prompt", {}).values():
        prompts.setdefault(prompt["code"], set()).add(prompt["language"])
    tenants = configuration.get("tenant", {}).values()
    return Knowledge(
        languages=frozenset(str(tenant["language"]) for tenant in tenants) or frozenset({"zh-CN"}),
        prompts={code: frozenset(languages) for code, languages in prompts.items()},
        queues=frozenset(str(queue["code"]) for queue in configuration.get("queue", {}).values()),
        extensions=frozenset(str(agent["extension"]) for agent in configuration.get("agent", {}).values()),
        faxes=frozenset(str(one["code"]) for one in configuration.get("fax_document", {}).values()),
        mailboxes=frozenset(str(one["code"]) for one in configuration.get("mailbox", {}).values()),
        rooms=frozenset(str(one["code"]) for one in configuration.get("conference_room", {}).values()),
        text_lines=any(one.get("enabled") for one in configuration.get("text_line", {}).values()),
        speech=speech,
    )
