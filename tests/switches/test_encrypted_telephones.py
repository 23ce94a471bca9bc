"""Telephones whose account says that their speech goes encrypted: offered over TLS, required both ways or not."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.certificates import make_certificate
from tests.switches.ears import Ears
from tests.switches.rigs import TENANT
from tests.switches.soft_rig import Media, SoftPhone, SoftRig, account, home_of
from tests.switches.tls_agent import TlsAgent

from yitong.ct.events import Established
from yitong.sip import sdes
from yitong.sip.events import ResponseReceived

SUITE = "AES_CM_128_HMAC_SHA1_80"


@pytest.fixture
async def rig(media: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    """The switch, which listens for TLS too."""
    make_certificate(tmp_path / "cert.pem", tmp_path / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    made = await SoftRig(home_of(tmp_path), media, tls=context).start()
    yield made
    await made.close()


def configured(rig: SoftRig, number: str, srtp: str) -> None:
    fields: dict[str, Any] = json.loads(account(number))
    rig.configure("account", f"a{number}", fields | {"srtp": srtp})


async def phone(rig: SoftRig, number: str, srtp: str, *, sealing: bool = True) -> SoftPhone:
    """A telephone of such an account, registered over TLS."""
    configured(rig, number, srtp)
    agent = TlsAgent(number, (rig.options.bind, rig.switch.transports.ports["tls"]), "secret")
    await agent.open()
    rig.agents.append(agent)
    if sealing:
        agent.seal(SUITE)
    agent.register()
    await rig.true(lambda: agent.registered == 200, "registered over TLS")
    return SoftPhone(rig, agent, number)


def agent_of(phone: SoftPhone) -> TlsAgent:
    assert isinstance(phone.agent, TlsAgent)
    return phone.agent


@pytest.mark.parametrize("srtp", ["optional", "required"])
async def test_speech_is_offered_encrypted_and_stays_so(rig: SoftRig, srtp: str) -> None:
    plain, sealed = await rig.phone("1001"), await phone(rig, "1002", srtp)
    await plain.call("1002")
    await sealed.pick_up()
    agent = agent_of(sealed)
    audio = agent.offered.media[0]
    assert (audio.protocol, sdes.choose(audio.all("crypto")) is not None) == ("RTP/SAVP", True)
    await rig.true(lambda: plain.agent.dialog is not None)
    assert agent.rtp.srtp is not None
    ears = Ears(rig, customer=plain, agent=sealed)
    await ears.hear(customer="agent", agent="customer")
    await plain.hold()
    await ears.hear(agent="")
    await plain.retrieve()
    await ears.hear(customer="agent", agent="customer")


async def test_what_must_be_encrypted_is_not_made_plain_in_a_talk(rig: SoftRig) -> None:
    plain, sealed = await rig.phone("1001"), await phone(rig, "1002", "required")
    agent = agent_of(sealed)
    await plain.call("1002")
    await sealed.pick_up()
    await rig.until(Established, device=sealed.device)
    before = agent._local
    agent.responses.clear()
    agent.seal("")
    agent.reinvite(hold=False)
    await rig.true(lambda: 488 in agent.responses, "a plain offer in the talk is refused")
    agent._local = before
    await Ears(rig, customer=plain, agent=sealed).hear(customer="agent", agent="customer")


async def test_a_plain_offer_of_an_account_that_must_encrypt_is_refused(rig: SoftRig) -> None:
    await rig.phone("1001")
    agent = agent_of(await phone(rig, "1002", "required", sealing=False))
    agent.call("1001")
    await rig.true(lambda: agent.responses[-1:] == [488], "a plain offer is refused")
    agent.seal(SUITE)
    agent.responses.clear()
    agent.call("1001")
    await rig.true(lambda: 180 in agent.responses, "an encrypted one rings")


async def test_who_makes_no_offer_gets_an_encrypted_one(rig: SoftRig) -> None:
    plain, agent = await rig.phone("1001"), agent_of(await phone(rig, "1002", "required"))
    heard: list[str] = []
    agent._connected = lambda event: heard.append(said(event))  # type: ignore[method-assign]
    agent.call_without_offer("1001")
    await plain.pick_up()
    await rig.true(lambda: bool(heard), "answered")
    assert "RTP/SAVP" in heard[0]


def said(event: ResponseReceived) -> str:
    return event.response.body.decode()


async def test_an_account_that_must_encrypt_is_for_tls_alone(rig: SoftRig) -> None:
    """Also a telephone that had registered before the account said so is not rung in the clear."""
    caller, late = await rig.phone("1003"), await rig.phone("1002")
    configured(rig, "1002", "required")
    await caller.call("1002")
    await rig.true(lambda: caller.agent.released, "not rung")
    assert late.agent.ringing is None
    late.agent.register()
    late.agent.registered = 0
    await rig.true(lambda: late.agent.registered == 403, "not registered in the clear")
    late.agent.call("1003")
    await rig.true(lambda: late.agent.responses[-1:] == [403], "no call in the clear")


async def test_who_refuses_encryption_is_offered_plain_speech_where_that_may_be(rig: SoftRig) -> None:
    caller, optional = await rig.phone("1001"), await phone(rig, "1002", "optional", sealing=False)
    agent = agent_of(optional)
    await caller.call("1002")
    await rig.true(lambda: agent.ringing is not None)
    assert agent.offered.media[0].protocol == "RTP/SAVP"
    agent.refuse(488)
    await optional.pick_up()
    assert agent.offered.media[0].protocol == "RTP/AVP"
    assert len(agent.invitations) == 2
    await rig.until(Established, device=f"{TENANT}/phone/1002")
    await Ears(rig, customer=caller, agent=optional).hear(customer="agent", agent="customer")


async def test_who_must_encrypt_and_refuses_it_is_not_called_again(rig: SoftRig) -> None:
    caller, agent = await rig.phone("1001"), agent_of(await phone(rig, "1002", "required"))
    await caller.call("1002")
    await rig.true(lambda: agent.ringing is not None)
    agent.refuse(488)
    await rig.true(lambda: caller.agent.released, "refused")
    assert len(agent.invitations) == 1


async def test_without_tls_or_the_setting_speech_is_offered_as_before(rig: SoftRig) -> None:
    caller, over_tls = await rig.phone("1001"), await phone(rig, "1002", "off")
    udp = await rig.phone("1003")
    configured(rig, "1003", "optional")
    for number, agent in (("1002", agent_of(over_tls)), ("1003", udp.agent)):
        await caller.call(number)
        await rig.true(lambda agent=agent: agent.ringing is not None)  # type: ignore[misc]
        assert b"RTP/AVP" in agent.invitations[-1].body
        assert b"crypto" not in agent.invitations[-1].body
        await caller.hang_up()
        await rig.true(lambda agent=agent: agent.released)  # type: ignore[misc]
