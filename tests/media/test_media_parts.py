"""RTP and RTCP on the wire, telephone events, quality, tones, WAV files, the source lock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yitong.media import conceal, inband, quality, rtcp, rtp, tones, wav
from yitong.media.collect import Collector, Result, Rules, TypeAhead
from yitong.media.digits import EventReceiver, EventSender
from yitong.media.source import SourceLock, Verdict

PHONE, STRANGER = ("8.8.8.8", 4000), ("198.51.100.7", 4000)


def event(number: int, samples: int, end: bool = False) -> bytes:
    return bytes([number, 10 | (0x80 if end else 0)]) + samples.to_bytes(2, "big")


def test_a_packet_is_parsed_as_built() -> None:
    packet = rtp.parse(rtp.build(8, 65535, 2**32 - 1, 77, b"abc", True))
    assert packet == rtp.Packet(8, True, 65535, 2**32 - 1, 77, b"abc")


def test_padding_extension_and_sources_are_taken_off() -> None:
    data = bytes([0xB1, 0]) + bytes(10) + bytes(4) + b"\xbe\xde\0\1abcd" + b"audio" + b"\0\0\3"
    packet = rtp.parse(data)
    assert packet is not None
    assert packet.payload == b"audio"


@given(st.binary(max_size=80))
def test_any_octets_are_parsed_or_refused(data: bytes) -> None:
    for parse in (rtp.parse, rtcp.parse):
        parse(data)
    EventReceiver().receive(1, data)


def test_headers_are_stamped_as_one_would_build_them() -> None:
    packets = np.zeros((2, 172), dtype=np.uint8)
    rtp.stamp(packets, np.array([8, 0]), np.array([65536 + 5, 6]), np.array([2**32 + 7, 8]), np.array([2**32 - 1, 1]))
    assert packets[0, :12].tobytes() == rtp.build(8, 5, 7, 2**32 - 1, b"")
    assert packets[1, :12].tobytes() == rtp.build(0, 6, 8, 1, b"")
    heads = rtp.read_headers(packets)
    assert (heads.sequence.tolist(), heads.ssrc.tolist(), heads.payload_type.tolist()) == ([5, 6], [2**32 - 1, 1], [8, 0])


def test_a_report_is_parsed_as_built() -> None:
    block = rtcp.Block(9, 25, 1000, 70000, 12, 34, 56)
    report = rtcp.parse(rtcp.build_report(7, rtcp.ntp_time(1_790_000_000_500_000), 1, 2, 3, block, "name", bye=True))
    assert report is not None
    assert (report.ssrc, report.packets, report.blocks, report.goodbye) == (7, 2, (block,), True)
    assert report.ntp & 0xFFFFFFFF == 1 << 31


class TestEvents:
    def test_a_key_is_told_at_its_first_packet_and_at_its_end(self) -> None:
        receiver = EventReceiver()
        assert [key.key for key in receiver.receive(100, event(5, 160))] == ["5"]
        assert receiver.receive(100, event(5, 320)) == []
        (end,) = receiver.receive(100, event(5, 800, True))
        assert (end.ended, end.samples) == (True, 800)
        assert receiver.receive(100, event(5, 800, True)) == []

    def test_a_key_of_which_only_an_end_packet_came_counts(self) -> None:
        assert [(key.key, key.ended) for key in EventReceiver().receive(1, event(11, 800, True))] == [("#", False), ("#", True)]

    def test_a_key_without_end_is_ended_by_the_next(self) -> None:
        receiver = EventReceiver()
        receiver.receive(100, event(1, 160))
        assert [(key.key, key.ended) for key in receiver.receive(2000, event(1, 160))] == [("1", True), ("1", False)]
        assert receiver.receive(100, event(1, 320)) == []

    def test_a_very_long_key_is_one(self) -> None:
        receiver = EventReceiver()
        receiver.receive(0xFFFFFF00, event(3, 0xFFFF))
        assert receiver.receive(0xFFFFFF00 + 0xFFFF & 0xFFFFFFFF, event(3, 160)) == []
        (end,) = receiver.receive(0xFFFFFF00 + 0xFFFF & 0xFFFFFFFF, event(3, 320, True))
        assert end.samples == 0xFFFF + 320

    def test_what_is_sent_is_received(self) -> None:
        sender, receiver, got = EventSender("12#x"), EventReceiver(), ""
        timestamp = 0xFFFFFE00
        while not sender.done:
            for payload, stamp, _ in sender.next(timestamp & 0xFFFFFFFF):
                got += "".join(key.key for key in receiver.receive(stamp & 0xFFFFFFFF, payload) if not key.ended)
            timestamp += 160
        assert got == "12#"


def test_all_sixteen_keys_are_heard_in_band_and_speech_is_not() -> None:
    axis = np.arange(160) / 8000
    for number, key in enumerate("123A456B789C*0#D"):
        low, high = (697, 770, 852, 941)[number // 4], (1209, 1336, 1477, 1633)[number % 4]
        frame = ((np.sin(2 * np.pi * low * axis) + np.sin(2 * np.pi * high * axis)) * 4000).astype(np.int16)
        detector = inband.Detector(2)
        row = np.array([1])
        assert [detector.listen(row, frame[None]) for _ in range(3)] == [[], [(1, key)], []]
    random = np.random.default_rng(1)
    noise = (random.normal(size=(500, 160)) * 3000).astype(np.int16)
    assert (inband.symbols(noise) == inband.NONE).all()
    assert (inband.symbols(np.zeros((1, 160), dtype=np.int16)) == inband.NONE).all()


def test_concealment_continues_a_tone_and_fades() -> None:
    tone = tones.sine(200, 0.2, 0.5)
    history = tone[:320][None]
    period = conceal.find_pitch(history)
    assert period[0] in (40, 80, 120)
    first = conceal.conceal(history, period, np.array([0]))[0]
    assert np.abs(first[:80].astype(int) - tone[320:400].astype(int)).max() < 3000
    later = conceal.conceal(history, period, np.array([3]))[0]
    assert not later.any()


def test_loss_lowers_the_mos() -> None:
    clean, bad, worse = (quality.estimate_mos(loss, 40) for loss in (0.0, 0.05, 0.3))
    assert clean > 4.3 > bad > 3.2 > worse >= 1.0


def test_reception_counts_loss_over_the_wrap() -> None:
    reception, row = quality.Reception(4), np.array([2])
    reception.start(2, 9, 65530, 0)
    for sequence in [*range(65530, 65536), *range(3, 10)]:
        reception.count(row, np.array([sequence]), np.array([0]))
    assert (reception.expected(2), reception.lost(2)) == (16, 3)
    assert reception.fraction_lost(2) == (3 << 8) // 16
    reception.start(2, 10, 100, 0)
    reception.count(row, np.array([100]), np.array([0]))
    assert (reception.expected(2), reception.lost(2)) == (17, 3)


def test_one_packet_in_eight_tells_of_the_others() -> None:
    """Of a row to whom nobody listens: what was left out is no loss, what did not come is one; a doubled packet is neither."""
    reception, row, sampled = quality.Reception(4), np.array([2]), np.array([True])
    reception.start(2, 9, 65500, 0)
    reception.count(row, np.array([65500]), np.array([0]))
    for sequence in (65504, 65512, 65512, 65520, 65528, 0, 3, 16):  # 3 is a key's, 8 is lost
        reception.count(row, np.array([sequence]), np.array([0]), sampled)
    assert (reception.expected(2), reception.lost(2)) == (53, 5)


def test_tones_and_wav_files() -> None:
    ringback = tones.tone("tone:ringback")
    assert ringback is not None
    assert len(ringback) == 5 * 8000
    assert tones.tone("tone:x") is None
    samples = tones.sine(440, 0.1)
    assert (wav.read(wav.header(2 * len(samples), 1) + samples.tobytes()) == samples).all()
    for data in (b"", b"RIFF", wav.header(4, 2) + bytes(4), wav.header(4, 1)[:30]):
        with pytest.raises(ValueError, match=r"WAV|PCM|data"):
            wav.read(data)


class TestSourceLock:
    def test_the_named_address_locks_at_once(self) -> None:
        lock = SourceLock()
        lock.name(PHONE)
        assert lock.look(STRANGER, 1, 1, 0) is Verdict.STRANGER
        assert lock.look(PHONE, 1, 1, 0) is Verdict.LOCK
        assert lock.locked == PHONE

    def test_a_public_address_is_never_replaced_by_a_learnt_one(self) -> None:
        lock = SourceLock()
        lock.name(("8.8.4.4", 4000))
        assert {lock.look(STRANGER, 1, number, 0) for number in range(20)} == {Verdict.STRANGER}

    def test_behind_nat_five_packets_in_sequence_are_learnt(self) -> None:
        lock = SourceLock()
        lock.name(("10.0.0.1", 4000))
        verdicts = [lock.look(STRANGER, 1, number, 0) for number in range(5)]
        assert verdicts == [Verdict.WAIT] * 4 + [Verdict.LOCK]
        assert lock.look(("198.51.100.8", 4000), 1, 6, 0) is Verdict.STRANGER

    def test_packets_out_of_sequence_are_not_learnt(self) -> None:
        lock = SourceLock()
        lock.name(("10.0.0.1", 4000))
        assert {lock.look(STRANGER, 1, number * 999 % 65536, 0) for number in range(50)} == {Verdict.WAIT}

    def test_a_nat_that_forgot_comes_back_only_after_silence_with_its_ssrc(self) -> None:
        lock = SourceLock()
        lock.name(PHONE)
        lock.look(PHONE, 1, 1, 0)
        moved = (PHONE[0], 5000)
        assert lock.look(moved, 1, 1, 0.1) is Verdict.STRANGER
        assert lock.look(moved, 2, 1, 5.0) is Verdict.STRANGER
        assert [lock.look(moved, 1, number, 5.0) for number in range(5)][-1] is Verdict.LOCK


class TestCollector:
    def rules(self, **fields: object) -> Rules:
        given = {"minimum": 1, "maximum": 1, "terminators": "", "first_seconds": 5.0, "between_seconds": 3.0, "barge_in": True}
        return Rules(**{**given, **fields})  # type: ignore[arg-type]

    def test_the_first_digit_time_begins_after_the_prompts(self) -> None:
        collector = Collector(self.rules())
        assert collector.deadline is None
        collector.prompts_ended(10.0)
        collector.time_out(14.9)
        assert collector.result is None
        collector.time_out(15.0)
        assert collector.result == Result("", "timeout")

    def test_digits_that_suffice_are_a_result_when_no_more_come(self) -> None:
        collector = Collector(self.rules(minimum=2, maximum=5))
        collector.press("1", 0.0)
        assert collector.stops_prompts
        collector.press("2", 1.0)
        collector.time_out(4.0)
        assert collector.result == Result("12", "digits")

    def test_a_terminator_alone_is_an_empty_result(self) -> None:
        collector = Collector(self.rules(maximum=5, terminators="#*"))
        collector.press("*", 0.0)
        assert collector.result == Result("", "terminator")
        assert not collector.press("1", 0.0)

    def test_type_ahead_keeps_thirty_two(self) -> None:
        ahead = TypeAhead()
        for _ in range(40):
            ahead.add("1")
        assert len(ahead.take()) == 32
        ahead.put_back("45")
        ahead.add("6")
        assert ahead.take() == "456"
