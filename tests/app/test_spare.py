"""A spare process takes the place of the one that dies: real processes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from yitong.app.child import Spec
from yitong.app.supervisor import Kept, Supervisor

Until = Callable[..., Awaitable[None]]
MEDIA = (sys.executable, "-m", "yitong.app.cli", "media")


def environment(folder: Path) -> dict[str, str]:
    return {"YITONG_HOME": str(folder / "home"), "YITONG_RTP_PORTS": "39000-39099", "YITONG_MEDIA_WORKERS": "1"}


def words(pid: int) -> list[str]:
    """The command line of a process, as ``ps`` shows it."""
    try:
        return [word.decode() for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word]
    except OSError:
        return []


def children() -> dict[int, list[str]]:
    found = [int(one) for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split()]
    return {pid: words(pid) for pid in found}


def spares() -> list[int]:
    return [pid for pid, command in children().items() if command[1:3] == ["-m", "yitong.app.spare"]]


def pid_of(kept: Kept) -> int:
    return kept.child.pid if kept.child is not None else 0


@pytest.mark.timeout(120)
async def test_the_spare_becomes_the_process_that_died(tmp_path: Path, until: Until) -> None:
    (tmp_path / "home" / "run").mkdir(parents=True)
    supervisor = Supervisor(tmp_path, log_folder=tmp_path / "log")
    given = environment(tmp_path)
    kept = await supervisor.start(Spec(name="media-0", command=MEDIA, environment=given))
    await supervisor.serving([kept], 60)
    first = pid_of(kept)
    supervisor.stand_by(given)
    await until(lambda: any(command[-1] == "ready" for command in children().values() if command), 60)
    (spare,) = spares()

    os.kill(first, signal.SIGKILL)
    await until(lambda: kept.restarts == 1 and kept.state == "running", 60)
    assert pid_of(kept) == spare
    assert words(spare) == list(MEDIA)
    assert Path(f"/proc/{spare}/fd/1").resolve() == tmp_path / "log" / "media-0.log"

    await until(lambda: spares(), 40)
    last = spares()
    await supervisor.stop()
    await until(lambda: not any(words(pid) for pid in [spare, *last]), 10)


async def test_who_keeps_failing_does_not_depend_on_a_spare(tmp_path: Path, until: Until) -> None:
    supervisor = Supervisor(tmp_path)
    kept = await supervisor.start(Spec(name="broken", command=(sys.executable, "-c", "raise SystemExit(3)")))
    supervisor.stand_by({})
    await until(lambda: kept.restarts >= 4, 40)
    assert not spares()  # nobody has been serving for a while, so nobody has CPU to give away
    assert not kept.calm
    await supervisor.stop()
