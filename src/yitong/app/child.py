"""One child process of the supervisor: how it is started so that it can never become an orphan, and how it is ended."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from yitong.kit import logs

_PR_SET_PDEATHSIG = 1
_log = logs.get("yitong.supervisor")
_libc = ctypes.CDLL(None, use_errno=True)  # loaded before any fork: loading in the child could wait for a lock for ever


@dataclass(frozen=True)
class Spec:
    """What to run. ``there`` answers whether it serves; None: it says so itself (READY=1).

    ``at_once``: the signal of a hurried end. ``talkative``: its output goes to its file even where others' is shown.
    ``handed``: open files that it gets under the same numbers.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    nice: int = 0
    stop: signal.Signals = signal.SIGTERM
    at_once: signal.Signals = signal.SIGKILL
    there: Callable[[], Awaitable[bool]] | None = None
    stop_seconds: float = 12.0
    talkative: bool = False
    handed: tuple[int, ...] = ()


class Child:
    """One life of a child: its own process group, ended by the kernel when the supervisor dies."""

    def __init__(self, spec: Spec, process: asyncio.subprocess.Process) -> None:
        self.spec = spec
        self.process = process
        self.pid = process.pid

    @classmethod
    async def start(cls, spec: Spec, log_folder: Path | None) -> Child:
        """Start ``spec``; its output goes to ``{log_folder}/{name}.log``, or where ours goes. Call from the main thread only: the kernel
        counts the death of the thread that forked.
        """
        parent = os.getpid()

        def prepare() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(spec.stop), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
            if spec.nice:
                os.nice(spec.nice)

        output = None if log_folder is None else log_file(log_folder, spec.name)
        try:
            process = await asyncio.create_subprocess_exec(
                *spec.command, env=dict(spec.environment) or None, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=prepare, process_group=0, pass_fds=spec.handed,
            )  # fmt: skip
        finally:
            if output is not None:
                os.close(output)
        return cls(spec, process)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def wait(self) -> int:
        """Until it ends; its exit code, negative for a signal."""
        return await self.process.wait()

    async def end(self) -> None:
        """Ask it to end; after its time its whole group is killed."""
        self.send(self.spec.stop)
        try:
            await asyncio.wait_for(self.process.wait(), self.spec.stop_seconds)
        except TimeoutError:
            _log.warning("does not end, is killed", child=self.spec.name)
            self.send_group(signal.SIGKILL)
            await self.process.wait()

    def send(self, number: signal.Signals) -> None:
        """A signal to the process itself."""
        if self.alive:
            try:
                self.process.send_signal(number)
            except ProcessLookupError:
                return

    def send_group(self, number: signal.Signals) -> None:
        """A signal to its whole group, also to what it left behind."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def log_file(folder: Path, name: str) -> int:
    """The log of ``name``, opened for appending; one that passed 50 MB becomes ``.old`` first."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > 50_000_000:
        path.replace(path.with_suffix(".log.old"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
