"""A small run of the long walk in ``scripts/soak_sip.py`` (cases P3, P8), and that the work for large input stays in proportion (P4)."""

from __future__ import annotations

import importlib.util
import random
import resource
from pathlib import Path
from types import ModuleType

import pytest
from tests.figures import figure

from yitong.sip import sdp
from yitong.sip.framing import StreamFramer
from yitong.sip.grammar import ParseError, SipError
from yitong.sip.headers import Address, CSeq, Via
from yitong.sip.message import parse
from yitong.sip.uri import Uri


@pytest.fixture(scope="module")
def soak() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "soak_sip.py"
    spec = importlib.util.spec_from_file_location("soak_sip", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.case("P3")
def test_3000_mutated_datagrams_and_300_streams(soak: ModuleType) -> None:
    target = soak.walk(3000, 300, 20261122)
    assert not any(target.end().values())
    figure("P3", "3,000 datagrams and 300 streams in every run, 100,000 and 5,000 in `make soak`, OPTIONS answered after each 500: "
           "no exception; no transaction, dialog or timer left")  # fmt: skip


@pytest.mark.soak
@pytest.mark.case("P3")
@pytest.mark.timeout(3600)
def test_100_000_mutated_datagrams_and_5000_streams(soak: ModuleType) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    target = soak.walk(100_000, 5_000, 20261122)
    assert not any(target.end().values())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "grew by more than 50 MB"


@pytest.mark.case("P8")
def test_the_parser_raises_only_the_declared_error(soak: ModuleType) -> None:
    """Case P8 in small: everything a user can ask of a message."""
    rng = random.Random(8)
    for _ in range(3000):
        data = soak.mutate(rng.choice(soak.SEEDS), rng)
        try:
            message = parse(data)
            _ = message.contacts, message.elements("Route"), message.elements("Record-Route"), message.content_type, message.encode()
            _ = [contact.uri.key for contact in message.contacts], message.from_.uri.number, message.to.uri.aor
            sdp.parse(message.body)
        except SipError:
            continue
    figure("P8", "3,000 mutated messages with everything read that can be asked of them: only the declared error")


@pytest.mark.parametrize("read", [Address.parse, Via.parse, CSeq.parse, Uri.parse])
def test_values_raise_only_the_declared_error(soak: ModuleType, read: object) -> None:
    rng = random.Random(9)
    for _ in range(2000):
        text = soak.mutate(b'"A b" <sip:a%20b@[::1]:5060;transport=udp?x=y>;tag=1;q=0.5, SIP/2.0/UDP h:1;branch=x 1 INVITE', rng)
        try:
            read(text.decode("utf-8", "surrogateescape"))  # type: ignore[operator]
        except ParseError:
            continue


@pytest.mark.case("P4")
def test_a_message_in_single_bytes_costs_no_more_than_its_length() -> None:
    """Case P4: counted, not timed."""
    data = b"OPTIONS sip:b SIP/2.0\r\nX: " + b"y" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n"
    framer = StreamFramer()
    messages = [message for byte in data for message in framer.feed(bytes([byte]))]
    assert messages == [data]
    assert framer.work <= 5 * len(data)


@pytest.mark.case("P4")
def test_10_000_pipelined_messages_cost_no_more_than_their_length() -> None:
    one = b"OPTIONS sip:b SIP/2.0\r\nContent-Length: 0\r\n\r\n"
    framer = StreamFramer()
    assert framer.feed(one * 10_000) == [one] * 10_000
    assert framer.work <= len(one) * 10_000
