"""Offer and answer: phones and browsers."""

# ruff: noqa: E501 - one form a line reads best

from __future__ import annotations

import msgspec
import pytest

from yitong.sip import sdp
from yitong.sip.negotiation import PCMA, PCMU, Local, Remote, Secure, accept_answer, make_answer, make_offer, wants_secure
from yitong.sip.sdp import SdpError, Session

PHONE = (
    "v=0\r\no=- 3 4 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 40000 RTP/AVP 18 8 0 96\r\n"
    "a=rtpmap:18 G729/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\na=ptime:20\r\n"
)
FINGERPRINT = "sha-256 " + ":".join(["1A"] * 32)
# As Chromium and Firefox write them (RFC 8829), shortened to what matters.
CHROMIUM = f"""v=0
o=- 8132464126548741937 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS 7d6e
m=audio 51234 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 192.0.2.50
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1510613869 1 udp 2122260223 192.0.2.50 51234 typ host generation 0 network-id 1
a=candidate:2 1 udp 2122194687 3f2a.local 51235 typ host generation 0
a=ice-ufrag:Kq7e
a=ice-pwd:b0hgCWy1wJ9pF6p8l0M1xYzA
a=ice-options:trickle
a=fingerprint:{FINGERPRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:7d6e 5f1c
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:3735928559 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:Kq7e
a=ice-pwd:b0hgCWy1wJ9pF6p8l0M1xYzA
a=fingerprint:{FINGERPRINT}
a=setup:actpass
a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:96 VP8/90000
""".replace("\n", "\r\n")
FIREFOX = f"""v=0
o=mozilla...THIS_IS_SDPARTA-99.0 1186530442 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:{FINGERPRINT}
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 0.0.0.0
a=candidate:0 1 UDP 2122252543 192.0.2.51 50007 typ host
a=sendrecv
a=end-of-candidates
a=fmtp:101 0-15
a=ice-pwd:0123456789abcdef0123456789abcdef
a=ice-ufrag:deadbeef
a=mid:0
a=msid:{{a}} {{b}}
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
""".replace("\n", "\r\n")
PLAIN = Local(address="192.0.2.1", rtp_port=20000, rtcp_port=20001)
BROWSER = Local(
    address="192.0.2.1",
    rtp_port=20002,
    rtcp_port=20002,
    ssrc=77,
    secure=Secure(FINGERPRINT, "wxyz", "w" * 24, ("192.0.2.1", "2001:db8::1")),
)


def offer(text: str = PHONE) -> Session:
    return sdp.parse(text.encode())


def answer(text: str, local: Local = PLAIN) -> tuple[Session, Remote]:
    return make_answer(offer(text), local)


def test_a_phone_gets_its_first_codec_that_is_ours_and_its_own_event_type() -> None:
    session, remote = answer(PHONE)
    assert remote == Remote(address="192.0.2.9", rtp_port=40000, rtcp_port=40001, codec=PCMA, event_type=96, send=True, receive=True)
    (media,) = session.media
    assert media.formats == ("8", "96")
    assert ("rtpmap", "96 telephone-event/8000") in media.attributes
    assert sdp.parse(session.encode()).media[0].get("sendrecv") == ""


@pytest.mark.parametrize(
    ("theirs", "send", "receive", "ours"),
    [
        ("sendonly", False, True, "recvonly"),
        ("recvonly", True, False, "sendonly"),
        ("inactive", False, False, "inactive"),
        ("sendrecv", True, True, "sendrecv"),
    ],
)
def test_directions_are_mirrored(theirs: str, send: bool, receive: bool, ours: str) -> None:
    for text in (PHONE + f"a={theirs}\r\n", PHONE.replace("t=0 0\r\n", f"t=0 0\r\na={theirs}\r\n")):
        session, remote = answer(text)
        assert (remote.send, remote.receive) == (send, receive)
        assert session.media[0].get(ours) == ""
        assert remote.held is not send


@pytest.mark.parametrize(("theirs", "ours"), [("IP6 2001:db8::9", "192.0.2.1"), ("IP4 192.0.2.9", "2001:db8::1")])
def test_no_media_between_ipv4_and_ipv6(theirs: str, ours: str) -> None:
    text = PHONE.replace("c=IN IP4 192.0.2.9", f"c=IN {theirs}")
    with pytest.raises(SdpError) as refused:
        answer(text, msgspec.structs.replace(PLAIN, address=ours))
    assert refused.value.status == 488
    answer(text, msgspec.structs.replace(PLAIN, address="a.name"))


@pytest.mark.parametrize(("ours", "alive"), [("192.0.2.1", [True, False]), ("2001:db8::1", [False, True])])
def test_of_two_lines_that_of_our_version_of_ip_is_taken(ours: str, alive: list[bool]) -> None:
    text = PHONE + "m=audio 40002 RTP/AVP 8\r\nc=IN IP6 2001:db8::9\r\n"
    session, remote = answer(text, msgspec.structs.replace(PLAIN, address=ours))
    assert [bool(media.port) for media in session.media] == alive
    assert remote.rtp_port == (40000 if alive[0] else 40002)


def test_hold_in_the_old_way() -> None:
    _, remote = answer(PHONE.replace("c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0"))
    assert (remote.send, remote.receive, remote.address) == (False, True, "")


def test_our_own_hold_is_said() -> None:
    session, remote = answer(PHONE, Local(address="192.0.2.1", rtp_port=20000, receive=False))
    assert session.media[0].get("sendonly") == ""
    assert (remote.send, remote.receive) == (True, False)


def test_rtcp_and_ptime_are_read() -> None:
    _, remote = answer(PHONE.replace("a=ptime:20", "a=ptime:30") + "a=rtcp:50007 IN IP4 192.0.2.9\r\n")
    assert (remote.rtcp_port, remote.ptime) == (50007, 30)
    _, remote = answer(PHONE + "a=rtcp-mux\r\n")
    assert (remote.rtcp_port, remote.rtcp_mux) == (40000, True)


def test_chromium_gets_audio_and_no_video() -> None:
    assert wants_secure(offer(CHROMIUM))
    session, remote = answer(CHROMIUM, BROWSER)
    assert (remote.codec, remote.event_type, remote.ufrag, remote.setup) == (PCMU, 126, "Kq7e", "actpass")
    assert remote.fingerprint == FINGERPRINT
    assert len(remote.candidates) == 2
    assert remote.rtcp_mux
    audio, video = session.media
    assert (video.port, video.get("mid")) == (0, "1")
    assert session.get("group") == "BUNDLE 0"
    assert session.get("ice-lite") == ""
    assert (audio.get("setup"), audio.get("mid"), audio.get("rtcp-mux")) == ("passive", "0", "")
    assert [value.split()[4] for value in audio.all("candidate")] == ["192.0.2.1", "2001:db8::1"]


def test_firefox_says_its_fingerprint_for_the_whole_session() -> None:
    _, remote = answer(FIREFOX, BROWSER)
    assert (remote.fingerprint, remote.event_type, remote.send, remote.receive) == (FINGERPRINT, 101, True, True)


def test_our_offer_and_a_browsers_answer() -> None:
    mine = make_offer(BROWSER)
    assert sdp.parse(mine.encode()) == mine
    assert mine.media[0].get("setup") == "actpass"
    text = FIREFOX.replace("actpass", "active").replace("109 9 0 8 101", "8 101")
    remote = accept_answer(offer(text), BROWSER)
    assert (remote.codec, remote.setup) == (PCMA, "active")
    with pytest.raises(SdpError):
        accept_answer(offer(FIREFOX), BROWSER)


def test_our_offer_and_a_phones_answer() -> None:
    mine = make_offer(PLAIN)
    assert mine.media[0].formats == ("8", "0", "101")
    session, theirs = make_answer(mine, Local(address="192.0.2.9", rtp_port=4000))
    remote = accept_answer(session, PLAIN)
    assert (remote.codec, remote.event_type, theirs.codec) == (PCMA, 101, PCMA)


def test_a_phones_offer_does_not_fit_a_secure_row_nor_the_other_way() -> None:
    for text, local in ((PHONE, BROWSER), (CHROMIUM, PLAIN)):
        with pytest.raises(SdpError) as error:
            answer(text, local)
        assert error.value.status == 488


def test_an_answer_that_refuses_the_audio_is_no_answer() -> None:
    with pytest.raises(SdpError):
        accept_answer(offer(PHONE.replace("40000", "0")), PLAIN)


def test_a_re_offer_keeps_every_place() -> None:
    text = PHONE + "m=video 0 RTP/AVP 31\r\nm=audio 5000 RTP/AVP 0\r\nm=application 9 UDP/BFCP *\r\n"
    session, _ = answer(text)
    assert [(media.kind, media.port) for media in session.media] == [("audio", 20000), ("video", 0), ("audio", 0), ("application", 0)]
