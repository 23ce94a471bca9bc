"""Classes of numbers and their rewriting: by value."""

from __future__ import annotations

import pytest

from yitong.ct.numbering import (
    CHINA,
    Matcher,
    NumberClass,
    PatternError,
    Rewrite,
    default_rules,
    fits,
    may_call,
    number_class,
    pattern_of,
    rewritten,
    rules_with,
)

TO_E164 = (
    Rewrite(pattern="+."),
    Rewrite(pattern="00.", strip=2, prepend="+"),
    Rewrite(pattern="01[3-9]XXXXXXXXX", strip=1, prepend="+86"),
    Rewrite(pattern="0.", strip=1, prepend="+86"),
    Rewrite(pattern="1[3-9]XXXXXXXXX", prepend="+86"),
    Rewrite(pattern="[2-8]XXXXXXX", prepend="+8621"),
)
TO_LOCAL = (
    Rewrite(pattern="+8621[2-8]XXXXXXX", strip=5),
    Rewrite(pattern="+861[3-9]XXXXXXXXX", strip=3),
    Rewrite(pattern="+86.", strip=3, prepend="0"),
    Rewrite(pattern="+.", strip=1, prepend="00"),
)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("110", "emergency"), ("120", "emergency"), ("112", "emergency"), ("12395", "emergency"), ("62345678", "local"),
        ("6234567", "local"), ("114", "local"), ("10086", "local"), ("12345", "local"), ("95588", "local"), ("4008001234", "local"),
        ("02162345678", "national"), ("075512345678", "national"), ("+862162345678", "national"), ("13800138000", "mobile"),
        ("013800138000", "mobile"), ("+8613800138000", "mobile"), ("008613800138000", "mobile"), ("138 0013 8000", "mobile"),
        ("0044207946000", "international"), ("+44207946000", "international"), ("16812345", "premium"), ("16812345678", "premium"),
        ("02116812345", "premium"), ("+8616812345", "premium"), ("008616812345", "premium"),
    ],
)  # fmt: skip
def test_every_number_of_the_chinese_plan_has_its_class(number: str, kind: str) -> None:
    assert number_class(number, CHINA) == kind


def test_a_number_that_no_pattern_fits_may_be_called_by_nobody() -> None:
    assert number_class("9", CHINA) is None
    assert not may_call("9", list(NumberClass), CHINA)


def test_rights_go_by_class_and_emergency_calls_need_none() -> None:
    assert may_call("110", [], CHINA)
    assert may_call("13800138000", ["mobile"], CHINA)
    assert not may_call("13800138000", ["local", "national"], CHINA)
    assert not may_call("+8616812345", ["international", "national"], CHINA)


def test_a_tenants_own_patterns_replace_a_class_but_never_take_an_emergency_number_away() -> None:
    rules = rules_with("CN", {NumberClass.LOCAL: ["110", "5XXX"], NumberClass.PREMIUM: ["110"], NumberClass.EMERGENCY: ["5110"]})
    assert number_class("110", rules) is NumberClass.EMERGENCY
    assert number_class("5110", rules) is NumberClass.EMERGENCY
    assert number_class("5111", rules) is NumberClass.LOCAL
    assert number_class("62345678", rules) is None


def test_a_country_without_a_plan_of_its_own_knows_international_and_national() -> None:
    rules = default_rules("XX")
    assert [number_class(number, rules) for number in ("+331", "0033", "55", "911")] == [
        "international", "international", "national", "emergency",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("local", "e164"),
    [("13800138000", "+8613800138000"), ("075512345678", "+8675512345678"), ("62345678", "+862162345678"), ("0044207", "+44207")],
)
def test_numbers_go_to_e164_and_back(local: str, e164: str) -> None:
    assert rewritten(local, TO_E164) == e164
    assert rewritten(e164, TO_LOCAL) == local


def test_a_number_that_no_rule_fits_stays() -> None:
    assert rewritten("10086", TO_E164) == "10086"


def test_many_patterns_are_asked_at_once() -> None:
    many = Matcher(["13800138000", "+86139.", "[3-9", "0085.", *(str(number) for number in range(10**10, 10**10 + 5000))])
    asked = ("13800138000", "+8613912", "00851", "10000004999", "138001380001", "")
    assert [many.fits(number) for number in asked] == [True] * 4 + [False] * 2
    assert not Matcher([]).fits("1")


@pytest.mark.parametrize("text", ["", "[", "[9-3]", "a", "1.2", "(", "[]"])
def test_what_is_no_pattern_is_refused_and_fits_nothing(text: str) -> None:
    with pytest.raises(PatternError):
        pattern_of(text)
    assert not fits(text, "1")


@pytest.mark.parametrize("text", ["1[39253--]", "[--1]", "[-5]", "[5-]", "[]", "[5-3]"])
def test_what_is_no_choice_of_digits_is_no_pattern(text: str) -> None:
    with pytest.raises(PatternError):
        pattern_of(text)
