"""A conference and listening supervisors on a media worker, beside the bare relay in C in the same run.

    python -m bench.media_conference [--speakers 8] [--listeners 500] [--supervisors 100] [--seconds 6]

Everybody is linked in pairs, as the switching function tells it: each hears every speaker but himself. Supervisors hear both sides of a
talk each, which is recorded, and are counted as what they add to the same talks without them.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.media_steady import PHONES, Result, build, lateness, load, run_relay, worker
from tests.switches.media.media_peer import SwitchEnd

from yitong.ct.switches.soft import media_messages as m


def open_rows(switch: SwitchEnd, count: int) -> list[int]:
    """Rows 0 to ``count``, each with its phone; their ports."""
    ports = []
    for i in range(count):
        opened = switch.ask(m.OpenPort, port=str(i))
        assert isinstance(opened, m.PortOpened), opened
        ports.append(opened.rtp_port)
        switch.do(m.SetRemote, port=str(i), address="127.0.0.1", rtp_port=PHONES + i, codec=8, event_type=101)
    return ports


def measured(folder: Path, pid: int, switch: SwitchEnd, ports: list[int], seconds: float, senders: int) -> Result:
    """The load, with the late steps of the worker meanwhile."""
    with lateness([switch]) as late:
        result = load(folder, [pid], ports, seconds, senders)
    return replace(result, late=round(late[0]), latest=late[1])


def run_room(folder: Path, speakers: int, listeners: int, seconds: float, all_send: bool) -> Result:
    """A room of speakers, whom all hear, and listeners."""
    total = speakers + listeners
    with worker(folder, total + 8) as (pid, switch):
        ports = open_rows(switch, total)
        for hearer in range(total):
            for speaker in range(speakers):
                if speaker != hearer:
                    switch.do(m.Link, port=str(hearer), source=str(speaker))
        return measured(folder, pid, switch, ports, seconds, total if all_send else speakers)


def run_supervised(folder: Path, talks: int, supervisors: int, seconds: float) -> Result:
    """Recorded talks, and supervisors who hear both sides of one each and send silence."""
    total = 2 * talks + supervisors
    with worker(folder, total + 8) as (pid, switch):
        ports = open_rows(switch, total)
        for i in range(2 * talks):
            switch.do(m.Link, port=str(i), source=str(i ^ 1))
        for talk in range(talks):
            switch.do(m.MediaRecord, recording=str(talk), left=str(2 * talk), right=str(2 * talk + 1), file=f"{supervisors}-{talk}.wav")
        for number in range(supervisors):
            for side in (0, 1):
                switch.do(m.Link, port=str(2 * talks + number), source=str(2 * (number % talks) + side))
        return measured(folder, pid, switch, ports, seconds, total)


def table(speakers: int, listeners: int, supervisors: int, seconds: float) -> str:
    """All of it, as Markdown."""
    talks = max(1, supervisors // 2)
    lines = ["| what | CPU % of a core | relay of as many streams % | packets heard of those due % | late steps | stolen % |",
             "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip

    def add(what: str, one: Result, relay: Result | None, rows: int) -> None:
        heard = 100 * one.heard / (rows * 50 * seconds)
        beside = f"{relay.cpu:.1f}" if relay is not None else "—"
        lines.append(f"| {what} | {one.cpu:.1f} | {beside} | {heard:.1f} | {one.late} | {one.stolen:.0f} |")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        total = speakers + listeners
        relay = run_relay(folder, total // 2, seconds)
        add(
            f"{speakers} speakers, {listeners} listeners who send nothing",
            run_room(folder, speakers, listeners, seconds, False),
            relay,
            total,
        )
        add("the same, listeners send silence", run_room(folder, speakers, listeners, seconds, True), relay, total)
        without = run_supervised(folder, talks, 0, seconds)
        add(f"{talks} recorded talks", without, run_relay(folder, talks, seconds), 2 * talks)
        with_them = run_supervised(folder, talks, supervisors, seconds)
        add(f"the same with {supervisors} supervisors who listen and send silence", with_them, None, 2 * talks + supervisors)
    lines += ["", f"{supervisors} listening supervisors add {with_them.cpu - without.cpu:.1f} % of a core."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speakers", type=int, default=8)
    parser.add_argument("--listeners", type=int, default=500)
    parser.add_argument("--supervisors", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=6.0)
    chosen = parser.parse_args()
    print(table(chosen.speakers, chosen.listeners, chosen.supervisors, chosen.seconds))


if __name__ == "__main__":
    main()
