"""Decisions about text messages."""

from __future__ import annotations

import pytest

from yitong.domains.messaging import rules
from yitong.domains.messaging.model.lines import Texting
from yitong.domains.messaging.model.texts import Answer
from yitong.flow.wording import rendered
from yitong.kit.clock import SECOND

OK = Answer(outcome="accepted", id="m1")


@pytest.mark.parametrize(
    ("answers", "tries", "state", "reason", "counts"),
    [
        ([OK, OK], 1, "accepted", "", True),
        ([OK, Answer(outcome="unknown", reason="no_answer")], 1, "uncertain", "no_answer", True),
        ([OK, Answer(outcome="refused", reason="ESME_RINVDSTADR")], 1, "failed", "ESME_RINVDSTADR", True),
        ([Answer(outcome="throttled", reason="ESME_RTHROTTLED")], 9, "waiting", "ESME_RTHROTTLED", False),
        ([Answer(outcome="unsent", reason="connection_lost")], 9, "waiting", "connection_lost", False),
        ([Answer(outcome="later", reason="ESME_RSYSERR")], 1, "waiting", "ESME_RSYSERR", True),
        ([Answer(outcome="later", reason="ESME_RSYSERR")], rules.TRIES, "failed", "ESME_RSYSERR", True),
    ],
)
def test_what_follows_a_try(answers: list[Answer], tries: int, state: str, reason: str, counts: bool) -> None:
    verdict = rules.after(answers, tries)
    assert (verdict.state, verdict.reason, verdict.counts) == (state, reason, counts)


def test_pauses_grow() -> None:
    assert [rules.pause_after(tries) // SECOND for tries in (1, 2, 3, 30)] == [10, 20, 40, 1800]


def test_receipts() -> None:
    assert rules.told_by_receipts(["DELIVRD", ""]) is None
    assert rules.told_by_receipts(["ACCEPTD"]) is None
    told = [rules.told_by_receipts(states) for states in (["DELIVRD", "DELIVRD"], ["DELIVRD", "UNDELIV"])]
    assert [(one.state, one.reason) for one in told if one] == [("delivered", ""), ("failed", "undelivered")]


def test_texts_with_call_data() -> None:
    values = {"vars": {"ticket": "A7"}, "customer": {"name": "王小明"}}
    said = rendered("{customer.name}您好，单号{vars.ticket}，{vars.none}{ 1 + 1 }", values)
    assert said == "王小明您好，单号A7，2"
    assert rules.plain("a\x00b\x07 \n c  ") == "ab \n c"
    assert len(rules.plain("长" * 900)) == rules.LONGEST


def test_whom_one_may_text() -> None:
    texting = Texting()
    texting.configure("tenant", "t", {"country": "CN"})
    assert not texting.may_text("13800000000")
    texting.configure("text_line", "l", {"code": "main", "enabled": True, "classes": ["mobile"]})
    assert [texting.may_text(number) for number in ("13800000000", "02155551234", "110", "", "abc")] == [True, False, False, False, False]
    texting.configure("text_line", "l", {"code": "main", "enabled": False})
    assert not texting.may_text("13800000000")
