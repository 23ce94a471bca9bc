"""What stands in a template of an answer for the fields that it names."""

from __future__ import annotations

from yitong.domains.mail.rules.templates import Known, filled, first_of

KNOWN = Known(
    address="wang@example.org", sender="王小波", subject="燃气费", token="0123456789", ours="service@example.com",
    agent={"zh-CN": "李明", "en": "Li Ming"}, extension="1001",
)  # fmt: skip


def test_each_language_has_its_names() -> None:
    """Whom we do not know has the name under which he wrote; what nobody knows is empty."""
    texts = {"zh-CN": "{customer.name}您好：{agent.name}（{agent.extension}）", "en": "Dear {customer.name}, {agent.name} {customer.none}"}
    assert filled(texts, KNOWN) == {"zh-CN": "王小波您好：李明（1001）", "en": "Dear 王小波, Li Ming "}
    card = Known(**{name: getattr(KNOWN, name) for name in KNOWN.__struct_fields__} | {"name": "Wang", "agent": {"en": "Li Ming"}})
    assert filled({"zh-CN": "{customer.name} {agent.name} {mail.subject} [#{mail.number}]"}, card) == {
        "zh-CN": "Wang Li Ming 燃气费 [#0123456789]"
    }  # fmt: skip


def test_the_customers_language_comes_first() -> None:
    """Then the agent's, then what there is."""
    texts = {"zh-CN": "甲", "en": "a"}
    assert first_of(texts, "en", "zh-CN") == "en"
    assert first_of(texts, "", "zh-CN") == "zh-CN"
    assert first_of({"en": "a"}, "zh-CN", "") == "en"
