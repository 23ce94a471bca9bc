"""Descriptions that nobody should send (M9): a clear refusal or a call, never 500, never a loop to ourselves, nothing left behind."""

from __future__ import annotations

import asyncio

import pytest
from tests.system.faults import Room, figure
from tests.system.load import Load, until

pytestmark = [pytest.mark.phone, pytest.mark.timeout(120)]
HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
AUDIO = "m=audio {port} RTP/AVP {formats}\r\n"


def offer(port: object = 40000, formats: str = "8", address: str = "127.0.0.1", tail: str = "") -> bytes:
    """One audio stream, a little wrong."""
    return (HEAD.format(address=address) + AUDIO.format(port=port, formats=formats) + tail).encode()


ABUSES = {
    "ptime 0": offer(tail="a=ptime:0\r\n"), "ptime of a day": offer(tail="a=ptime:86400000\r\n"),
    "rate 0": offer(formats="96", tail="a=rtpmap:96 PCMA/0\r\n"), "no common codec": offer(formats="96", tail="a=rtpmap:96 G729/8000\r\n"),
    "1000 streams": offer(tail=AUDIO.format(port=40002, formats="8") * 999), "1000 formats": offer(formats=" ".join(["8"] * 1000)),
    "port 0": offer(port=0), "port 99999": offer(port=99999), "port -1": offer(port=-1), "port x": offer(port="x"),
    "address 0.0.0.0": offer(address="0.0.0.0"), "broadcast": offer(address="255.255.255.255"), "multicast": offer(address="224.0.0.1"),
    "no address": b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n",
    "a name for an address": offer(address="localhost"), "nothing of it": b"\x00\xff" * 40, "only v": b"v=0\r\n",
    "video alone": (HEAD.format(address="127.0.0.1") + "m=video 40000 RTP/AVP 99\r\n").encode(),
}  # fmt: skip


@pytest.mark.case("M9")
async def test_abused_descriptions(room: Room, load: Load) -> None:
    rtp_port = int(room.stack.environment["YITONG_RTP_PORTS"].partition("-")[0])
    abuses = {**ABUSES, "our own SIP port": offer(port=room.stack.sip_port), "our own RTP port": offer(port=rtp_port)}
    answers: dict[str, int] = {}
    for number, (name, body) in enumerate(abuses.items()):
        call = load.callers.call(room.caller(95, number), room.hotline, body=body, sound=False)
        await until(lambda call=call: call.status, 10, name)  # type: ignore[misc]
        answers[name] = call.status
        call.hang_up()
        await load.callers.options(5)
    wrong = {name: status for name, status in answers.items() if status not in (200, 400, 415, 488)}
    assert not wrong, wrong
    await asyncio.sleep(0.5)
    await room.no_ghosts()
    refused = sum(status != 200 for status in answers.values())
    figure("M9", f"{len(answers)} descriptions: {refused} refused with 400 or 488, {len(answers) - refused} calls; no 500, nothing left")
