"""The supervisor with real child processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.figures import figure

from yitong.app.child import Spec
from yitong.app.supervisor import Kept, StartFailed, Supervisor
from yitong.app.watchdog import LOOKS, SPINNING_LOOKS

Until = Callable[..., Awaitable[None]]

READY = """
import os, signal, socket, sys, time
log = open(sys.argv[1], "a")
def told(what): log.write(what + " " + sys.argv[2] + "\\n"); log.flush()
def stop(*_): told("stop"); sys.exit(0)
signal.signal(signal.SIGTERM, stop if len(sys.argv) < 4 else signal.SIG_IGN)
told("start")
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
out.sendto(f"READY=1\\nMAINPID={os.getpid()}".encode(), os.environ["NOTIFY_SOCKET"])
def circle(*_):
    while True: pass
signal.signal(signal.SIGUSR1, circle)
while True:
    time.sleep(float(os.environ.get("BEATS", "1")))
    if "TURNS" in os.environ:
        out.sendto(f"WATCHDOG=1\\nMAINPID={os.getpid()}".encode(), os.environ["NOTIFY_SOCKET"])
"""


def child(name: str, log: Path, *more: str, stop_seconds: float = 5.0, beats: str = "1", **environment: str) -> Spec:
    command = (sys.executable, "-c", READY, str(log), name, *more)
    return Spec(name=name, command=command, stop_seconds=stop_seconds, environment={"BEATS": beats, **environment})


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descendants(pid: int) -> list[int]:
    found = [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]
    return found + [deeper for one in found for deeper in descendants(one)]


async def test_starts_in_order_and_stops_in_reverse(tmp_path: Path) -> None:
    log = tmp_path / "log"
    supervisor = Supervisor(tmp_path)
    for name in ("a", "b", "c"):
        await supervisor.serving([await supervisor.start(child(name, log))], 20)
    assert {name: state for name, (state, _, _) in supervisor.states().items()} == {"a": "running", "b": "running", "c": "running"}
    await supervisor.stop()
    assert log.read_text().split("\n")[:-1] == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]


async def test_a_killed_child_is_started_again_at_once(tmp_path: Path, until: Until) -> None:
    supervisor = Supervisor(tmp_path)
    kept = await supervisor.start(child("a", tmp_path / "log"))
    await supervisor.serving([kept], 20)
    first = kept.child.pid if kept.child else 0
    os.kill(first, signal.SIGKILL)
    await until(lambda: kept.restarts == 1 and kept.state == "running", 20)
    assert kept.child is not None
    assert kept.child.pid != first
    await supervisor.stop()


@pytest.mark.case("K13")
async def test_a_child_that_hangs_is_replaced_and_does_not_act_again(tmp_path: Path, until: Until) -> None:
    """Ten looks a second in place of one. One that is only busy is left alone; one whose loop used to tell that it turns is not."""
    supervisor, log = Supervisor(tmp_path), tmp_path / "log"
    well, sick = [await supervisor.start(child(name, log, beats="0.02")) for name in ("well", "sick")]
    spins = await supervisor.start(child("spins", log, beats="0.02", TURNS="1"))
    await supervisor.serving([well, sick, spins], 20)
    supervisor.watch_over(0.1)
    assert sick.child is not None
    assert spins.child is not None
    first, before = sick.child.pid, time.monotonic()
    os.kill(well.child.pid if well.child else 0, signal.SIGUSR1)
    os.kill(first, signal.SIGSTOP)
    circling = spins.child.pid
    await until(lambda: circling in told_of(supervisor), 20)
    os.kill(circling, signal.SIGUSR1)
    await until(lambda: sick.restarts == 1 and sick.state == "running", 20)
    seconds = time.monotonic() - before
    assert not alive(first)
    assert (well.restarts, sick.child.pid != first) == (0, True)
    await until(lambda: spins.restarts > 0 and spins.state == "running", 40)
    assert not alive(circling)
    figure("K13", f"a stopped child is killed after {LOOKS} looks, one a second, one that spins after {SPINNING_LOOKS}, and replaced; "
           f"{seconds / 0.1:.0f} looks' time in the test for the first")  # fmt: skip
    await supervisor.stop()


def told_of(supervisor: Supervisor) -> set[int]:
    """The processes whose loops have told that they turn."""
    return set(supervisor._dog._quiet) if supervisor._dog is not None else set()


async def test_one_that_keeps_failing_is_restarted_five_times_then_alarms(tmp_path: Path, until: Until) -> None:
    supervisor = Supervisor(tmp_path)
    kept = await supervisor.start(Spec(name="broken", command=(sys.executable, "-c", "raise SystemExit(3)")))
    await until(lambda: kept.state == "alarm", 30)
    assert kept.restarts == 5
    with pytest.raises(StartFailed, match="broken"):
        await supervisor.serving([kept], 1)
    await supervisor.stop()


def test_the_pauses_grow_and_a_calm_minute_forgets_them() -> None:
    kept = Kept(Spec(name="a", command=("true",)))
    assert [kept.pause(float(second)) for second in range(6)] == [0.0, 0.5, 1.0, 2.0, 4.0, 60.0]
    assert kept.state == "alarm"
    assert kept.pause(100.0) == 0.0
    assert kept.state == "restarting"


async def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    kept = await supervisor.start(child("deaf", tmp_path / "log", "ignores SIGTERM", stop_seconds=0.5))
    await supervisor.serving([kept], 20)
    pid = kept.child.pid if kept.child else 0
    await supervisor.stop()
    assert not alive(pid)


SUPERVISED = """
import asyncio, json, sys
from pathlib import Path
from yitong.app import embedded, engines
from yitong.app.child import Spec
from yitong.app.run import raise_open_files
from yitong.app.supervisor import Supervisor
from yitong.kit import logs

DEAF = "trap '' TERM; while true; do sleep 1; done"

async def main():
    logs.configure("supervisor")
    home = Path(sys.argv[1])
    raise_open_files()
    supervisor = Supervisor(embedded.runtime_folder(home), log_folder=home / "log")
    supervisor.listen_to_signals()
    kept = [await supervisor.start(engines.postgres_spec(embedded.postgres(home))),
            await supervisor.start(engines.nats_spec(embedded.nats(home))),
            await supervisor.start(Spec(name="sleep", command=("sleep", "600"), stop_seconds=1))]
    if len(sys.argv) > 2:
        kept.append(await supervisor.start(Spec(name="deaf", command=("sh", "-c", DEAF), stop_seconds=60)))
    await supervisor.serving(kept[:2], 30)
    print(json.dumps({name: pid for name, (_, pid, _) in supervisor.states().items()}), flush=True)
    await supervisor.run()
    await supervisor.stop()

asyncio.run(main())
"""


Supervised = Callable[..., tuple[subprocess.Popen[str], dict[str, int]]]


@pytest.fixture
def supervised() -> Iterator[Supervised]:
    """``supervised(home, "deaf"?)`` starts a supervisor with both engines; returns it and the process ids of its children."""
    started: list[subprocess.Popen[str]] = []

    def start(home: Path, *more: str) -> tuple[subprocess.Popen[str], dict[str, int]]:
        process = subprocess.Popen([sys.executable, "-c", SUPERVISED, str(home), *more], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def gone(pids: list[int], seconds: float) -> list[int]:
    end = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return [pid for pid in pids if alive(pid)]


def test_killing_the_supervisor_leaves_no_orphan_and_the_home_starts_again(tmp_path: Path, supervised: Supervised) -> None:
    process, pids = supervised(tmp_path)
    everything = descendants(process.pid)
    assert set(pids.values()) <= set(everything)
    assert len(everything) > 5  # PostgreSQL has children of its own
    process.kill()
    process.wait()
    assert gone(everything, 15) == []

    process, pids = supervised(tmp_path)
    everything = descendants(process.pid)
    assert len({os.getpgid(pid) for pid in [process.pid, *pids.values()]}) == 4
    limits = Path(f"/proc/{pids['sleep']}/limits").read_text()
    soft, hard = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
    assert soft == hard
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert gone(everything, 1) == []


def test_a_second_signal_ends_at_once(tmp_path: Path, supervised: Supervised) -> None:
    process, _ = supervised(tmp_path, "deaf")
    everything = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.wait(10)
    assert gone(everything, 5) == []


async def test_a_folder_of_logs(tmp_path: Path, until: Until) -> None:
    supervisor = Supervisor(tmp_path, log_folder=tmp_path / "log")
    await supervisor.start(Spec(name="speaks", command=("echo", "hello")))
    await until(lambda: (tmp_path / "log" / "speaks.log").read_text().startswith("hello"))
    await asyncio.sleep(0)
    await supervisor.stop()
