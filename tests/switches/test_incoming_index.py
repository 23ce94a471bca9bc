"""Which trunk a call comes by: by number and address, the narrowest network first."""

from __future__ import annotations

from typing import Any

from yitong.ct.switches.soft.incoming import Incoming, NumberRecord
from yitong.ct.switches.soft.trunk_record import TrunkRecord


def index(trunks: dict[str, dict[str, Any]], numbers: list[dict[str, Any]]) -> Incoming:
    made = Incoming(lambda host: {"sip.operator.example": "203.0.113.9"}.get(host, host))
    made.build(
        [("t1", f"n{place}", NumberRecord(**fields)) for place, fields in enumerate(numbers)],
        [("t1", f"id-{code}", TrunkRecord(code=code, **fields)) for code, fields in trunks.items()],
    )
    return made


def by(made: Incoming, address: str, number: str = "96900", meant: str = "") -> str:
    found = made.trunk(address, number, meant)
    return found[1].code if found is not None else ""


def test_the_narrowest_network_has_the_call() -> None:
    made = index(
        {"all": {"addresses": ["10.0.0.0/8", "::/0"]}, "one": {"addresses": ["10.1.2.3"]}, "some": {"addresses": ["10.1.0.0/16", "x"]}},
        [{"number": "96900"}],
    )
    assert [by(made, address) for address in ("10.1.2.3", "10.1.2.4", "10.2.0.1", "11.0.0.1", "2001:db8::1", "no address")] == [
        "one", "some", "all", "", "all", "",
    ]  # fmt: skip
    assert by(made, "10.1.2.3", "4711") == ""


def test_address_and_number_must_both_fit() -> None:
    made = index(
        {
            "a": {"addresses": ["10.1.2.3"], "numbers": ["96901"]}, "b": {"addresses": ["10.1.2.3"]},
            "off": {"addresses": ["10.9.9.9"], "enabled": False},
        },
        [{"number": "96900", "trunk": "id-b"}, {"number": "96901"}, {"number": "96902", "trunk": "a"}],
    )  # fmt: skip
    assert [by(made, "10.1.2.3", number) for number in ("96900", "96901", "96902")] == ["b", "a", ""]
    assert by(made, "10.9.9.9", "96901") == ""


def test_a_trunk_without_addresses_calls_from_its_host_and_names_the_number_in_to() -> None:
    made = index({"line": {"host": "sip.operator.example", "username": "line1"}}, [{"number": "96900"}])
    assert by(made, "203.0.113.9") == "line"
    assert by(made, "203.0.113.9", "line1", "96900") == "line"
    assert by(made, "203.0.113.9", "line2", "96900") == ""
    assert by(made, "203.0.113.8", "line1", "96900") == ""
