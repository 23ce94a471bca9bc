"""Programs that look for accounts and numbers are silenced soon, and said so; telephones that are set up wrongly are not (case R17)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.figures import figure
from tests.switches.rigs import CALLED
from tests.switches.soft_rig import SITE, SoftRig
from tests.switches.wire import Wire

from yitong.sip.guard import MAXIMUM_PROBES


@pytest.fixture
def wire(soft: SoftRig) -> Iterator[Wire]:
    """A stranger: the suite's trunk calls from elsewhere."""
    soft.configure("trunk", "demo", {"code": "demo", "addresses": ["127.0.0.8/32"], "site": SITE})
    made = Wire(soft.server, "127.0.0.9")
    yield made
    made.close()


async def asked(wire: Wire, method: str, called: str, user: str, *headers: str) -> bool:
    """Whether there is an answer."""
    return await wire.ask(method, called, user=user, headers=headers) is not None


@pytest.mark.case("R17")
@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
async def test_a_hundred_extensions_in_a_row(soft: SoftRig, wire: Wire, method: str) -> None:
    answers = [await asked(wire, method, f"{3000 + number}", f"{3000 + number}") for number in range(MAXIMUM_PROBES + 1)]
    assert answers == [True] * (MAXIMUM_PROBES - 1) + [False] * 2
    now = soft.switch.clock.monotonic()
    assert [source for source, _ in soft.switch.gate.guard.silenced(now)] == ["127.0.0.9"]
    figure("R17", f"{method} of unknown extensions in a row: {sum(answers)} answered, then silence for ten minutes, and an alarm")


@pytest.mark.case("R17")
async def test_who_says_that_he_scans_needs_no_list(soft: SoftRig, wire: Wire) -> None:
    answers = [await asked(wire, "REGISTER", CALLED, "1001", "User-Agent: friendly-scanner") for _ in range(MAXIMUM_PROBES)]
    assert answers == [True] * (MAXIMUM_PROBES - 1) + [False]


@pytest.mark.case("R17")
async def test_a_telephone_that_is_set_up_wrongly_is_not_silenced(soft: SoftRig, wire: Wire) -> None:
    assert all([await asked(wire, "REGISTER", "3000", "3000") for _ in range(MAXIMUM_PROBES + 5)])


@pytest.mark.case("R17")
async def test_an_address_of_ours_is_not_silenced_by_what_is_forged(soft: SoftRig, wire: Wire) -> None:
    soft.configure("trunk", "far", {"code": "far", "addresses": ["127.0.0.9/32"], "numbers": ["1"], "site": SITE})
    answers = [await asked(wire, "REGISTER", f"{3000 + number}", f"{3000 + number}") for number in range(MAXIMUM_PROBES + 5)]
    assert all(answers)
