"""A disk on which every write takes a second, without a disk: the kernel asks before each write of a process (seccomp's user notification,
seccomp_unotify(2)), and is told to go on after that time when it is to a file. Nobody in the process can get around it.

Run as a program, it hands the listener of its filter to who holds the other end of a socket, and becomes another program.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import platform
import select
import socket
import stat
import struct
import sys
import threading
from collections.abc import Callable

_X86 = platform.machine() == "x86_64"
_ARCHITECTURE = 0xC000003E if _X86 else 0xC00000B7
_SECCOMP = 317 if _X86 else 277
_WRITES = (1, 18, 20, 296) if _X86 else (64, 68, 66, 70)
"""write, pwrite64, writev, pwritev."""
_NEW_LISTENER, _SET_FILTER, _NO_NEW_PRIVILEGES = 8, 1, 38
_ASK, _ALLOW = 0x7FC00000, 0x7FFF0000
_RECEIVE, _SEND, _GO_ON = 0xC0502100, 0xC0182101, 1
_NOTICE = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")


class SlowWrites:
    """``seconds``: how long each write to a file takes. ``count``: how many there were."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.count = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, descriptor: Callable[[], int]) -> None:
        """Answer what the kernel asks through ``descriptor()``, from now on."""
        self._thread = threading.Thread(target=self._run, args=(descriptor,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self, descriptor: Callable[[], int]) -> None:
        listener = descriptor()
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        while not self._over.is_set():
            told = [what for _, what in poll.poll(200)]
            if any(what & select.POLLIN for what in told):
                self._take(listener)
            elif told:
                break  # nobody is left who could ask
        os.close(listener)

    def _take(self, listener: int) -> None:
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(listener, _RECEIVE, notice, True)
        except OSError:
            return  # who asked is gone
        id, pid, _, _, _, _, file, *_ = _NOTICE.unpack(notice)
        if self.seconds and _is_file(pid, file):
            self.count += 1
            threading.Timer(self.seconds, _answer, (listener, id)).start()
        else:
            _answer(listener, id)


def _answer(listener: int, id: int) -> None:
    try:
        fcntl.ioctl(listener, _SEND, bytearray(_ANSWER.pack(id, 0, 0, _GO_ON)), True)
    except OSError:
        return


def _is_file(pid: int, file: int) -> bool:
    try:
        return stat.S_ISREG(os.stat(f"/proc/{pid}/fd/{file}").st_mode)
    except OSError:
        return False


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]


def filtered() -> int:
    """Have the kernel ask before each write of this thread, and of all that it begins or becomes. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    count = len(_WRITES)
    steps = [(0x20, 0, 0, 4), (0x15, 0, count + 1, _ARCHITECTURE), (0x20, 0, 0, 0)]
    steps += [(0x15, count - number, 0, call) for number, call in enumerate(_WRITES)]
    steps += [(0x06, 0, 0, _ALLOW), (0x06, 0, 0, _ASK)]
    octets = b"".join(struct.pack("=HBBI", *step) for step in steps)
    kept = ctypes.create_string_buffer(octets)
    program = _Program(len(steps), ctypes.cast(kept, ctypes.c_void_p))
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    listener = libc.syscall(_SECCOMP, _SET_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "no filter of system calls")
    return int(listener)


if __name__ == "__main__":
    listener = filtered()
    with socket.socket(fileno=int(sys.argv[1])) as other:
        other.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
    os.close(listener)
    os.execv(sys.argv[2], sys.argv[2:])
