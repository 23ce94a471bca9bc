"""A media worker alone in its process, for the benches: python -m bench.media_worker_process HOME SOCKET LOW HIGH ROWS."""

from __future__ import annotations

import resource
import signal
import sys
import threading
from pathlib import Path

from yitong.app.processes.media import be_prompt
from yitong.ct.switches.soft.media_settings import MediaSettings
from yitong.ct.switches.soft.media_worker import MediaWorker
from yitong.kit.clock import SystemClock
from yitong.kit.ids import RandomIds
from yitong.kit.keyring import Keyring

TENANT = "0192f0c1-2b1e-7a00-8000-0000000000aa"
"""Whose recordings are: they are sealed, as in the product."""


def main() -> None:
    home, socket, low, high, rows = sys.argv[1:]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    be_prompt()
    settings = MediaSettings(
        home=Path(home), socket=Path(socket), ports=(int(low), int(high)), rows=int(rows), recordings=int(rows) // 2,
        keyring=Keyring(Path(home) / "keys", SystemClock(), RandomIds()),
    )  # fmt: skip
    worker = MediaWorker(settings, SystemClock())
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    thread = threading.Thread(target=worker.run)
    thread.start()
    print("ready", flush=True)
    thread.join()


if __name__ == "__main__":
    main()
