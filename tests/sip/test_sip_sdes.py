"""SRTP with keys in the description (RFC 4568), offered by telephones."""

from __future__ import annotations

import pytest

from yitong.sip import sdp
from yitong.sip.negotiation import Local, accept_answer, make_answer, make_offer, settled, wants_secure
from yitong.sip.sdp import SdpError, Session

KEY, OURS = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz", "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"
S80, S32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
OUR = Local(address="198.51.100.1", rtp_port=20000, key=OURS)


def offer(*crypto: str, protocol: str = "RTP/SAVP") -> Session:
    lines = "".join(f"a=crypto:{one}\r\n" for one in crypto)
    text = (
        "v=0\r\no=- 3 4 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
        f"m=audio 40000 {protocol} 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
    return sdp.parse((text + lines).encode())


@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/SAVPF"])
@pytest.mark.parametrize(
    ("lines", "tag", "suite"),
    [
        ((f"1 {S80} inline:{KEY}",), "1", S80),
        ((f"1 {S80} inline:{KEY}|2^31",), "1", S80),
        ((f"7 {S32} inline:{KEY}|1048576", f"8 {S80} inline:{KEY}"), "7", S32),
        ((f"1 AES_256_CM_HMAC_SHA1_80 inline:{KEY}AAAA", f"2 {S80} inline:{KEY}"), "2", S80),
        ((f"1 {S80} inline:{KEY} UNENCRYPTED_SRTP", f"2 {S80} inline:{KEY}"), "2", S80),
        ((f"1 {S80} inline:{KEY}|2^20|1:4", f"2 {S32} inline:{KEY}"), "2", S32),
    ],
)
def test_the_first_usable_line_is_answered_with_its_tag(lines: tuple[str, ...], tag: str, suite: str, protocol: str) -> None:
    theirs = offer(*lines, protocol=protocol)
    assert not wants_secure(theirs)
    answer, remote = make_answer(theirs, OUR)
    assert (remote.suite, remote.their_key, remote.our_key) == (suite, KEY, OURS)
    assert answer.media[0].protocol == protocol
    assert answer.media[0].all("crypto") == [f"{tag} {suite} inline:{OURS}"]


@pytest.mark.parametrize("lines", [(), ("1 X inline:abc",), (f"1 {S80} inline:{KEY[:-1]}",), (f"1 {S80} inline:{KEY} KDR=3",)])
def test_an_offer_without_a_usable_line_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(SdpError) as caught:
        make_answer(offer(*lines), OUR)
    assert caught.value.status == 488


def test_later_offers_of_ours_keep_the_kind_of_transport() -> None:
    _, remote = make_answer(offer(f"1 {S32} inline:{KEY}"), OUR)
    local = settled(OUR, remote)
    again = make_offer(local)
    assert again.media[0].protocol == "RTP/SAVP"
    assert again.media[0].all("crypto") == [f"1 {S32} inline:{OURS}"]
    agreed = accept_answer(offer(f"1 {S32} inline:{KEY}"), local)
    assert (agreed.suite, agreed.their_key) == (S32, KEY)
    with pytest.raises(SdpError):
        accept_answer(offer(protocol="RTP/AVP"), local)


def test_a_plain_offer_stays_plain() -> None:
    answer, remote = make_answer(offer(protocol="RTP/AVP"), OUR)
    assert remote.suite == remote.our_key == ""
    assert answer.media[0].all("crypto") == []
