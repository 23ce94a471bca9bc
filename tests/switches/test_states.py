"""The state table is drawn as it is."""

from __future__ import annotations

from pathlib import Path

from yitong.ct.services import Answer, Make
from yitong.ct.states import Stage, picture, refusal

PAGE = Path(__file__).parents[2] / "docs" / "states" / "connection.md"


def test_picture_is_the_table() -> None:
    assert PAGE.read_text("utf-8") == picture()


def test_refusals_have_stable_words() -> None:
    assert refusal(Answer, Stage.INCOMING) == ""
    assert refusal(Answer, Stage.NULL) == "no_such_connection"
    assert refusal(Answer, Stage.HOLD) == "wrong_state"
    assert refusal(Make, Stage.HOLD) == "connection_exists"
