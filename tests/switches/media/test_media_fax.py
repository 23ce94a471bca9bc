"""Faxes between rows of a real worker, over real sockets: G.711, T.38 with loss, a change between them, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.switches.media.lossy import Lossy
from tests.switches.media.media_peer import Bench, Phone, running_worker

from yitong.ct.switches.soft import media_messages as m
from yitong.kit.clock import SystemClock
from yitong.kit.ids import RandomIds
from yitong.kit.kept import KeptFolder
from yitong.kit.keyring import Keyring
from yitong.media import fax_library, fax_page, tones

pytestmark = [pytest.mark.fax, pytest.mark.phone]
LINE_SECONDS = 60.0
TENANT = "0192f0c1-2b1e-7a00-8000-0000000000aa"
SENT, CAME = f"{TENANT}/documents/tariff.tif", f"{TENANT}/2026/0192f0c1-2b1e-7a00-8000-000000000001.tif"


def page(path: Path) -> Image.Image:
    """A page that has something everywhere."""
    made = Image.new("1", (fax_page.WIDTH, fax_page.HEIGHT), 1)
    draw = ImageDraw.Draw(made)
    for at in range(60, 2_200, 140):
        draw.text((90, at), f"一通 {at} 传真 fax", font=fax_page.font(40), fill=0)
        draw.rectangle((900, at, 900 + at % 700, at + 30), fill=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    fax_page.save([made], path)
    return made


def arrived(path: Path) -> Image.Image:
    with Image.open(path) as came:
        return came.convert("1")


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys", SystemClock(), RandomIds())


@pytest.fixture
def bench(tmp_path: Path, keyring: Keyring) -> Iterator[Bench]:
    """Whose files are sealed that have an owner."""
    with running_worker(tmp_path, keyring=keyring) as running:
        yield running


def connected(bench: Bench, path: Lossy, image: bool) -> None:
    """Rows a and b, which reach each other by the path."""
    rows = [bench.switch.ask(m.OpenPort, port=name) for name in "ab"]
    path.ends = [("127.0.0.1", row.rtp_port) for row in rows]
    for name in "ab":
        point_to(bench, path, name, image)


def point_to(bench: Bench, path: Lossy, name: str, image: bool) -> None:
    bench.switch.do(m.SetRemote, port=name, address="127.0.0.1", rtp_port=path.ports["ab".index(name)], image=image)


@pytest.fixture
def line(bench: Bench) -> Iterator[Lossy]:
    path = Lossy(0.0)
    yield path
    path.close()


def begin(bench: Bench, sent: str = "sent.tif", came: str = "in/came.tif") -> None:
    bench.switch.do(m.MediaFax, port="a", tag_id="out", sends=True, file=sent, station="111")
    bench.switch.do(m.MediaFax, port="b", tag_id="in", sends=False, file=came, station="222")


def both_ended(bench: Bench) -> tuple[m.MediaFaxed, m.MediaFaxed]:
    return bench.switch.wait(m.MediaFaxed, LINE_SECONDS, tag_id="out"), bench.switch.wait(m.MediaFaxed, LINE_SECONDS, tag_id="in")


def test_a_page_over_g711(bench: Bench, line: Lossy, tmp_path: Path) -> None:
    sent_page = page(tmp_path / "faxes" / "sent.tif")
    connected(bench, line, image=False)
    begin(bench)
    sent, came = both_ended(bench)
    assert (sent.reason, sent.pages, sent.station, sent.t38) == ("ok", 1, "222", False)
    assert (came.reason, came.pages, came.station, came.error_correction) == ("ok", 1, "111", True)
    assert arrived(tmp_path / "faxes" / "in" / "came.tif").tobytes() == sent_page.tobytes()


def test_a_page_over_t38_with_lost_datagrams(bench: Bench, line: Lossy, tmp_path: Path) -> None:
    sent_page = page(tmp_path / "faxes" / "sent.tif")
    line.loss = 0.01
    connected(bench, line, image=True)
    begin(bench)
    sent, came = both_ended(bench)
    assert (sent.reason, sent.pages, sent.station, sent.t38) == ("ok", 1, "222", True)
    assert (came.reason, came.pages, came.station, came.t38) == ("ok", 1, "111", True)
    assert arrived(tmp_path / "faxes" / "in" / "came.tif").tobytes() == sent_page.tobytes()
    assert line.passed > 100


def test_a_fax_that_goes_over_to_t38(bench: Bench, line: Lossy, tmp_path: Path, keyring: Keyring) -> None:
    """Both files are sealed: what is sent is opened in memory, what comes is on disk only sealed."""
    folder = KeptFolder(tmp_path / "faxes", keyring)
    sent_page = page(folder.path(SENT))
    plain = folder.path(SENT).read_bytes()
    assert folder.seal(SENT, "tiff")
    connected(bench, line, image=False)
    begin(bench, SENT, CAME)
    bench.switch.wait(m.MediaConnected, port="b")
    for name in "ba":
        point_to(bench, line, name, image=True)
    sent, came = both_ended(bench)
    assert (sent.reason, sent.t38, came.reason, came.t38) == ("ok", True, "ok", True)
    with folder.open(CAME).file as content, Image.open(content) as came_page:
        assert came_page.convert("1").tobytes() == sent_page.tobytes()
    assert folder.key_of(CAME) == keyring.ids(TENANT)[-1]
    assert plain[8:64] not in folder.path(CAME).read_bytes()


def test_what_is_refused_and_what_is_broken_off(bench: Bench, line: Lossy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page(tmp_path / "faxes" / "sent.tif")
    connected(bench, line, image=False)
    for file in ("nothing.tif", "../sent.tif", ""):
        bench.switch.do(m.MediaFax, port="a", tag_id=f"t{file}", sends=True, file=file)
        assert bench.switch.wait(m.MediaFaxed, tag_id=f"t{file}").reason == "no_such_file"
    bench.switch.do(m.MediaFax, port="a", tag_id="out", sends=True, file="sent.tif")
    assert bench.switch.ask(m.MediaFax, port="a", tag_id="twice", sends=True, file="sent.tif").reason == "fax_running"
    bench.switch.do(m.MediaStop, port="a")
    assert bench.switch.wait(m.MediaFaxed, tag_id="out").reason == "call_dropped"
    bench.switch.do(m.MediaFax, port="b", tag_id="in", sends=False, file="came.tif")
    bench.switch.do(m.ClosePort, port="b")
    assert bench.switch.wait(m.MediaFaxed, tag_id="in").reason == "call_dropped"
    monkeypatch.setattr(fax_library, "_loaded", lambda: None)
    assert bench.switch.ask(m.MediaFax, port="a", tag_id="again", sends=True, file="sent.tif").reason == "fax_unavailable"


@pytest.mark.parametrize(("hertz", "name"), [(1_100, "cng"), (2_100, "ced")])
def test_a_fax_machine_is_heard_while_a_prompt_plays(bench: Bench, hertz: int, name: str) -> None:
    machine, person = Phone(), Phone(450)
    on, off = tones.sine(hertz, 0.5, 0.1), np.zeros(24_000, dtype=np.int16)
    machine.audio = np.concatenate([on, off] * 4) if name == "cng" else tones.sine(hertz, 3.0, 0.1)
    for port, phone in (("m", machine), ("p", person)):
        bench.connect(port, phone)
        bench.switch.do(m.MediaPlay, port=port, tag_id=port, prompts=(), loop=False)
        phone.start()
    assert bench.switch.wait(m.MediaTone, 8.0).port == "m"
    assert not [tone for tone in bench.switch.seen(m.MediaTone) if tone.port == "p"]
