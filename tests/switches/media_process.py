"""The real media process (``yitong media``) beside a switch under test, on a disk that is full, or on which every write takes a second."""

from __future__ import annotations

import array
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.ports import free_range
from tests.switches.rigs import LENGTHS
from tests.switches.slow_disk import SlowWrites
from tests.switches.soft_rig import tone

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0


class MediaProcess:
    """``home`` and ``socket`` as ``soft_rig.Media`` has them. ``prefix``: a command that runs ours."""

    def __init__(self, home: Path, folder: Path, prefix: Sequence[str] = (), handed: tuple[int, ...] = ()) -> None:
        (home / "prompts").mkdir(parents=True, exist_ok=True)
        for prompt, seconds in LENGTHS.items():
            (home / "prompts" / prompt).write_bytes(tone(seconds))
        self.home, self.socket = home, folder / "media-0.sock"
        low = free_range(200)
        self._command = [*prefix, sys.executable, "-m", "yitong.app.cli", "media"]
        self._handed = handed
        self._environment = {
            **os.environ, "YITONG_HOME": str(home), "YITONG_RUNTIME": str(folder), "YITONG_MEDIA_WORKERS": "1",
            "YITONG_RTP_PORTS": f"{low}-{low + 199}", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, and wait until it listens."""
        self.socket.unlink(missing_ok=True)
        log = (self.home / "media.log").open("ab")
        with log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log, pass_fds=self._handed)
        end = time.monotonic() + START_SECONDS
        while not self.socket.exists():
            assert self._process.poll() is None, (self.home / "media.log").read_text()[-2000:]
            assert time.monotonic() < end, "the media process does not start"
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """Of the process that moves the audio: what ``prefix`` begins becomes it."""
        assert self._process is not None
        return self._process.pid

    def inside(self, path: Path) -> Path:
        """A path as the process sees it: it may have mounts of its own."""
        return Path(f"/proc/{self.pid}/root{path}")

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        os.kill(self.pid, signal.SIGKILL)
        self._process.wait(20)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.kill(self.pid, signal.SIGKILL)
                self._process.wait(20)


@contextmanager
def media_process(home: Path) -> Iterator[MediaProcess]:
    with tempfile.TemporaryDirectory() as folder:
        made = MediaProcess(home, Path(folder))
        try:
            made.start()
            yield made
        finally:
            made.stop()


class Weak(NamedTuple):
    """A media process on a disk that is small, and slow as long as ``writes.seconds`` says so. ``disk``: what it is."""

    process: MediaProcess
    writes: SlowWrites
    disk: str


@contextmanager
def on_weak_disk(home: Path, octets: int) -> Iterator[Weak]:
    """Its recordings have so many octets; writes to files, by whichever thread of the process, can be held up by the kernel."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    recordings = home / "recordings"
    recordings.mkdir()
    small, disk = on_small_disk(recordings, octets)
    prefix = [sys.executable, str(ROOT / "tests/switches/slow_disk.py"), str(theirs.fileno()), *small]
    with ours, theirs, tempfile.TemporaryDirectory() as folder:
        made, writes = MediaProcess(home, Path(folder), prefix, (theirs.fileno(),)), SlowWrites()
        try:
            writes.listen(lambda: _descriptor(ours))
            made.start()
            yield Weak(made, writes, disk)
        finally:
            writes.seconds = 0.0
            made.stop()
            writes.stop()


def _descriptor(sock: socket.socket) -> int:
    """What the process sends before it is ours."""
    sock.settimeout(START_SECONDS)
    numbers = array.array("i")
    _, told, _, _ = sock.recvmsg(1, socket.CMSG_LEN(numbers.itemsize))
    numbers.frombytes(told[0][2][: numbers.itemsize])
    return numbers[0]


def on_small_disk(folder: Path, octets: int) -> tuple[list[str], str]:
    """What runs a command with a disk of so many octets at ``folder`` (it must be there) and one below it, ``ro``, that is read-only; and
    what that is: a tmpfs of its own where the system lets us mount one, by right or in a user namespace; else a limit on the size of files,
    and a file where a folder should be."""
    mount = (
        f"mount -t tmpfs -o size={octets} none {folder} && mkdir {folder}/ro && mount -t tmpfs -o ro none {folder}/ro && exec \"$@\""
    )  # fmt: skip
    unshare = shutil.which("unshare") or ""
    for how in (["--mount"], ["--user", "--map-root-user", "--mount"]):
        prefix = [unshare, *how, "/bin/sh", "-c", mount, "sh"]
        if unshare and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix, f"a tmpfs of {octets >> 10} KiB"
    (folder / "ro").write_text("")
    return [shutil.which("prlimit") or "prlimit", f"--fsize={octets // 2}"], f"files of at most {octets >> 11} KiB"
