"""Calls of strangers to outside numbers, in 26 forms: none rings, none leaves (case R4)."""

from __future__ import annotations

import pytest
from tests.figures import figure
from tests.switches.gateways import Gateway
from tests.switches.rigs import CALLED, TENANT
from tests.switches.soft_rig import SITE, SoftRig, account
from tests.switches.wire import SDP, Wire

from yitong.sip.message import Request, Response, parse

COSTLY = "0088213555000"
URIS = [
    COSTLY, f"+{COSTLY[2:]}", f"9{COSTLY}", "1001", f"{COSTLY}@foreign.example", f"sip:{COSTLY}@127.0.0.9",
    f"sip:{COSTLY}@127.0.0.1;user=phone", f"sip:{COSTLY}@127.0.0.1;maddr=127.0.0.9", f"sips:{COSTLY}@127.0.0.1",
    f"tel:+{COSTLY[2:]}", f"tel:{COSTLY};phone-context=+86", "sip:1001%40127.0.0.1@127.0.0.9", f"sip:{COSTLY}%20@127.0.0.1",
    f"sip:%30%30{COSTLY[2:]}@127.0.0.1", "sip:127.0.0.1", "13911112222",
]  # fmt: skip
HEADERS = [
    "P-Asserted-Identity: <sip:1001@127.0.0.1>", "Remote-Party-ID: <sip:1001@127.0.0.1>;party=calling", "Diversion: <sip:1001@127.0.0.1>",
    "Referred-By: <sip:1001@127.0.0.1>", f"Route: <sip:{COSTLY}@127.0.0.9;lr>", "Replaces: a;to-tag=b;from-tag=c",
    'Authorization: Digest username="1001", realm="yitong", nonce="", uri="", response=""', "Proxy-Authorization: Basic MTAwMTpzZWNyZXQ=",
    "Max-Forwards: 1", "X-Yitong-Contact: 1",
]  # fmt: skip
FORMS = [(uri, "") for uri in URIS] + [(COSTLY, header) for header in HEADERS]


@pytest.mark.case("R4")
async def test_no_stranger_calls_outside(soft: SoftRig) -> None:
    assert len(FORMS) == 26
    operator = Gateway("op", soft.server)
    soft.agents.append(await operator.open())
    soft.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
    soft.configure("trunk", "out", {"code": "out", "direction": "out", "host": "127.0.0.1", "port": operator.port, "site": SITE})
    soft.configure("agent", "agent-1001", {"extension": "1001", "may_call": ["mobile", "international"]})
    soft.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    foreign, wire = Wire(soft.server, "127.0.0.9"), Wire(soft.server)
    statuses: list[int] = []
    for number, (uri, header) in enumerate(FORMS):
        line = uri if ":" in uri else f"sip:{uri}" + ("" if "@" in uri else "@127.0.0.1")
        data = wire.build(
            "INVITE",
            CALLED,
            user="1001",
            body=SDP,
            headers=(header,) if header else (),
            call_id=f"toll{number}",
            branch=f"z9hG4bKt{number}",
        )
        wire.send(data.replace(data.partition(b" SIP/2.0")[0], f"INVITE {line}".encode(), 1))
        answer = await wire.final()
        assert answer is not None, line
        statuses.append(answer.status)
    assert all(status >= 400 for status in statuses), statuses
    await soft.settle(0.2)
    assert not operator.invitations
    strays = [message for message in iter(lambda: _next(foreign), None) if isinstance(message, Request)]
    assert not strays
    assert not soft.snapshot().connections
    foreign.close()
    wire.close()
    counted = ", ".join(f"{statuses.count(one)} times {one}" for one in sorted(set(statuses)))
    figure("R4", f"26 forms of calls by strangers: {counted}; nothing left us")


def _next(wire: Wire) -> Request | Response | None:
    try:
        return parse(wire.sock.recv(65_536))
    except BlockingIOError:
        return None
