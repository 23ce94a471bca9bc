"""Two-track recordings."""

from __future__ import annotations

import hashlib
import itertools
import struct
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tests.switches.media.media_peer import Phone, level, running_worker

from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.media_writer import Writer
from yitong.kit.clock import SystemClock
from yitong.kit.ids import RandomIds
from yitong.kit.kept import KeptFolder
from yitong.kit.keyring import Keyring
from yitong.media import wav
from yitong.media.tracks import Piece

TENANT, ONE = "0192f0c1-2b1e-7a00-8000-0000000000aa", "0192f0c1-2b1e-7a00-8000-000000000001"
SEALED = f"{TENANT}/2026/11/{ONE}.wav"
SECOND = Piece(np.zeros((50, 2, 160), dtype=np.uint8), np.zeros((50, 2), dtype=np.uint8))


def keyring(home: Path) -> Keyring:
    return Keyring(home / "keys", SystemClock(), RandomIds())


def opened(home: Path, file: str, *, unfinished: bool = False) -> bytes:
    """What a sealed recording holds, as a WAV file."""
    content, form = KeptFolder(home, keyring(home.parent)).open(file, unfinished=unfinished)
    assert form
    with wav.whole(content, form) as sound:
        return sound.read()


def read_stereo(path: Path) -> tuple[np.ndarray, np.ndarray]:
    return stereo(path.read_bytes())


def stereo(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    assert struct.unpack_from("<IHHII", data, 16)[:4] == (16, 1, 2, 8000)
    assert struct.unpack_from("<I", data, 40)[0] == len(data) - 44
    both = np.frombuffer(data[44:], dtype="<i2").reshape(-1, 2)
    return both[:, 0], both[:, 1]


def test_each_side_stands_on_its_track_with_holds_marked(tmp_path: Path) -> None:
    """Sealed from its first octet."""
    with running_worker(tmp_path, keyring=keyring(tmp_path)) as bench:
        caller, agent = Phone(400), Phone(700)
        bench.connect("caller", caller)
        bench.connect("agent", agent)
        bench.bridge("caller", "agent")
        for phone in bench.phones:
            phone.start()
        time.sleep(0.2)
        bench.switch.do(m.MediaRecord, recording="r1", left="caller", right="agent", file=SEALED)
        time.sleep(1.0)
        bench.switch.do(m.MarkHold, recording="r1", on=True)
        time.sleep(0.4)
        bench.switch.do(m.MarkHold, recording="r1", on=False)
        time.sleep(0.4)
        bench.switch.do(m.StopRecord, recording="r1")
        done = bench.switch.wait(m.MediaRecorded, recording="r1")
    data, raw = opened(tmp_path / "recordings", SEALED), (tmp_path / "recordings" / SEALED).read_bytes()
    left, right = stereo(data)
    assert done.complete
    assert done.bytes == len(data)
    assert done.sha256 == hashlib.sha256(data).hexdigest()
    assert not any(data[at : at + 640] in raw for at in range(16_000, len(data) - 640, 1_601))
    assert abs(done.milliseconds - 1800) < 400
    assert len(left) == done.milliseconds * 8
    (begin, end) = done.holds[0]
    assert 200 <= end - begin <= 800
    assert level(left, 400) > 4000 > 200 > level(left, 700)
    assert level(right, 700) > 4000 > 200 > level(right, 400)


class Pair(threading.Thread):
    """Two phones that send the same frames side by side by a timer of their own, and what was really sent when.

    A frame that is late is not caught up: the next ones follow it by 20 ms.
    """

    def __init__(self, phones: list[Phone]) -> None:
        super().__init__(daemon=True)
        self._phones = phones
        self._over = threading.Event()
        self.sent: list[tuple[float, float]] = []
        """For each frame the moments at which the first and the second side had it sent."""

    def run(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            first, second = self._phones
            first.send_frame()
            at = time.monotonic()
            second.send_frame()
            self.sent.append((at, time.monotonic()))
            due = max(due + 0.02, time.monotonic())

    def stop(self) -> None:
        self._over.set()
        self.join()

    def in_time(self, number: int) -> bool:
        """Whether a frame and those of the second before it went out on both sides together, and none was late."""
        sent = self.sent[max(0, number - 50) : number + 1]
        together = all(second - first < 0.01 for first, second in sent)
        return together and all(later[0] - earlier[0] < 0.04 for earlier, later in itertools.pairwise(sent))

    def clicks(self) -> list[int]:
        """The frames with a mark that can be judged."""
        return [number for number in range(25, len(self.sent), 25) if self.in_time(number) and not lost(number)]

    def reach(self, number: int) -> None:
        """Wait until frame ``number`` is sent."""
        while len(self.sent) <= number:
            time.sleep(0.005)


def lost(number: int) -> bool:
    """Three packets of a hundred."""
    return number % 33 == 7


MARK = 20_000


def marked(frames: int) -> np.ndarray:
    """Silence with a mark in every 25th frame (half a second): three clicks whose distances say which one it is."""
    audio = np.zeros(frames * 160, dtype=np.int16)
    for number in range(25, frames, 25):
        place = number // 25
        audio[[number * 160, number * 160 + 20 + place % 32 * 2, number * 160 + 90 + place // 32 * 2]] = MARK
    return audio


def marks(track: np.ndarray) -> dict[int, int]:
    """Where on a track each mark begins, by the number of its frame."""
    loud = np.flatnonzero(track > MARK // 2)
    found: dict[int, int] = {}
    for at, second, third in zip(loud.tolist(), loud[1:].tolist(), loud[2:].tolist(), strict=False):
        if 20 <= second - at < 84 and 90 <= third - at < 160:
            found.setdefault(((second - at - 20) // 2 + (third - at - 90) // 2 * 32) * 25, at)
    return found


def test_a_mark_sent_to_both_sides_lies_together_on_both_tracks(tmp_path: Path) -> None:
    """Marks every half second, 3 % of the packets lost, two holds in between (the ten minutes are in the soak).

    A sender that a busy machine made late proves nothing: it sends on until twelve marks were sent as they should.
    """
    with running_worker(tmp_path) as bench:
        phones = [Phone(), Phone()]
        for name, phone in zip(("l", "r"), phones, strict=True):
            phone.audio = marked(5000)
            phone.lose = lost
            bench.connect(name, phone)
        bench.bridge("l", "r")
        bench.switch.do(m.MediaRecord, recording="r", left="l", right="r", file="r.wav")
        began = time.monotonic()
        pair = Pair(phones)
        pair.start()
        for begin in (100, 200):
            pair.reach(begin)
            bench.switch.do(m.Link, port="l", source="r", gain=0.0)
            bench.switch.do(m.MarkHold, recording="r", on=True)
            pair.reach(begin + 50)
            bench.switch.do(m.Link, port="l", source="r")
            bench.switch.do(m.MarkHold, recording="r", on=False)
        pair.reach(350)
        while len(pair.clicks()) < 12 and time.monotonic() - began < 90:
            time.sleep(0.1)
        pair.reach(len(pair.sent) + 15)
        pair.stop()
        bench.switch.do(m.StopRecord, recording="r")
        done = bench.switch.wait(m.MediaRecorded)
    left, right = (marks(track) for track in read_stereo(tmp_path / "recordings" / "r.wav"))
    assert len(done.holds) == 2
    apart = {number: abs(left[number] - right[number]) for number in pair.clicks() if number in left and number in right}
    assert len(apart) >= 8, "marks are missing"
    assert max(apart.values()) <= 160, apart


@pytest.mark.case("K8")
def test_a_file_is_right_up_to_its_last_second_without_being_closed(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    path = writer.resolve("a.wav")
    assert path is not None
    writer.open("a", path)
    for _ in range(3):
        assert writer.write("a", SECOND)
    writer.close(5.0)
    left, _ = read_stereo(path)
    assert len(left) == 24000


@pytest.mark.case("K8")
def test_a_sealed_file_can_be_read_to_its_last_whole_piece_without_being_closed(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "recordings", keyring(tmp_path))
    for file, channels in ((SEALED, 2), (f"messages/{SEALED}", 1)):
        path = writer.resolve(file)
        assert path is not None
        writer.open(file, path, channels)
        for _ in range(3):
            assert writer.write(file, SECOND)
    writer.close(5.0)  # its files have no end, as after a kill
    assert len(stereo(opened(tmp_path / "recordings", SEALED, unfinished=True))[0]) == 24_000
    assert len(wav.read(opened(tmp_path / "recordings", f"messages/{SEALED}", unfinished=True))) == 24_000


def test_without_its_key_a_recording_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / "keys" / TENANT).mkdir(parents=True)
    (tmp_path / "keys" / TENANT / f"{ONE}.key").write_text("nothing")
    writer = Writer(tmp_path / "recordings", keyring(tmp_path))
    path = writer.resolve(SEALED)
    assert path is not None
    writer.open("a", path)
    writer.finish("a", complete=True)
    writer.close(5.0)
    assert not writer.closed.popleft().complete
    assert writer.failed.popleft()[0] == "a"
    assert not path.exists()


@pytest.mark.case("F1")
def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    with running_worker(tmp_path) as bench:
        caller, agent = Phone(400), Phone(700)
        bench.connect("a", caller)
        bench.connect("b", agent)
        bench.bridge("a", "b")
        for phone in bench.phones:
            phone.start()
        (tmp_path / "recordings" / "blocked").write_text("a file where a folder should be")
        bench.switch.do(m.MediaRecord, recording="r", left="a", right="b", file="blocked/r.wav")
        done = bench.switch.wait(m.MediaRecorded, recording="r")
        assert not done.complete
        assert bench.switch.wait(m.MediaAlarm).code == "disk_full"
        time.sleep(0.4)
        assert agent.hears(400, 0.3)


@pytest.mark.case("F1")
def test_a_failing_write_marks_the_file_incomplete(tmp_path: Path) -> None:
    import resource
    import signal

    writer = Writer(tmp_path, keyring(tmp_path))
    (tmp_path / TENANT).mkdir()
    paths = [writer.resolve(name) for name in ("a.wav", f"{TENANT}/{ONE}.wav")]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40000, before[1]))
        for name, path in zip("ab", paths, strict=True):
            assert path is not None
            writer.open(name, path)
            writer.write(name, SECOND)
            writer.write(name, SECOND)
            writer.finish(name, complete=True)
        writer.close(5.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [written.complete for written in writer.closed] == [False, False]
    assert [name for name, _ in writer.failed] == ["a", "b"]
    assert paths[0] is not None
    assert len(read_stereo(paths[0])[0]) == 8000
    content, _ = KeptFolder(tmp_path, keyring(tmp_path)).open(f"{TENANT}/{ONE}.wav")
    with content:
        assert hashlib.sha256(wav.header(32_000) + content.read()).hexdigest() == writer.closed[1].sha256


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    with running_worker(tmp_path) as bench:
        bench.connect("a", Phone())
        bench.connect("b", Phone())
        for name in ("../r.wav", "/tmp/r.wav", ""):
            answer = bench.switch.ask(m.MediaRecord, recording="r", left="a", right="b", file=name)
            assert isinstance(answer, m.Refusal)
