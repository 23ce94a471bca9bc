"""A process that stands by: everything is imported, and it becomes whichever of ours dies next.

It is an ordinary child of the supervisor, which waits for one line on a pipe, the order (``app/reserve.py``), and is then that process,
under its own name in the process list and in the log.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from pathlib import Path

import msgspec

from yitong.app import cli
from yitong.app.child import log_file
from yitong.app.reserve import Order

_OWN = (sys.executable, "-m", "yitong.app.spare")
_LATE = (
    "httptools",
    "sqlalchemy.dialects.postgresql.psycopg",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
)
"""What our processes import only once they start to serve."""


def main(descriptor: int) -> int:
    """The spare's end: get ready, wait for the order, be that process. Returns its exit code; 0 when no order ever comes."""
    for name in cli.PROCESSES:
        importlib.import_module(f"yitong.app.processes.{name}")
    for name in (*_LATE, "yitong.app.process"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is here now stays: no collection needs to walk through it again
    _be_called((*_OWN, "ready"))
    with os.fdopen(descriptor, "rb") as told:
        line = told.readline()
    if not line.endswith(b"\n"):
        return 0
    order = msgspec.json.decode(line, type=Order)
    for number in order.unwanted:
        os.close(number)
    os.environ.update(order.environment)
    os.nice(order.nice)
    if order.log:
        _write_to(Path(order.log))
    _be_called(order.command)
    return cli.main(order.command[3:])


def _write_to(path: Path) -> None:
    log = log_file(path.parent, path.stem)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _be_called(command: tuple[str, ...]) -> None:
    """Stand in the process list as ``command``: written over our own arguments, as far as they reach (proc(5), fields 48 and 49)."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        first, end = int(fields[45]), int(fields[46])
        name = b"".join(os.fsencode(word) + b"\0" for word in command)
        if 0 < len(name) <= end - first:
            with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
                memory.seek(first)
                memory.write(name.ljust(end - first, b"\0"))
    except (OSError, ValueError, IndexError):
        return  # a name in a list, nothing more


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
