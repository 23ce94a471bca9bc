"""Two fax machines without a line: audio and T.38, and pages made of text."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from yitong.media import fax_library, fax_page
from yitong.media.fax import FaxOrder, FaxResult, FaxTerminal, identity
from yitong.media.fax_library import FaxUnavailable
from yitong.media.fax_t38 import T38Terminal
from yitong.media.g711 import Samples, decode, encode
from yitong.media.udptl import Receiver, Sender, UdptlError

_LONGEST = 50 * 180
"""Three minutes of line time."""
TEXT = "煤气用量通知单\n\n尊敬的用户：您本月的用气量为 38.5 立方米，金额 115.50 元，请于月底之前缴费。\nThank you, and good-bye.\f第二页"


def document(path: Path, pages: int = 2, seed: int = 1) -> list[Image.Image]:
    """A document with much black and white, as a file and as pages."""
    chance = random.Random(seed)
    made = []
    for _ in range(pages):
        page = Image.new("1", (fax_page.WIDTH, fax_page.HEIGHT), 1)
        draw = ImageDraw.Draw(page)
        for _ in range(200):
            x, y = chance.randrange(1_650), chance.randrange(2_200)
            draw.rectangle((x, y, x + chance.randrange(1, 60), y + chance.randrange(1, 30)), fill=0)
        made.append(page)
    fax_page.save(made, path)
    return made


def differing(path: Path, pages: list[Image.Image]) -> list[int]:
    """How many points of each page differ from what was sent."""
    with Image.open(path) as came:
        assert came.n_frames == len(pages)  # type: ignore[attr-defined]  # TIFF
        out = []
        for number, page in enumerate(pages):
            came.seek(number)
            assert came.size == page.size
            out.append(int((np.asarray(came.convert("1")) != np.asarray(page.convert("1"))).sum()))
    return out


def over_audio(sender: FaxTerminal, receiver: FaxTerminal, law: int | None = None) -> tuple[FaxResult, FaxResult]:
    """A line between two machines; ``law``: through G.711."""

    def line(frame: Samples) -> Samples:
        if law is None:
            return frame
        index = np.array([law], dtype=np.uint8)
        return decode(encode(frame[None, :], index), index).reshape(-1)

    for _ in range(_LONGEST):
        if sender.ended and receiver.ended:
            break
        there, back = sender.speak(), receiver.speak()
        receiver.hear(line(there))
        sender.hear(line(back))
    return sender.close(), receiver.close()


def over_t38(sender: T38Terminal, receiver: T38Terminal, arrives: Callable[[], bool]) -> tuple[FaxResult, FaxResult]:
    for _ in range(_LONGEST):
        if sender.ended and receiver.ended:
            break
        for datagram in sender.tick():
            if arrives():
                receiver.receive(datagram)
        for datagram in receiver.tick():
            if arrives():
                sender.receive(datagram)
    return sender.close(), receiver.close()


@pytest.mark.fax
@pytest.mark.parametrize("law", [0, 1])
@pytest.mark.parametrize("corrects", [True, False])
def test_two_pages_arrive_as_they_were_sent(tmp_path: Path, law: int, corrects: bool) -> None:
    pages = document(tmp_path / "sent.tif")
    sender = FaxTerminal(FaxOrder(sends=True, file=str(tmp_path / "sent.tif"), station="+86 21 5555", error_correction=corrects))
    receiver = FaxTerminal(FaxOrder(sends=False, file=str(tmp_path / "came.tif"), station="8008"))
    sent, came = over_audio(sender, receiver, law)
    assert (sent.reason, sent.pages, sent.station, sent.rate, sent.error_correction) == ("ok", 2, "8008", 14_400, corrects)
    assert (came.reason, came.pages, came.station, came.rate, came.error_correction) == ("ok", 2, "+86 21 5555", 14_400, corrects)
    assert differing(tmp_path / "came.tif", pages) == [0, 0]


@pytest.mark.fax
@pytest.mark.req("H33")
def test_a_chinese_text_is_faxed(tmp_path: Path) -> None:
    pages = fax_page.from_text(TEXT, "一通")
    assert len(pages) == 2
    fax_page.save(pages, tmp_path / "text.tif")
    sender = FaxTerminal(FaxOrder(sends=True, file=str(tmp_path / "text.tif")))
    receiver = FaxTerminal(FaxOrder(sends=False, file=str(tmp_path / "came.tif")))
    sent, came = over_audio(sender, receiver, 1)
    assert (sent.reason, came.reason) == ("ok", "ok")
    assert differing(tmp_path / "came.tif", pages) == [0, 0]


@pytest.mark.fax
@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05])
def test_t38_loses_no_point_with_lost_packets(tmp_path: Path, loss: float) -> None:
    pages = document(tmp_path / "sent.tif")
    chance = random.Random(3)
    sender = T38Terminal(FaxOrder(sends=True, file=str(tmp_path / "sent.tif"), station="111"))
    receiver = T38Terminal(FaxOrder(sends=False, file=str(tmp_path / "came.tif"), station="222"))
    sent, came = over_t38(sender, receiver, lambda: chance.random() >= loss)
    assert (sent.reason, sent.pages, sent.station) == ("ok", 2, "222")
    assert (came.reason, came.pages, came.station) == ("ok", 2, "111")
    assert differing(tmp_path / "came.tif", pages) == [0, 0]


@pytest.mark.fax
def test_nobody_answers_with_a_fax(tmp_path: Path) -> None:
    document(tmp_path / "sent.tif")
    sender = FaxTerminal(FaxOrder(sends=True, file=str(tmp_path / "sent.tif")))
    silence = np.zeros(160, dtype=np.int16)
    for _ in range(_LONGEST):
        if sender.ended:
            break
        sender.speak()
        sender.hear(silence)
    result = sender.close()
    assert (result.reason, result.pages) == ("no_fax", 0)
    assert sender.close() == result


@pytest.mark.fax
def test_a_call_that_breaks_off_in_the_second_page(tmp_path: Path) -> None:
    document(tmp_path / "sent.tif")
    sender = FaxTerminal(FaxOrder(sends=True, file=str(tmp_path / "sent.tif")))
    receiver = FaxTerminal(FaxOrder(sends=False, file=str(tmp_path / "came.tif")))
    for _ in range(15 * 50):
        there, back = sender.speak(), receiver.speak()
        receiver.hear(there)
        sender.hear(back)
    sent, came = sender.close(), receiver.close()
    assert (sent.reason, came.reason) == ("call_dropped", "call_dropped")
    assert came.pages == 1
    with Image.open(tmp_path / "came.tif") as kept:
        assert kept.n_frames >= 1  # type: ignore[attr-defined]  # TIFF


@pytest.mark.fax
def test_a_file_that_is_no_fax(tmp_path: Path) -> None:
    (tmp_path / "sent.tif").write_bytes(b"no picture")
    sender = FaxTerminal(FaxOrder(sends=True, file=str(tmp_path / "sent.tif")))
    receiver = FaxTerminal(FaxOrder(sends=False, file=str(tmp_path / "came.tif")))
    assert over_audio(sender, receiver)[0].reason == "bad_file"


def test_without_the_library_there_is_one_clear_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fax_library, "_loaded", lambda: None)
    assert not fax_library.available()
    with pytest.raises(FaxUnavailable) as told:
        FaxTerminal(FaxOrder(sends=False, file=str(tmp_path / "came.tif")))
    assert told.value.code == "fax_unavailable"


def test_station_names() -> None:
    assert identity("+86 (21) 5555-1234") == "+86 21 55551234"
    assert identity("传真 800") == "800"
    assert len(identity("1" * 40)) == 20


def test_pages_of_text(tmp_path: Path) -> None:
    long = fax_page.from_text("一二三四五六七八九十" * 400)
    assert len(long) == 5
    assert all(page.size == (fax_page.WIDTH, fax_page.HEIGHT) for page in long)
    face = fax_page.font()
    lines = fax_page.wrap("天下，" * 60 + "a" * 300 + " end", face, 1_400)
    assert not any(line.startswith("，") for line in lines)
    assert "".join(lines).replace(" ", "") == "天下，" * 60 + "a" * 300 + "end"
    with pytest.raises(fax_page.FaxPageError, match="too_many_pages"):
        fax_page.from_text("\f" * 300)
    with pytest.raises(fax_page.FaxPageError, match="no_font"):
        fax_page.font(paths=("/nowhere.ttf",))


def test_pictures_become_pages(tmp_path: Path) -> None:
    pages = document(tmp_path / "fax.tif")
    again = fax_page.from_picture(tmp_path / "fax.tif")
    assert [page.tobytes() for page in again] == [page.tobytes() for page in pages]
    Image.new("RGB", (600, 300), "red").save(tmp_path / "picture.png")
    (page,) = fax_page.from_picture(tmp_path / "picture.png")
    assert (page.mode, page.size) == ("1", (fax_page.WIDTH, fax_page.HEIGHT))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(fax_page.FaxPageError, match="no_picture"):
        fax_page.from_picture(tmp_path / "text.png")


def test_udptl_makes_lost_packets_good() -> None:
    sender, receiver = Sender(redundancy=2), Receiver()
    packets = [bytes([number]) * (1 + number % 200) for number in range(250)]
    datagrams = [sender.send(packet) for packet in packets]
    got: list[bytes] = []
    for number, datagram in enumerate(datagrams):
        if number % 3 == 0:
            got += [packet for _, packet in receiver.receive(datagram)]
            assert receiver.receive(datagram) == []
    assert got == packets[:250]
    assert receiver.lost == 0
    assert receiver.receive(datagrams[5]) == []


def test_udptl_bears_anything() -> None:
    chance = random.Random(5)
    receiver = Receiver()
    for _ in range(3_000):
        try:
            receiver.receive(chance.randbytes(chance.randrange(60)))
        except UdptlError:
            continue
