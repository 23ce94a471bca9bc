"""Telephones that offer SRTP with keys in the description (RTP/SAVP), through the whole switch."""

from __future__ import annotations

import pytest
from tests.switches.ears import Ears
from tests.switches.soft_rig import SoftPhone, SoftRig

from yitong.sip.sdes import SUITES


@pytest.mark.parametrize("suite", SUITES)
async def test_a_sealed_and_a_plain_telephone_hear_each_other_also_after_a_hold(soft: SoftRig, suite: str) -> None:
    one, two = await soft.phone("1001"), await soft.phone("1002")
    assert isinstance(one, SoftPhone)
    one.agent.seal(suite)
    await one.call("1002")
    await two.pick_up()
    await soft.true(lambda: one.agent.dialog is not None)
    assert one.agent.rtp.srtp is not None
    ears = Ears(soft, agent=one, expert=two)
    await ears.hear(agent="expert", expert="agent")
    await one.hold()
    await ears.hear(expert="")
    await one.retrieve()
    await ears.hear(agent="expert", expert="agent")
