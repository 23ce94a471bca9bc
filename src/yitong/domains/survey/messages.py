"""Facts of the satisfaction survey. Credited to the served segment, its agent and its queue (envelope), not to whoever is there later."""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact


class SurveyAsked(Fact, frozen=True):
    """The caller was asked (one invitation per served contact)."""

    TYPE: ClassVar[str] = "survey.asked"
    survey: str


class SurveyAnswered(Fact, frozen=True):
    """The caller's answer: the key that he pressed and its value on the survey's scale (1 very satisfied, 2 satisfied, 3 not)."""

    TYPE: ClassVar[str] = "survey.answered"
    survey: str
    answer: int
