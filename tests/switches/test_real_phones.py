"""Real telephones through the soft switch with a tiny core: two baresip talk, are recorded, press keys; sipp calls and is released."""

from __future__ import annotations

import asyncio
import json
import ssl
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.kit.certificates import make_certificate
from tests.switches.rigs import CALLED, PROMPT, TENANT
from tests.switches.situations import make, new_id
from tests.switches.soft_rig import Media, SoftRig, account, home_of
from tests.system.phones import Phone, loudness

from yitong.ct import services
from yitong.ct.events import (
    AnyEvent,
    Collected,
    ConnectionCleared,
    Delivered,
    DeviceChanged,
    Established,
    RecordingEnded,
    RecordingStarted,
)  # fmt: skip
from yitong.ct.switching.board import Options


class TinyCore:
    """Answers every caller, collects one key, rings 1001, records the talk."""

    def __init__(self, rig: SoftRig) -> None:
        self._rig = rig
        self.keys = ""
        rig.switch.monitor(self.hear)

    def hear(self, event: AnyEvent) -> None:
        match event:
            case Delivered(incoming=True):
                self._rig.ask(make(services.Answer, connection=event.connection))
            case Established() if "/trunk/" in event.device:
                self._rig.ask(make(services.Collect, connection=event.connection, prompts=(PROMPT,), first_seconds=20.0))
            case Collected():
                self.keys += event.digits
                self._route(event.connection)
            case Established() if event.device == f"{TENANT}/phone/1001":
                self._record(event)

    def _route(self, connection: str) -> None:
        target = services.Target(connection=new_id(), device=f"{TENANT}/phone/1001")
        calling = next(event.calling for event in self._rig.events if isinstance(event, Delivered) and event.connection == connection)
        self._rig.ask(make(services.Route, connection=connection, targets=(target,), calling=calling))

    def _record(self, event: Established) -> None:
        name = new_id()
        caller = next(one.connection for one in self._rig.events if isinstance(one, Delivered) and one.incoming and one.call == event.call)
        self._rig.ask(
            make(services.StartRecording, recording=name, call=event.call, left=caller, right=event.connection, file=f"{name}.wav")
        )


def close(phone: Phone) -> None:
    """End a baresip and its pipe."""
    phone.close()
    if phone._process.stdin is not None:
        phone._process.stdin.close()


@pytest.fixture
async def phones_rig(media: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    make_certificate(tmp_path / "cert.pem", tmp_path / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    made = await SoftRig(home_of(tmp_path), media, switching=Options(hold_music="music.wav", dial_seconds=0.0), tls=context).start()
    made.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    yield made
    await made.close()


@pytest.mark.baresip
@pytest.mark.parametrize(("transport", "codec"), [("udp", "PCMA"), ("tcp", "PCMU"), ("udp", "PCMU"), ("tls", "PCMA")])
async def test_two_telephones_talk_and_are_recorded(phones_rig: SoftRig, media: Media, tmp_path: Path, transport: str, codec: str) -> None:
    """Over TLS the agent's telephone takes encrypted speech only (SRTP), as its account says; the caller's is plain."""
    rig, in_thread = phones_rig, asyncio.to_thread
    core = TinyCore(rig)
    port, sealed = rig.server[1], transport == "tls"
    if sealed:
        rig.configure("account", "a1001", json.loads(account("1001")) | {"srtp": "required"})
    agent = await in_thread(
        Phone, tmp_path / "agent", "1001", rig.switch.transports.ports[transport], password="secret", tone=1000, transport=transport,
        codec=codec, encryption="srtp-mand" if sealed else "",
    )  # fmt: skip
    transport = "tcp" if sealed else transport
    caller = await in_thread(Phone, tmp_path / "caller", "13800138000", port, tone=440, transport=transport, codec=codec)
    try:
        await rig.until(DeviceChanged)
        caller.dial(CALLED)
        await in_thread(caller.wait, "CALL_ESTABLISHED")
        await asyncio.sleep(0.5)
        await in_thread(caller.press, "7")
        ringing = await in_thread(agent.wait, "CALL_INCOMING")
        assert "13800138000" in str(ringing["peeruri"])
        assert core.keys == "7"
        agent.accept()
        await in_thread(agent.wait, "CALL_ESTABLISHED")
        await rig.until(RecordingStarted)
        await asyncio.sleep(3.0)
        agent.hang_up()
        await in_thread(caller.wait, "CALL_CLOSED")
        ended = await rig.until(RecordingEnded)
        assert ended.complete
        assert len([event for event in rig.events if isinstance(event, ConnectionCleared)]) == 2
    finally:
        await in_thread(close, agent)
        await in_thread(close, caller)
    file = media.home / "recordings" / ended.file
    with wave.open(str(file)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 2, 2)
    assert loudness(file, 440, channel=0, begin=1.0, end=2.5) > 0.9
    assert loudness(file, 1000, channel=1, begin=1.0, end=2.5) > 0.9
    assert loudness(agent.heard, 440) > 0.3
    assert loudness(caller.heard, 1000) > 0.3


SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="caller">
<send retrans="500"><![CDATA[
INVITE sip:96900@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:96900@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200" rtd="true" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]s[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<pause milliseconds="400"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]s[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
"""


@pytest.mark.sipp
@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_sipp_calls_and_hangs_up(phones_rig: SoftRig, tmp_path: Path, transport: str) -> None:
    TinyCore(phones_rig)
    scenario = tmp_path / "caller.xml"
    scenario.write_text(SCENARIO)
    process = await asyncio.create_subprocess_exec(
        "sipp", f"127.0.0.1:{phones_rig.server[1]}", "-sf", str(scenario), "-m", "8", "-r", "8", "-t", transport, "-i", "127.0.0.1",
        "-mi", "127.0.0.1", "-nostdin", "-timeout", "20", cwd=tmp_path, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0
    await phones_rig.settle(0.3)
    assert phones_rig.snapshot().connections == ()
    assert len([event for event in phones_rig.events if isinstance(event, Established)]) == 8
