"""Messages as values: exact copies, limits, names in any encoding."""

# ruff: noqa: E501 - one form a line reads best

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yitong.sip.grammar import ParseError, SipError, display_text, parse_auth, quote, split_list, unquote
from yitong.sip.headers import Address, Via, address_text
from yitong.sip.message import BadRequest, Request, make_response, parse
from yitong.sip.uri import Uri, sip_uri

# What may stand in a quoted display name: any byte but line ends.
names = st.binary(max_size=40).filter(lambda raw: b"\r" not in raw and b"\n" not in raw)
tokens = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=20)


def quoted(raw: bytes) -> bytes:
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@given(names, tokens, tokens, tokens, st.integers(0, 2**31 - 1), st.lists(tokens, max_size=5), st.binary(max_size=50))
def test_an_answer_copies_what_it_must_byte_for_byte(
    name: bytes, tag: str, call_id: str, branch: str, cseq: int, hops: list[str], body: bytes
) -> None:
    """Case P5."""
    vias = [f"SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{branch}"] + [
        f'SIP/2.0/TCP h{i};branch=z9hG4bK{hop};x="a,b"' for i, hop in enumerate(hops)
    ]
    sender = quoted(name) + f" <sip:a@192.0.2.9>;tag={tag}".encode()
    to = quoted(name) + b" <sip:b@192.0.2.1;x=y>;z"
    lines = [b"INVITE sip:b@192.0.2.1 SIP/2.0", *[b"Via: " + via.encode() for via in vias], b"f: " + sender, b"TO : " + to]
    lines += [b"i:" + call_id.encode(), b"CSeq: %d INVITE" % cseq, b"l: %d" % len(body)]
    request = parse(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    assert isinstance(request, Request)
    answer = make_response(request, 200, to_tag="mine", body=b"hello")
    head = answer.encode().partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert [line[5:].decode() for line in head if line.startswith(b"Via: ")] == vias
    assert b"From: " + sender in head
    assert b"To: " + to + b";tag=mine" in head
    assert f"Call-ID: {call_id}".encode() in head
    assert f"CSeq: {cseq} INVITE".encode() in head
    assert b"Content-Length: 5" in head
    again = parse(answer.encode())
    assert (again.from_.tag, again.to.tag, again.from_.display) == (tag, "mine", name.decode("utf-8", "surrogateescape"))


@given(st.text(max_size=60))
def test_quoting_and_unquoting_undo_each_other(text: str) -> None:
    clean = "".join(" " if ch < " " or ch == "\x7f" else ch for ch in text)
    assert unquote(quote(text)) == clean
    assert "\r" not in quote(text)
    assert "\n" not in quote(text)


@given(st.text(max_size=30), tokens)
def test_user_parts_survive_a_uri(user: str, host: str) -> None:
    try:
        text = sip_uri(user, "example.org", 5070, transport="tcp")
    except UnicodeEncodeError:
        return  # a lone surrogate is no text
    uri = Uri.parse(text)
    assert (uri.user, uri.host, uri.port, uri.params) == (user, "example.org", 5070, {"transport": "tcp"})


@given(st.lists(st.text('abc"<>,;\\ ', max_size=12), max_size=6))
def test_lists_split_or_fail_as_declared(parts: list[str]) -> None:
    try:
        split_list(",".join(parts))
    except ParseError:
        return


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        ("张三".encode(), "张三"),
        ("张三".encode("gbk"), "张三"),
        (b"\xe5\xbc", None),
        (b"a\x00b", "a\ufffdb"),
        (b"<b>x</b>", "<b>x</b>"),
        (b"\xff\xff", None),
    ],
)
def test_names_for_people_are_one_readable_line(raw: bytes, readable: str | None) -> None:
    """Case P6 as far as it is decided here."""
    shown = display_text(raw.decode("utf-8", "surrogateescape"))
    assert shown == (readable if readable is not None else shown)
    assert shown.isprintable() or "\ufffd" in shown
    shown.encode("utf-8")


def test_header_injection_is_refused() -> None:
    request = Request("INFO", "sip:a@b", [("Subject", "x\r\nTo: <sip:evil@x>")])
    with pytest.raises(SipError):
        request.encode()
    assert Address.parse(address_text("sip:a@b", 'x" \r\nTo: <sip:evil@x>', "t")).tag == "t"


def test_the_flawed_request_can_still_be_answered() -> None:
    data = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: x OPTIONS\r\n\r\n"
    with pytest.raises(BadRequest) as error:
        parse(data)
    assert error.value.request.call_id == "1"
    assert error.value.status == 400


def test_challenges_with_commas_in_quotes_are_read_whole() -> None:
    scheme, params = parse_auth('Digest realm="a, b", qop="auth,auth-int", nonce="x\\"y", algorithm=MD5')
    assert (scheme, params) == ("digest", {"realm": "a, b", "qop": "auth,auth-int", "nonce": 'x"y', "algorithm": "MD5"})


def test_parameters_of_any_name_are_read() -> None:
    assert Via.parse("SIP/2.0/UDP h;self=1;branch=z9hG4bKx;cls=2").params == {"self": "1", "branch": "z9hG4bKx", "cls": "2"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("sip:+86-10-96900@x", "+861096900"),
        ("sip:96900;phone-context=x@x", "96900"),
        ("tel:+8610.969-00", "+861096900"),
        ("sip:alice@x", "alice"),
    ],
)
def test_numbers_are_read_out_of_uris(text: str, number: str) -> None:
    assert Uri.parse(text).number == number
