"""What connections for text messages and their templates look like from outside."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from yitong.domains.sites.api.shapes import CERTIFICATES, Language, Named, Text
from yitong.flow.conditions import compiled
from yitong.flow.wording import expressions

Ton = Annotated[int, Field(ge=0, le=6)]
Npi = Annotated[int, Field(ge=0, le=18)]
Ascii = r"^[\x21-\x7e]"


class TextLine(Named):
    """A connection to an operator's message centre (SMPP 3.4). ``password`` is written, never read; 8 characters at most, as SMPP has it.

    TON and NPI: SMPP 5.2.5 and 5.2.6; those of numbers with a plus are known. ``alphabet``: ``ucs2`` where the centre's default alphabet is
    not GSM 03.38. ``classes``: of numbers that may get text messages. ``window``: so many may be unanswered at a time.
    """

    enabled: bool = True
    host: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:]{2,45})$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 2775
    tls: bool = False
    tls_ca: Annotated[str, StringConstraints(max_length=64_000, pattern=CERTIFICATES)] = ""
    system_id: Annotated[str, StringConstraints(pattern=Ascii + "{0,15}$")] = ""
    password: Annotated[str, StringConstraints(pattern=Ascii + "{0,8}$")] | None = None
    system_type: Annotated[str, StringConstraints(pattern=Ascii + "{0,12}$")] = ""
    source: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ]{0,20}$")] = ""
    source_ton: Ton = 0
    source_npi: Npi = 0
    dest_ton: Ton = 0
    dest_npi: Npi = 1
    alphabet: Literal["auto", "ucs2"] = "auto"
    classes: list[Literal["internal", "local", "national", "mobile", "international", "premium"]] = Field(default=["mobile"], max_length=6)
    per_second: Annotated[int, Field(ge=1, le=100)] = 10
    window: Annotated[int, Field(ge=1, le=50)] = 10
    order: Annotated[int, Field(ge=1, le=1000)] = 1


def _wording(text: str) -> str:
    for expression in expressions(text):
        compiled(expression)
    return text


WORDED = AfterValidator(_wording)
"""A text whose expressions are CEL."""


class TextTemplate(Named):
    """What agents may send the customer of a talk; ``{customer.name}`` and other CEL expressions stand for call data."""

    texts: Annotated[
        dict[Language, Annotated[Text, StringConstraints(min_length=1, max_length=600), WORDED]], Field(min_length=1)
    ]
