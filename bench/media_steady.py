"""CPU per talking call, both directions, recorded or not, against a bare relay in C in the same run.

    python -m bench.media_steady [--calls 50,100,200,400] [--seconds 6] [--plain]

Needs a C compiler. Server, relay and load share the machine; the load generator's CPU is not counted.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.steal import Steal
from tests.switches.media.media_peer import SwitchEnd

from yitong.ct.switches.soft import media_messages as m

HERE = Path(__file__).parent
SERVER, PHONES = 12000, 16000
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Result:
    """One run: CPU in per cent of a core, packets, one-way delay in ms, per cent of the machine's CPU time that its host kept."""

    cpu: float
    sent: int
    received: int
    p50: float
    p99: float
    stolen: float
    late: int = 0
    heard: int = 0
    """Packets of any sound that came back, altered or not."""
    latest: float = 0.0
    """Milliseconds by which the latest step began late."""
    memory: float = 0.0
    """KiB a call that the process grew by from before the first row."""

    @property
    def loss(self) -> float:
        return 100 * max(0, self.sent - self.received) / max(1, self.sent)


def build(folder: Path) -> None:
    for name in ("relay", "rtpgen"):
        subprocess.run(["cc", "-O2", "-o", folder / name, HERE / f"{name}.c"], check=True)


def prompt() -> None:
    """Real-time scheduling where it is allowed, as the worker's own thread asks for: the machine's other work shall not be measured."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> float:
    """KiB of memory that the process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


def load(folder: Path, pids: Sequence[int], ports: list[int], seconds: float, senders: int = -1) -> Result:
    """Streams to all ``ports`` (or only to the first ``senders``); what the processes ``pids`` need meanwhile."""
    skip = 2.0
    sending = str(len(ports) if senders < 0 else senders)
    generator = subprocess.Popen(
        [folder / "rtpgen", str(PHONES), str(len(ports)), str(seconds + skip), str(skip), sending],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=prompt,
    )  # fmt: skip
    assert generator.stdin is not None
    generator.stdin.write(" ".join(map(str, ports)) + "\n")
    generator.stdin.flush()
    time.sleep(skip)
    before, begun, steal = sum(map(cpu_seconds, pids)), time.monotonic(), Steal()
    time.sleep(seconds - 0.3)
    used, took = sum(map(cpu_seconds, pids)) - before, time.monotonic() - begun
    stolen = steal.percent()
    out, _ = generator.communicate(timeout=30)
    sent, received, p50, p99, _worst, heard = out.split()
    return Result(100 * used / took, int(sent), int(received), float(p50), float(p99), stolen, heard=int(heard))


def run_relay(folder: Path, calls: int, seconds: float) -> Result:
    relay = subprocess.Popen([folder / "relay", str(SERVER), str(PHONES), str(2 * calls)], stdout=subprocess.PIPE, preexec_fn=prompt)
    try:
        assert relay.stdout is not None
        relay.stdout.readline()
        return load(folder, [relay.pid], [SERVER + i for i in range(2 * calls)], seconds)
    finally:
        relay.kill()
        relay.wait()


@contextmanager
def worker(folder: Path, rows: int, ports: tuple[int, int] = (20000, 29999)) -> Iterator[tuple[int, SwitchEnd]]:
    path = folder / f"m{ports[0]}.sock"
    command = [sys.executable, "-m", "bench.media_worker_process", str(folder), str(path), *map(str, ports), str(rows)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        switch = SwitchEnd(path)
        yield process.pid, switch
        switch.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def begin_calls(switch: SwitchEnd, calls: int, phones: int, record: bool) -> list[int]:
    """Calls between phones at the ports from ``phones`` on; the rows' ports."""
    ports = []
    for i in range(2 * calls):
        opened = switch.ask(m.OpenPort, port=str(i))
        assert isinstance(opened, m.PortOpened), opened
        ports.append(opened.rtp_port)
        switch.do(m.SetRemote, port=str(i), address="127.0.0.1", rtp_port=phones + i, codec=8, event_type=101)
    for i in range(2 * calls):
        switch.do(m.Link, port=str(i), source=str(i ^ 1))
    for i in range(calls if record else 0):
        switch.do(m.MediaRecord, recording=str(i), left=str(2 * i), right=str(2 * i + 1), file=f"{time.monotonic_ns()}.wav")
    return ports


def _next_state(switch: SwitchEnd) -> m.WorkerState:
    """What the worker tells next: one that was skipped over steps (more than 200 ms late) may have left out what it tells every second."""
    switch.events.clear()
    state: m.WorkerState = switch.wait(m.WorkerState, 15.0)
    return state


@contextmanager
def lateness(switches: Sequence[SwitchEnd]) -> Iterator[list[float]]:
    """What workers tell meanwhile: the list has late steps, and by how many milliseconds the latest of them was late."""
    first = [switch.wait(m.WorkerState).late_ticks for switch in switches]
    for switch in switches:
        switch.events.clear()
    found: list[float] = []
    yield found
    states = [[*switch.seen(m.WorkerState), _next_state(switch)] for switch in switches]
    late = sum(told[-1].late_ticks - before for told, before in zip(states, first, strict=True))
    found += [late, max(state.latest_ms for told in states for state in told)]


def run_workers(folder: Path, calls: int, seconds: float, record: bool, workers: int = 1) -> Result:
    """Calls on one worker, or shared by several."""
    each, width = calls // workers, 10000 // workers
    with ExitStack() as stack:
        ends = [
            stack.enter_context(worker(folder, 2 * each + 8, (20000 + width * number, 19999 + width * (number + 1))))
            for number in range(workers)
        ]
        pids, switches = [pid for pid, _ in ends], [switch for _, switch in ends]
        before = sum(map(resident, pids))
        ports: list[int] = []
        for number, switch in enumerate(switches):
            ports += begin_calls(switch, each, PHONES + 2 * each * number, record)
        with lateness(switches) as late:
            result = load(folder, pids, ports, seconds)
        result.late, result.latest = round(late[0]), late[1]
        result.memory = (sum(map(resident, pids)) - before) / calls
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", default="50,100,200,400")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--plain", action="store_true", help="without recording too")
    parser.add_argument("--workers", type=int, default=1, help="workers that share the calls")
    chosen = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}; "
          f"load average {os.getloadavg()[0]:.1f}; {chosen.seconds:g} s each; PCMA, 20 ms, both ways")  # fmt: skip
    recorded = "worker, recorded" if chosen.workers == 1 else f"{chosen.workers} workers, recorded"
    print("| calls | what | CPU % of a core | % per call | x relay | one way p50 / p99 ms | loss % "
          "| late steps, latest ms | KiB a call | stolen % |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        for calls in map(int, chosen.calls.split(",")):
            base = run_relay(folder, calls, chosen.seconds)
            rows = [("relay in C", base)]
            if chosen.plain:
                rows.append(("worker", run_workers(folder, calls, chosen.seconds, False, chosen.workers)))
            rows.append((recorded, run_workers(folder, calls, chosen.seconds, True, chosen.workers)))
            for what, one in rows:
                print(f"| {calls} | {what} | {one.cpu:.1f} | {one.cpu / calls:.3f} | {one.cpu / base.cpu:.2f} "
                      f"| {one.p50:.1f} / {one.p99:.1f} | {one.loss:.2f} | {one.late}, {one.latest:.0f} "
                      f"| {one.memory:.0f} | {one.stolen:.0f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
