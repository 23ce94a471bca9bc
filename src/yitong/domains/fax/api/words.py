"""The words of the report of a sending, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, tuple[str, str]] = {
    "line": ("行号", "Line"), "number": ("号码", "Number"), "name": ("名称", "Name"), "state": ("结果", "Result"),
    "reason": ("原因", "Reason"), "tries": ("拨打次数", "Attempts"), "pages": ("页数", "Pages"), "ended_at": ("完成时间", "Finished"),
    "given": ("原始内容", "As given"),
    "state.waiting": ("等待", "waiting"), "state.dialling": ("发送中", "being sent"), "state.sent": ("已送达", "delivered"),
    "state.failed": ("失败", "failed"), "state.cancelled": ("已取消", "cancelled"), "state.refused": ("未拨打", "not called"),
    "reason.ok": ("", ""), "reason.busy": ("占线", "busy"), "reason.no_answer": ("无人应答", "no answer"),
    "reason.refused": ("拒接", "refused"), "reason.unreachable": ("无法接通", "unreachable"),
    "reason.no_such_number": ("空号", "no such number"), "reason.no_fax": ("对方不是传真机", "no fax machine answered"),
    "reason.call_dropped": ("通话中断", "the call was cut off"), "reason.cannot_train": ("线路质量太差", "the line is too bad"),
    "reason.interrupted": ("发送中断", "interrupted"), "reason.fax_unavailable": ("本机没有传真模块", "no fax modem here"),
    "reason.no_number": ("没有号码", "no number"), "reason.bad_number": ("号码不正确", "not a number"),
    "reason.doubled": ("重复", "stands there twice"), "reason.not_allowed": ("无权拨打", "may not be called"),
    "reason.emergency": ("紧急号码", "emergency number"),
}  # fmt: skip


def report_words(language: str) -> dict[str, str]:
    """The words by name."""
    return {name: words[language != "zh-CN"] for name, words in _WORDS.items()}
