"""The order of trunks for a number, by value (A24, T52)."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from yitong.ct.numbering import Rewrite
from yitong.ct.switches.soft.outside import Health, Outside, called_by, shown_by
from yitong.ct.switches.soft.trunk_record import CallerId, Priced, TrunkRecord

MOBILE = "13800138000"


def outside(**records: dict[str, Any]) -> Outside:
    made = Outside()
    made.configure({f"t1/trunk/{code}": ("t1", TrunkRecord(code=code, host="192.0.2.1", **fields)) for code, fields in records.items()})
    return made


def order(made: Outside, number: str = MOBILE, *, site: str = "s1", now: float = 0.0, emergency: bool = False, **busy: int) -> list[str]:
    used = {f"t1/trunk/{code}": count for code, count in busy.items()}
    return [trunk.record.code for trunk in made.candidates("t1", site, number, used, now, emergency=emergency)]


def prices(**by_prefix: str) -> list[Priced]:
    return [Priced(prefix=prefix.strip("_"), price=Decimal(price)) for prefix, price in by_prefix.items()]


def test_the_cheapest_trunk_for_this_number_comes_first() -> None:
    made = outside(
        a={"prefixes": prices(_="0.30", _13="0.08")}, b={"prefixes": prices(_="0.10")}, c={"prefixes": prices(_1380="0.05", _0="0.20")}
    )
    assert order(made) == ["c", "a", "b"]
    assert order(made, "02162345678") == ["b", "c", "a"]
    assert order(made, "62345678") == ["b", "a"]


def test_prices_may_be_told_for_the_numbers_as_the_trunk_gets_them() -> None:
    e164 = [Rewrite(pattern="1[3-9].", prepend="+86"), Rewrite(pattern="00.", strip=2, prepend="+")]
    made = outside(a={"prefixes": [Priced(prefix="+86", price=Decimal("0.1"))], "rewrite_called": e164})
    assert [order(made, number) for number in (MOBILE, "+8613800138000", "0044207")] == [["a"], ["a"], []]


def test_order_goes_before_price_and_a_price_before_none() -> None:
    made = outside(a={"order": 2, "prefixes": prices(_="0.01")}, b={"prefixes": prices(_="9")}, c={})
    assert order(made) == ["b", "c", "a"]


def test_equal_trunks_share_by_weight() -> None:
    made = outside(a={"weight": 3}, b={"weight": 1})
    first: Counter[str] = Counter()
    for _ in range(400):
        trunk = made.candidates("t1", "s1", MOBILE, {}, 0.0)[0]
        made.chosen(trunk)
        first[trunk.record.code] += 1
    assert first == {"a": 300, "b": 100}


def test_another_sites_trunk_is_the_detour() -> None:
    made = outside(far={"site": "s2", "prefixes": prices(_="0.01")}, near={"site": "s1", "channels": 1})
    assert order(made) == ["near", "far"]
    assert order(made, near=1) == ["far"]
    made.trunks["t1/trunk/near"].health = Health.DOWN
    assert order(made) == ["far", "near"]


def test_who_is_silent_overloaded_or_not_registered_comes_last() -> None:
    made = outside(a={}, b={}, c={"register": True}, d={"order": 9})
    made.trunks["t1/trunk/a"].health = Health.DOWN
    made.trunks["t1/trunk/b"].rests_until = 10.0
    assert order(made, now=5.0)[0] == "d"
    made.trunks["t1/trunk/c"].registered = True
    assert order(made, now=11.0) == ["b", "c", "d", "a"]


def test_full_trunks_and_other_tenants_are_left_out_but_for_emergencies_none_is_full() -> None:
    made = outside(a={"channels": 2, "prefixes": prices(_0="1")}, b={"channels": 1})
    assert order(made, b=1) == []
    assert order(made, "110", b=1, a=2, emergency=True) == ["a", "b"]
    assert made.candidates("t2", "s1", MOBILE, {}, 0.0) == []


def test_what_is_known_of_a_trunk_survives_a_change_of_another() -> None:
    made = outside(a={}, b={})
    made.trunks["t1/trunk/a"].health = Health.UP
    records = {device: ("t1", trunk.record) for device, trunk in made.trunks.items()}
    records["t1/trunk/b"] = ("t1", TrunkRecord(code="b", host="192.0.2.2"))
    assert made.configure(records) == {"t1/trunk/b"}
    assert made.trunks["t1/trunk/a"].health is Health.UP
    assert made.configure({}) == set()
    assert made.trunks == {}


def test_both_numbers_are_rewritten_and_the_caller_is_shown_by_rule() -> None:
    record = TrunkRecord(
        code="a", host="h", username="line1", caller_number="96900", rewrite_called=[Rewrite(pattern="1.", prepend="+86")],
        rewrite_calling=[Rewrite(pattern="96900", prepend="021")],
    )  # fmt: skip
    assert called_by(record, MOBILE) == "+8613800138000"
    assert shown_by(record, "1001", ours=False) == "02196900"
    assert shown_by(record, "96901", ours=True) == "96901"
    shown = {rule: shown_by(TrunkRecord(code="a", caller_id=rule, username="line1"), "1001", ours=False) for rule in CallerId}
    assert shown == {"given": "1001", "own": "line1", "fixed": "line1", "withheld": ""}


def test_a_trunk_never_shows_its_password() -> None:
    assert "secret" not in repr(TrunkRecord(code="a", password="secret"))
