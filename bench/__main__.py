"""``make bench``: every load figure in one dated page, docs/bench/DATE.md, with the machine and what else ran on it."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import os
import platform
import sys
from pathlib import Path

from bench import calls, media_conference, media_quality, media_secure, media_steady
from bench.steal import Steal

PEERS = [
    "Peers, % of a core a call, plain / recorded:", "",
    "- Asterisk 0.37 / 0.83 (7 / 15 × relay)", "- FreeSWITCH 0.54 / 0.70 (10 / 13 × relay)", "",
]  # fmt: skip
FOLDER = Path(__file__).parents[1] / "docs" / "bench"


def machine() -> str:
    """The machine and its load now."""
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "?")
    return (f"{platform.machine()}, {model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}; "
            f"load average at the start {os.getloadavg()[0]:.1f} (a quiet machine: below 0.5)")  # fmt: skip


def media(arguments: list[str]) -> str:
    """The page of media_steady."""
    out, before = io.StringIO(), sys.argv
    sys.argv = ["media_steady", *arguments]
    try:
        with contextlib.redirect_stdout(out):
            media_steady.main()
    finally:
        sys.argv = before
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", default="50,100,200,400")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rates", default="20,50,100,150")
    chosen = parser.parse_args()
    now, steal = datetime.datetime.now(datetime.UTC), Steal()
    page = [f"# Load figures, {now:%Y-%m-%d %H:%M} UTC", "", machine(), "", "## Talking calls, recorded", ""]
    page += [media(["--calls", chosen.calls, "--seconds", str(chosen.seconds)])]
    page += ["## Talking calls, recorded, the agent on DTLS-SRTP", "", media_secure.table([50, 100], chosen.seconds), ""]
    page += [*PEERS, "## Conference and supervisors", "", media_conference.table(8, 500, 100, chosen.seconds), ""]
    page += ["## Speech on bad paths", "", media_quality.table(20.0, sockets=True), ""]
    print("\n".join(page), flush=True)
    rates = [float(rate) for rate in chosen.rates.split(",")]
    page += ["## Queue calls", "", calls.run(rates, calls.agents_for(rates)), ""]
    print("\n".join(page[-2:]), flush=True)
    page += [f"Load average at the end {os.getloadavg()[0]:.1f}. Stolen: {steal.percent():.0f} % of the CPU time that the machine wanted "
             "was given to others by its host; late steps and lost packets come with it.", ""]  # fmt: skip
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{now:%Y-%m-%d}.md").write_text("\n".join(page))


if __name__ == "__main__":
    main()
