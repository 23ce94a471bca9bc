"""What a mail says, whoever wrote it: charsets, machines, conversations, HTML; and what is answered."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yitong.domains.mail.model import Address
from yitong.domains.mail.rules import html
from yitong.domains.mail.rules.composing import Answer, Enclosed, composed, quoted
from yitong.domains.mail.rules.parsing import attachment, body_of, head_of
from yitong.domains.mail.rules.threads import answer_subject, token_in, token_of

OURS = frozenset({"service@example.com"})
THREAD = "01a204e1-5bdc-71c5-803d-3b9e09f96b63"


def mail(*lines: str, body: bytes = b"hello") -> bytes:
    return "\r\n".join(("From: Wang <wang@example.org>", "Message-ID: <a@example.org>", *lines)).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(("said", "written"), [
    ("gb2312", "gb18030"), ("GBK", "gbk"), ("gb18030", "gb18030"), ("utf-8", "utf-8"), ("x-unknown", "gb18030"), ("us-ascii", "utf-8"),
])  # fmt: skip
def test_chinese_is_read_whatever_charset_is_said(said: str, written: str) -> None:
    words = "朱镕基：账单多收了。"
    octets = mail(f"Content-Type: text/plain; charset={said}", "Content-Transfer-Encoding: 8bit", body=words.encode(written))
    assert body_of(octets).text == words


def test_raw_octets_in_headers_and_names_of_files_are_read() -> None:
    lines = ("Subject: 燃气费", "From: 王 <w@x.cn>", 'Content-Type: application/pdf; name="账单.pdf"', "Content-Disposition: attachment")
    octets = ("\r\n".join(lines) + "\r\n\r\nx").encode("gb18030")
    head = head_of(octets, OURS)
    assert (head.subject, head.sender) == ("燃气费", Address(address="w@x.cn", name="王"))
    assert head.message_id.endswith("@missing.invalid>")
    assert attachment(octets, 0) is not None


def test_a_name_of_a_file_leads_nowhere() -> None:
    octets = mail('Content-Type: application/x; name="../../etc/passwd"', "Content-Disposition: attachment")
    (found,) = head_of(octets, OURS).attachments
    assert (found.name, found.bytes) == ("_.._etc_passwd", 5)
    assert attachment(octets, 7) is None


@pytest.mark.parametrize(("header", "kind"), [
    ("X: y", "person"), ("Auto-Submitted: no", "person"), ("Auto-Submitted: auto-replied (vacation)", "auto_reply"),
    ("Auto-Submitted: auto-generated", "auto_reply"), ("Return-Path: <>", "bounce"), ("Precedence: bulk", "bulk"),
    ("Precedence: auto_reply", "auto_reply"), ("X-Yitong-Mail: 1", "loop"),
    ('Content-Type: multipart/report; report-type=delivery-status; boundary=x', "bounce"),
])  # fmt: skip
def test_machines_are_told_from_people(header: str, kind: str) -> None:
    assert head_of(mail(header), OURS).kind == kind


def test_our_own_addresses_are_a_loop_and_a_form_that_says_whom_to_answer_is_a_person() -> None:
    assert head_of(b"From: Service@Example.com\r\n\r\nx", OURS).kind == "loop"
    assert head_of(b"From: noreply@shop.example\r\n\r\nx", OURS).kind == "auto_reply"
    assert head_of(b"From: noreply@shop.example\r\nReply-To: wang@example.org\r\n\r\nx", OURS).kind == "person"


def test_a_bounce_says_which_mail_it_is_about() -> None:
    report = (
        b"--x\r\n\r\nSorry.\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nAction: failed\r\n"
        b"--x\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <ours@example.com>\r\n--x--\r\n"
    )
    head = head_of(mail('Content-Type: multipart/report; report-type=delivery-status; boundary="x"', body=report), OURS)
    assert (head.kind, head.failed) == ("bounce", "<ours@example.com>")


def test_a_conversation_is_known_by_its_token() -> None:
    token = token_of(THREAD)
    subject = answer_subject("回复：RE: 账单", token)
    assert subject == f"Re: 账单 [#{token}]"
    assert token_in(subject) == token
    assert answer_subject(subject, token) == subject
    assert token_in("[#nothing]") == ""


def test_html_is_shown_without_anything_that_runs_or_fetches() -> None:
    picture = {"logo": ("image/png", b"PNG"), "page": ("text/html", b"<script>")}
    shown = html.cleaned(
        '<style>p{}</style><script>x()</script><p onclick="x()" style="color:red;position:fixed;background:url(http://s/x)">好</p>'
        '<img src="http://s/b.png"><img src="cid:logo"><img src="cid:page"><img src="data:image/svg+xml,x"><a href="javascript:x()">a</a>'
        '<a href="https://x.cn/">b</a><iframe src="http://s"></iframe><form action="http://s"><input></form><base href="http://s">',
        picture.get,
    )  # fmt: skip
    for evil in ("script", "onclick", "position", "url(", "http://s", "javascript", "iframe", "form", "input", "svg", "<base", "p{}"):
        assert evil not in shown, evil
    assert 'src="data:image/png;base64,UE5H"' in shown
    assert '<a href="https://x.cn/" target="_blank" rel="noopener noreferrer nofollow">b</a>' in shown
    assert html.words("<p>您好</p><script>x</script><div>账单&nbsp;1 &lt; 2<br>谢谢</div>") == "您好\n账单 1 < 2\n谢谢"


def test_an_answer_is_a_whole_mail() -> None:
    sender, customer = Address(address="service@example.com", name="客户服务"), Address(address="wang@example.org", name="王")
    answer = Answer(
        message_id="<r@example.com>", sender=sender, to=[customer], cc=[], subject="Re: 账单\r\nBcc: evil@example.com",
        text="您好。\n.\n谢谢", at=datetime(2026, 1, 2, tzinfo=UTC), references=["<a@x>", "<b@x>"],
        enclosed=[Enclosed(name="账单.pdf", type="application/pdf", content=b"%PDF")],
    )  # fmt: skip
    read = email.message_from_bytes(composed(answer).as_bytes(policy=email.policy.SMTP), policy=email.policy.default)
    assert (read["In-Reply-To"], read["References"], read["Bcc"]) == ("<b@x>", "<a@x> <b@x>", None)
    assert read["Subject"] == "Re: 账单 Bcc: evil@example.com"
    assert head_of(read.as_bytes(), OURS).kind == "loop"
    said = quoted("a\n\nb", customer, datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "en")
    assert said == "On 2026-01-02 03:04, 王 <wang@example.org> wrote:\n> a\n>\n> b"


PIECES = (
    b"From: ", b"Subject: =?gb2312?B?", b"?=", b"\r\n", b"\r\n\r\n", b"Content-Type: multipart/mixed; boundary=x", b"--x", b"--x--",
    b"\x00", b"\xff\xfe", b"Content-Type: message/rfc822", b"Content-Transfer-Encoding: base64", b"Message-ID: <", b">", b"a@b", b"utf-8",
    b"Content-Disposition: attachment; filename*=", b"''%", b"\xed\xa0\x80", b"References: ", b"Content-Type: text/html; charset=", b"(",
    b"<p style='", b"charset=", b"Reply-To: ", b'"',
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=12), max_size=40))
def test_nothing_that_a_stranger_writes_breaks_the_reader(pieces: list[bytes]) -> None:
    octets = b"".join(pieces)
    head = head_of(octets, OURS)
    body = body_of(octets)
    named = [one.name for one in head.attachments]
    for said in (head.subject, head.message_id, head.sender.address, head.sender.name, body.text, *named):
        assert said.encode().count(0) == 0
    for one in head.attachments:
        assert attachment(octets, one.part) is not None
