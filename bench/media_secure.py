"""CPU per talking call whose agent is a browser (DTLS-SRTP), recorded, against a bare relay in C in the same run.

python -m bench.media_secure [--calls 50,100] [--seconds 6]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.media_steady import PHONES, Result, build, lateness, load, run_relay, worker
from bench.media_worker_process import TENANT
from tests.switches.media.media_peer import SwitchEnd

from yitong.ct.switches.soft import media_messages as m


@contextmanager
def browsers(switch: SwitchEnd, calls: int) -> Iterator[None]:
    """A browser at each row ``b{i}``, connected."""
    process = subprocess.Popen([sys.executable, "-m", "bench.media_browsers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    fingerprint = process.stdout.readline().strip()
    rows = []
    for i in range(calls):
        opened = switch.ask(m.OpenPort, port=f"b{i}", secure=True)
        assert isinstance(opened, m.PortOpened), opened
        switch.do(
            m.SetRemote, port=f"b{i}", address="127.0.0.1", rtp_port=9, codec=8, event_type=126, fingerprint=fingerprint, setup="active",
            ufrag="load", password="load-password-of-browsers",
        )  # fmt: skip
        rows.append([opened.rtp_port, opened.ufrag, opened.password, opened.fingerprint])
    process.stdin.write(json.dumps(rows) + "\n")
    process.stdin.flush()
    state = process.stdout.readline().strip()
    assert state == "ready", state
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def run_secure(folder: Path, calls: int, seconds: float) -> Result:
    """Callers on plain RTP, agents on DTLS-SRTP, each call on two tracks."""
    with worker(folder, 2 * calls + 8) as (pid, switch):
        ports = []
        for i in range(calls):
            opened = switch.ask(m.OpenPort, port=f"a{i}")
            assert isinstance(opened, m.PortOpened), opened
            ports.append(opened.rtp_port)
            switch.do(m.SetRemote, port=f"a{i}", address="127.0.0.1", rtp_port=PHONES + i, codec=8, event_type=101)
        with browsers(switch, calls):
            for i in range(calls):
                switch.do(m.Link, port=f"a{i}", source=f"b{i}")
                switch.do(m.Link, port=f"b{i}", source=f"a{i}")
                switch.do(m.MediaRecord, recording=str(i), left=f"a{i}", right=f"b{i}", file=f"{TENANT}/{time.monotonic_ns()}.wav")
            with lateness([switch]) as late:
                result = load(folder, [pid], ports, seconds)
            result.late, result.latest = round(late[0]), late[1]
            return result


def table(counts: list[int], seconds: float) -> str:
    """As Markdown."""
    lines = [
        "| calls | relay in C, CPU % per call | worker, recorded, agent on DTLS-SRTP, CPU % per call | x relay (goal 4) | packets heard % "
        "| late steps | stolen % |", "| --- " * 7 + "|",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        for calls in counts:
            base, one = run_relay(folder, calls, seconds), run_secure(folder, calls, seconds)
            heard = 100 * one.heard / (calls * 50 * seconds)
            lines.append(f"| {calls} | {base.cpu / calls:.3f} | {one.cpu / calls:.3f} | {one.cpu / base.cpu:.2f} | {heard:.1f} "
                         f"| {one.late} | {one.stolen:.0f} |")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", default="50,100")
    parser.add_argument("--seconds", type=float, default=6.0)
    chosen = parser.parse_args()
    print(table([int(calls) for calls in chosen.calls.split(",")], chosen.seconds))


if __name__ == "__main__":
    main()
