"""Numbers as lists of prompt codes: ``number.7``, ``number.shi`` …, Chinese by myriads, English by thousands."""

from __future__ import annotations

_CHINESE_UNITS = ((1_000, "number.qian"), (100, "number.bai"), (10, "number.shi"))
LARGEST = 99_999_999


def digits_prompts(text: str) -> list[str]:
    """Each digit of ``text`` by itself (a telephone number, an account); other characters are skipped."""
    return [f"digit.{character}" for character in text if character in "0123456789"]


def number_prompts(value: int, language: str) -> list[str]:
    """``value`` (0 to 99,999,999; beyond that its digits) spoken in ``language`` (BCP 47; Chinese, else English)."""
    if not 0 <= value <= LARGEST:
        return digits_prompts(str(value))
    return _chinese(value) if language.lower().startswith("zh") else _english(value)


def _chinese(value: int) -> list[str]:
    if value == 0:
        return ["number.0"]
    high, low = divmod(value, 10_000)
    codes: list[str] = []
    if high:
        codes += [*_chinese_group(high, leading=True), "number.wan"]
    if low:
        codes += [*(["number.0"] if high and low < 1_000 else []), *_chinese_group(low, leading=not high)]
    return codes


def _chinese_group(value: int, *, leading: bool) -> list[str]:
    """1 to 9,999: 105 is 一百零五, 12 is 十二 at the front and 一十二 behind a larger unit."""
    codes: list[str] = []
    gap = False
    for size, unit in _CHINESE_UNITS:
        digit, value = divmod(value, size)
        if digit:
            codes += ["number.0"] if gap else []
            gap = False
            codes += [unit] if size == 10 and digit == 1 and not codes and leading else [f"number.{digit}", unit]
        elif codes and value:
            gap = True
    if value:
        codes += [*(["number.0"] if gap else []), f"number.{value}"]
    return codes


def _english(value: int) -> list[str]:
    if value < 20:
        return [f"number.{value}"]
    if value < 100:
        tens, ones = divmod(value, 10)
        return [f"number.{tens * 10}", *([f"number.{ones}"] if ones else [])]
    if value < 1_000:
        hundreds, rest = divmod(value, 100)
        return [f"number.{hundreds}", "number.hundred", *(_english(rest) if rest else [])]
    size, unit = (1_000_000, "number.million") if value >= 1_000_000 else (1_000, "number.thousand")
    front, rest = divmod(value, size)
    return [*_english(front), unit, *(_english(rest) if rest else [])]
