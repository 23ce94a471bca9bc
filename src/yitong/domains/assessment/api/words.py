"""The words of exported lists, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEAD = {
    "en": (
        "Talk", "Extension", "Agent", "Team", "Sheet", "Version", "State", "Per cent", "Passed", "Assessed by", "Published", "Contact",
        "Comment",
    ),
    "zh-CN": ("通话时间", "分机", "座席", "班组", "评分表", "版本", "状态", "得分（%）", "合格", "评分人", "发布时间", "通话编号", "评语"),
}  # fmt: skip
_WORDS = {
    "en": {"draft": "Draft", "published": "Published", "answered": "Answered", "settled": "Settled", "True": "yes", "False": "no"},
    "zh-CN": {"draft": "草稿", "published": "已发布", "answered": "座席已申诉", "settled": "已处理", "True": "是", "False": "否"},
}  # fmt: skip


def head(language: str) -> tuple[str, ...]:
    """The names of the columns."""
    return _HEAD[language]


def word(language: str, value: object) -> str:
    """A state, or whether somebody passed; "" for what is not known."""
    return _WORDS[language].get(str(value), "")


def named(name: Mapping[str, Any] | None, language: str) -> str:
    """A name in the reader's language, any other before nothing."""
    return str((name or {}).get(language) or next(iter((name or {}).values()), ""))
