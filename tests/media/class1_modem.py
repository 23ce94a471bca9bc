"""A Class 1 fax modem on a pseudo terminal (ITU-T T.31), so that another maker's T.30, Debian's efax, can talk with ours."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import time
import tty
from pathlib import Path
from typing import Any

import cffi
import numpy as np

from yitong.media.g711 import Samples

_DECLARATIONS = """
void *t31_init(void *s, int (*told)(void *s, void *user, const uint8_t *buf, size_t len), void *user,
    int (*control)(void *s, void *user, int op, const char *num), void *user2, void *packets, void *user3);
int t31_free(void *s);
int t31_rx(void *s, int16_t amp[], int len);
int t31_tx(void *s, int16_t amp[], int max_len);
int t31_at_rx(void *s, const char *t, int len);
void t31_call_event(void *s, int event);
void t31_set_transmit_on_idle(void *s, int transmit_on_idle);
"""
_CALL, _ANSWER, _CTS = 0, 1, 7
_CONNECTED, _ANSWERED, _HANGUP = 2, 3, 7


def _declared() -> Any:
    made: Any = cffi.FFI()  # type: ignore[no-untyped-call]
    made.cdef(_DECLARATIONS)
    return made


class Class1Modem:
    """The modem and the program that drives it."""

    def __init__(self) -> None:
        self._ffi = _declared()
        self._lib: Any = self._ffi.dlopen("libspandsp.so.2")
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        os.set_blocking(self.master, False)
        self.device, self._slave = os.ttyname(slave), slave
        self._may_take = True
        self._event = 0
        self._out = b""
        none = self._ffi.NULL
        self._handlers = (
            self._ffi.callback("int(void *, void *, const uint8_t *, size_t)", self._told),
            self._ffi.callback("int(void *, void *, int, const char *)", self._control),
        )
        self._state = self._lib.t31_init(none, self._handlers[0], none, self._handlers[1], none, none, none)
        self._lib.t31_set_transmit_on_idle(self._state, 1)

    def _told(self, _state: Any, _user: Any, data: Any, length: int) -> int:
        self._out += bytes(self._ffi.buffer(data, length))
        return 0

    def _control(self, _state: Any, _user: Any, op: int, number: Any) -> int:
        if op == _CTS:
            self._may_take = number != self._ffi.NULL
        elif op in (_CALL, _ANSWER):
            self._event = _CONNECTED if op == _CALL else _ANSWERED
        return 0

    def turn(self, heard: Samples) -> Samples:
        """20 ms: what comes from the line and from the program, what goes to the line."""
        own, out = np.ascontiguousarray(heard, dtype=np.int16), np.zeros(160, dtype=np.int16)
        if self._event:
            event, self._event = self._event, 0
            self._lib.t31_call_event(self._state, event)
        self._lib.t31_rx(self._state, self._ffi.cast("int16_t *", own.ctypes.data), 160)
        if self._may_take:
            try:
                data = os.read(self.master, 256)
            except BlockingIOError:
                data = b""
            if data:
                self._lib.t31_at_rx(self._state, data, len(data))
        if self._out:
            with contextlib.suppress(BlockingIOError):
                self._out = self._out[os.write(self.master, self._out) :]
        self._lib.t31_tx(self._state, self._ffi.cast("int16_t *", out.ctypes.data), 160)
        return out

    def close(self) -> None:
        self._lib.t31_free(self._state)
        os.close(self.master)
        os.close(self._slave)


def efax(modem: Class1Modem, folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """The program at the modem; its words are in ``efax.log``."""
    command = ["efax", "-d", modem.device, "-o1", "-v", "ewinchmr", "-l", "0217777", *arguments]
    with (folder / "efax.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def pace(begun: float, turn: int) -> None:
    """Wait until the line's time has come: the program has a clock of its own."""
    time.sleep(max(0.0, begun + turn * 0.02 - time.monotonic()))
