"""Somebody guesses the password of one account, a try each from very many addresses (case R2)."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from tests.figures import figure
from tests.switches.rigs import TENANT
from tests.switches.soft_rig import SoftRig, account
from tests.switches.wire import Wire

from yitong.sip.guessing import MAXIMUM_SOURCES, MAXIMUM_TRIES, Guessing

OK, REFUSED = 200, 401


async def register(soft: SoftRig, address: str, password: str) -> int:
    """A REGISTER of 1001 from an address."""
    wire = Wire(soft.server, address)
    reply, _ = await wire.authorized("REGISTER", "sip:127.0.0.1", "1001", password, user="1001", to="sip:1001@127.0.0.1")
    wire.close()
    assert reply is not None
    return reply.status


@pytest.mark.case("R2")
async def test_an_account_that_is_guessed_at_is_shut_for_strangers_alone(soft: SoftRig) -> None:
    soft.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    assert await register(soft, "127.0.0.1", "secret") == OK
    addresses = [f"127.1.{number // 200}.{number % 200 + 1}" for number in range(MAXIMUM_TRIES)]
    with capture_logs() as lines:
        for number, address in enumerate(addresses):
            assert await register(soft, address, f"guess{number}") == REFUSED
    alarms = [line for line in lines if line["log_level"] == "error"]
    assert [line["event"] for line in alarms] == ["account is guessed at from many addresses: it needs another secret"]
    assert soft.switch.gate.guessing.shut() == ["yitong/1001"]
    assert await register(soft, "127.0.0.1", "secret") == OK, "the telephone that runs goes on"
    assert await register(soft, "127.1.9.9", "secret") == REFUSED, "the right guess helps no longer"
    assert await register(soft, addresses[0], "secret") == REFUSED
    soft.switch.configure(f"{TENANT}.account.a1001", account("1001", "another"))
    assert await register(soft, "127.1.9.9", "another") == OK
    assert soft.switch.gate.guessing.shut() == []
    figure("R2", f"after {MAXIMUM_TRIES} wrong passwords from as many addresses: one alarm, the account shut for unknown addresses "
           "(the right password, too); its own telephone registers on; another secret opens it")  # fmt: skip


def test_mistakes_shut_nothing() -> None:
    guessing = Guessing()
    assert guessing.proven("r/1", "s", "192.0.2.1")
    for number in range(1000):
        assert not guessing.failed("r/1", "s", "192.0.2.1", float(number)), "who had the right one may be mistaken"
        assert not guessing.failed("r/1", "s", f"192.0.2.{number % (MAXIMUM_SOURCES - 1) + 2}", float(number)), "a few addresses"
    for number in range(1000):
        assert not guessing.failed("r/2", "s", f"192.0.{number // 200}.{number % 200}", number * 3600.0), "a few a day"
    assert guessing.shut() == []
