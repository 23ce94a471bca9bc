"""Templates of answers: what their fields stand for in the answer to one mail. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from yitong.flow.wording import rendered


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when an agent answers. ``agent``: his name by language; ``name``, ``region``, ``klass``, ``language`` of the
    customer's card, or empty."""

    address: str
    sender: str
    subject: str
    token: str
    ours: str
    agent: Mapping[str, str]
    extension: str = ""
    name: str = ""
    region: str = ""
    klass: str = ""
    language: str = ""


def values_of(known: Known, language: str) -> dict[str, Any]:
    """``customer.*``, ``agent.*``, ``mail.*`` for a text in ``language``. Whom we do not know has the name under which he wrote."""
    agent = known.agent.get(language) or next(iter(known.agent.values()), "")
    return {
        "customer": {"name": known.name or known.sender, "address": known.address, "region": known.region, "class": known.klass},
        "agent": {"name": agent, "extension": known.extension},
        "mail": {"subject": known.subject, "number": known.token, "address": known.ours},
    }


def filled(texts: Mapping[str, str], known: Known) -> dict[str, str]:
    """Each language's text with its fields filled in."""
    return {language: rendered(text, values_of(known, language)) for language, text in texts.items()}


def first_of(texts: Mapping[str, str], *languages: str) -> str:
    """The language that is offered first: the first of ``languages`` that the template has."""
    return next((language for language in languages if texts.get(language)), next(iter(texts), ""))
