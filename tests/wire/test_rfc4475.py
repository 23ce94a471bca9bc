"""The 49 forms of RFC 4475, written anew from what its text says about each, with the outcomes it allows (case P1)."""

# ruff: noqa: E501 - one form a line reads best

from __future__ import annotations

from typing import Any

import pytest

SILENCE = "silence"
SDP = "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\na=rtpmap:31 LPC\r\n"
Form = tuple[str, bytes, set[Any]]


def text(*lines: str, body: str = "") -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


def form(
    name: str,
    allowed: set[Any],
    start: str = "OPTIONS sip:user@example.com SIP/2.0",
    *extra: str,
    via: str = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK",
    sender: str | None = "From: <sip:caller@example.net>;tag=f",
    to: str | None = "To: <sip:user@example.com>",
    call_id: str | None = "Call-ID: ",
    cseq: str | None = None,
    length: str | None = None,
    body: str = "",
) -> Form:
    """A form that differs from a plain request only in what is named."""
    method = start.split(" ")[0]
    lines = [start, via + name if via.endswith("z9hG4bK") else via, "" if "Max-Forwards" in via else "Max-Forwards: 70"]
    lines += [line for line in (sender, to) if line is not None]
    if call_id is not None:
        lines.append(call_id + name if call_id.endswith(": ") else call_id)
    lines.append(f"CSeq: 1 {method}" if cseq is None else cseq)
    lines += [line for line in extra if line]
    lines.append(f"Content-Length: {len(body)}" if length is None else length)
    return name, text(*[line for line in lines if line], body=body), allowed


def invite(name: str, allowed: set[Any], *extra: str, start: str = "INVITE sip:user@example.com SIP/2.0", body: str = SDP, **more: Any) -> Form:
    return form(name, allowed, start, "Contact: <sip:caller@192.0.2.9>", "Content-Type: application/sdp", *extra, body=body, **more)


LONG_VIA = [f"Via: SIP/2.0/TCP sip{n}.example.com" if n % 3 else f"v: SIP/2.0/UDP 192.0.2.{n};branch=z9hG4bKlong{n};x={'y' * 60}" for n in range(2, 35)]

VALID: list[Form] = [
    (  # 3.1.1.1: folding, white space, compact forms, odd but right
        "wsinv",
        text(
            "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0", "TO :", " sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n",
            "from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>", "  ;", "  tag = 98asjd8", "MaX-fOrWaRdS: 0068",
            "Call-ID: wsinv.ndaksdj@192.0.2.1", "Content-Length   : 150", "cseq: 0009", "  INVITE", "Via  : SIP  /   2.0", " /UDP",
            "    192.0.2.2;branch=390skdjuw", "s :", "NewFangledHeader:   newfangled value", " continued newfangled value", "UnknownHeaderWithUnusualValue: ;;,,;;,;",
            "Content-Type: application/sdp", "Route:", " <sip:services.example.com;lr;unknownwith=value;unknown-no-value>", "v:  SIP  / 2.0  / TCP     spindle.example.com   ;",
            "  branch  =   z9hG4bK9ikj8  ,", " SIP  /    2.0   / UDP  192.168.255.111   ; branch=", " z9hG4bK30239", "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =",
            "      newvalue ;", "  secondparam ; q = 0.33",
            body="v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"[:150],
        ),
        {200, 481},  # it has a To tag
    ),
    (  # 3.1.1.2: every token character, control characters in quoted pairs
        "intmeth",
        text(
            "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
            "Via: SIP/2.0/UDP host1.example.com;rport;branch=z9hG4bK-.!%66*_+`'~", "To: \"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>",
            "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromparam''~+*_!.-%=\"\xd1\x80\xd0\xb0\xd0\xb1\xd0\xbe\xd1\x82\xd0\xb0\xd1\x8e\xd1\x89\xd0\xb8\xd0\xb9\";tag=_token~1'+`*%!-.",
            "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~", "Max-Forwards: 255",
            "extensionHeader-!.%*+_`'~:\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb", "Content-Length: 0",
        ),
        {405, 501},
    ),
    invite("esc01", {200}, start="INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", to="To: sip:%75se%72@example.com", sender="From: <sip:I%20have%20spaces@example.net>;tag=938"),
    form("escnull", {200}, "REGISTER sip:example.com SIP/2.0", "Contact: <sip:%00@host5.example.com>", "Contact: <sip:%00%00@host5.example.com>", "L:0", to="To: sip:null-%00-null@example.com", sender="From: sip:null-%00-null@example.com;tag=839923423", length=""),
    form("esc02", {405, 501}, "RE%47IST%45R sip:registrar.example.com SIP/2.0", "Contact: <sip:alias1@host1.example.com>"),
    form("lwsdisp", {200}, sender="From: caller<sip:caller@example.com>;tag=323"),
    (
        "longreq",
        text(
            "INVITE sip:user@example.com SIP/2.0", 'To: "I have a user name of extreme' + " extreme" * 20 + '" <sip:user@example.com:6000;unknownparam1=very' + "long" * 20 + "value;longparam" + "name" * 20 + "=shortvalue;very" + "long" * 20 + ">",
            "F: sip:" + "amazinglylongcallername" * 12 + "@example.net;tag=12" + "982" * 50 + "424;unknownheaderparam" + "name" * 25 + "=unknown" + "value" * 25,
            "Call-ID: longreq.one" + "really" * 20 + "longcallid", "CSeq: 3882340 INVITE", "Unknown-" + "Long" * 20 + "-Name: unknown-" + "long" * 20 + "-value", *LONG_VIA[:1], *LONG_VIA[1:],
            "Contact: <sip:" + "amazinglylongcallername" * 12 + "@host5.example.net>", "Content-Type: application/sdp", f"l: {len(SDP)}", body=SDP,
        ),
        {200},
    ),
    form("dblreq", {200}, "REGISTER sip:example.com SIP/2.0", "Contact: <sip:j.user@host.example.com>", body="INVITE sip:joe@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK2\r\n\r\n", length="Content-Length: 0"),
    form("semiuri", {200}, "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "Accept: application/sdp"),
    form("transports", {200}, "OPTIONS sip:user@example.com SIP/2.0", "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKwp", "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bKwq", "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKwr", "Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bKws"),
    form("mpart01", {200}, "MESSAGE sip:kumiko@example.org SIP/2.0", "MIME-Version: 1.0", "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655", "Date: Sat, 15 Oct 2005 04:44:56 GMT", body="--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n0\x82\x01R\x06\t\x00\x00\r\n--7a9cbec02ceef655--\r\n"),
    (
        "unreason",
        text("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\xd1\x82\xd0\xbe", "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923", "Call-ID: unreason.1", "CSeq: 35 INVITE", "From: sip:user@example.com;tag=11141343", "To: sip:user@example.edu;tag=2229", "Content-Length: 0", "Contact: <sip:user@host198.example.com>"),
        {SILENCE},
    ),
    ("noreason", text("SIP/2.0 100 ", "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398", "Call-ID: noreason.1", "CSeq: 35 INVITE", "From: <sip:user@example.com>;tag=39ansfi3", "To: <sip:user@example.edu>;tag=902jndnke3", "Content-Length: 0"), {SILENCE}),
]

INVALID: list[Form] = [
    form("badinv01", {400}, "INVITE sip:user@example.com SIP/2.0", 'Contact: "Joe" <sip:joe@example.org>;;;;', via="Via: SIP/2.0/UDP 192.0.2.15;;,;,,"),
    invite("clerr", {400, SILENCE}, length="Content-Length: 9999"),
    invite("ncl", {400, SILENCE}, length="Content-Length: -999"),
    form("scalar02", {400}, "REGISTER sip:example.com SIP/2.0", "Contact: <sip:user@host129.example.com>;expires=280297596632815", cseq="CSeq: 36893488147419103232 REGISTER"),
    ("scalarlg", text("SIP/2.0 503 Service Unavailable", "Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129", "To: <sip:user@example.com>", "From: <sip:other@example.net>;tag=2easdjfejw", "CSeq: 9292394834772304023312 OPTIONS", "Call-ID: scalarlg.1", "Retry-After: 949302838503028349304023988", "Warning: 1812 overture \"In Progress\"", "Content-Length: 0"), {SILENCE}),
    invite("quotbal", {400, 200}, to='To: "Mr. J. User <sip:j.user@example.com>'),
    invite("ltgtruri", {400}, start="INVITE <sip:user@example.com> SIP/2.0"),
    invite("lwsruri", {400}, start="INVITE sip:user@example.com; lr SIP/2.0"),
    invite("lwsstart", {400}, start="INVITE  sip:user@example.com  SIP/2.0"),
    form("trws", {400, 200}, "OPTIONS sip:remote-target@example.com SIP/2.0  "),
    invite("escruri", {400, 200}, start="INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0"),
    invite("baddate", {200, 400}, "Date: Fri, 01 Jan 2010 16:00:00 EST"),
    form("regbadct", {400, 200}, "REGISTER sip:example.com SIP/2.0", "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
    form("badaspec", {400, 200}, to='To: "Watson, Thomas" < sip:t.watson@example.org >'),
    form("baddn", {400, 200}, sender="From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43"),
    form("badvers", {505}, "OPTIONS sip:t.watson@example.org SIP/7.0", via="Via: SIP/7.0/UDP 192.0.2.9;branch=z9hG4bKkdjuw"),
    form("mismatch01", {400}, cseq="CSeq: 8 INVITE"),
    form("mismatch02", {400, 501}, "NEWMETHOD sip:user@example.com SIP/2.0", cseq="CSeq: 8 INVITE"),
    ("bigcode", text("SIP/2.0 4294967301 better not break the receiver", "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe", "Call-ID: bigcode.1", "CSeq: 353494 INVITE", "From: <sip:user@example.com>;tag=39ansfi3", "To: <sip:user@example.edu>;tag=902jndnke3", "Content-Length: 0", "Contact: <sip:user@host105.example.com>"), {SILENCE}),
]

LAYERS: list[Form] = [
    form("badbranch", {200}, via="Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK;x"),
    ("insuf", text("INVITE sip:user@example.com SIP/2.0", "CSeq: 193942 INVITE", "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf", "Content-Type: application/sdp", f"l: {len(SDP)}", body=SDP), {400, SILENCE}),
    form("unkscm", {416}, "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"),
    form("novelsc", {416}, "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"),
    form("unksm2", {200, 400, 404}, "REGISTER sip:example.com SIP/2.0", "Contact: <sip:j.user@host.example.com>", to="To: isbn:2983792873"),
    form("bext01", {420}, "OPTIONS sip:user@example.com SIP/2.0", "Require: nothingSupportsThis, nothingSupportsThisEither", "Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis"),
    form("invut", {415}, "INVITE sip:user@example.com SIP/2.0", "Contact: <sip:caller@host5.example.net>", "Content-Type: application/unknownformat", body="<audio>\r\n <pcmu port=\"443\"/>\r\n</audio>\r\n"),
    form("regaut01", {200, 401}, "REGISTER sip:example.com SIP/2.0", "Contact: <sip:j.user@host.example.com>", "Authorization: NoOneKnowsThisScheme opaque-data=here"),
    form("multi01", {400}, "INVITE sip:user@company.com SIP/2.0", "CSeq: 59 INVITE", "Call-ID: multi02", "Max-Forwards: 5", "From: sip:other@example.net;tag=2easdjfejw", "To: sip:user2@company.com", "Contact: <sip:caller@host25.example.net>", "Contact: <sip:caller@host36.example.net>"),
    form("mcl01", {400}, "OPTIONS sip:user@example.com SIP/2.0", "Content-Length: 13", "Content-Length: 5", length="Content-Length: 5", body="There's no way"),
    ("bcast", text("SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23", "Call-ID: bcast.0384840201", "CSeq: 35 INVITE", "From: sip:user@example.com;tag=11141343", "To: sip:user@example.edu;tag=2229", "Content-Length: 0", "Contact: <sip:user@host28.example.com>"), {SILENCE}),
    form("zeromf", {200, 483}, "OPTIONS sip:user@example.com SIP/2.0", via="Max-Forwards: 0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK", to="To: sip:user@example.com"),
    form("cparam01", {200}, "REGISTER sip:example.com SIP/2.0", "Contact: sip:+19725552222@gw1.example.net;unknownparam"),
    form("cparam02", {200}, "REGISTER sip:example.com SIP/2.0", "Contact: <sip:+19725552222@gw1.example.net;unknownparam>"),
    form("regescrt", {200}, "REGISTER sip:example.com SIP/2.0", "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),
    form("sdp01", {200, 406, 488}, "INVITE sip:t.watson@example.com SIP/2.0", "Contact: <sip:caller@example.net>", "Accept: text/nobodyKnowsThis", body=""),
    ("inv2543", text("INVITE sip:UserB@example.com SIP/2.0", "Via: SIP/2.0/UDP iftgw.example.com", "From: <sip:+13035551111@ift.client.example.net;user=phone>", "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>", "To: sip:+16505552222@ss1.example.net;user=phone", "Call-ID: inv2543.1717@ift.client.example.com", "CSeq: 56 INVITE", "Content-Type: application/sdp", "", body=SDP), {200, 400}),
]

FORMS = VALID + INVALID + LAYERS


def test_there_are_49() -> None:
    assert len(FORMS) == len({name for name, _, _ in FORMS}) == 49


@pytest.mark.case("P1")
@pytest.mark.parametrize(("name", "data", "allowed"), FORMS, ids=[name for name, _, _ in FORMS])
def test_form(server: Any, name: str, data: bytes, allowed: set[Any]) -> None:
    assert server.outcome(data) in allowed
    assert server.alive()
