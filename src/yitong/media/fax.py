"""A fax machine without a line (ITU-T T.30, V.21, V.27ter, V.29, V.17): frames of 20 ms in, frames out; a TIFF (class F) is sent or made.

Nothing here waits or looks at a clock: the machine's time is the samples that went in. Whoever sends is the calling party of T.30, also
on a call that came in (fax on demand: the caller presses «start»).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from yitong.media.fax_library import ffi, library
from yitong.media.rtp import FRAME

Samples = NDArray[np.int16]
_MODEMS = 0x01 | 0x02 | 0x04
"""V.27ter, V.29, V.17."""
_COMPRESSIONS = 0x02 | 0x04 | 0x08
"""T.4 in one and two dimensions, T.6."""
_RESOLUTIONS = 0x01 | 0x02 | 0x04 | 0x20000
"""Standard, fine and superfine, 8 pixels a millimetre."""
_SIZES = 0x01 | 0x02 | 0x04 | 0x10000 | 0x20000 | 0x40000 | 0x80000 | 0x100000
"""A4, B4 and A3 wide; any length."""
_T6 = 3
_CODES = {
    0: "ok", 2: "no_fax", 3: "no_fax", 6: "cannot_train", **dict.fromkeys(range(8, 13), "incompatible"), 20: "no_answer", 21: "no_answer",
    22: "no_answer", 26: "no_carrier", 27: "no_carrier", 28: "no_carrier", **dict.fromkeys(range(41, 47), "bad_file"), 49: "call_dropped",
}  # fmt: skip
"""What operators and flows read for T.30's completion codes; any other one is ``failed``."""
_BROKEN_OFF = 49
_IDENT = 20


class FaxOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One fax to send or to receive. ``station`` is what the other side shows for us (T.30 CSI, TSI): 20 digits, pluses, spaces at most."""

    sends: bool
    file: str
    station: str = ""
    error_correction: bool = True


class FaxResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a fax ended. ``reason``: ok, no_fax, cannot_train, incompatible, no_answer, no_carrier, bad_file, call_dropped, failed;
    ``detail`` is the modem library's sentence. ``pages`` are whole ones; ``rate`` in bit/s; ``station``: the other side's name for itself.
    """

    reason: str
    pages: int
    station: str = ""
    rate: int = 0
    error_correction: bool = False
    detail: str = ""


def identity(station: str) -> str:
    """What T.30 can carry of a station's name (§5.3.6.2.4): digits, plus, space."""
    return "".join(one for one in station if (one.isdigit() and one.isascii()) or one in "+ ")[:_IDENT].strip()


class T30:
    """The T.30 engine behind a line, whichever it is. Keep it as long as its line: the library calls back into it."""

    def __init__(self, engine: Any, order: FaxOrder) -> None:
        self._engine = engine
        self._order = order
        self._code: int | None = None
        self._handler = ffi().callback("void(void *, void *, int)", self._ended)
        lib = library()
        lib.t30_set_tx_ident(engine, identity(order.station).encode())
        lib.t30_set_supported_modems(engine, _MODEMS)
        lib.t30_set_supported_compressions(engine, _COMPRESSIONS)
        lib.t30_set_supported_resolutions(engine, _RESOLUTIONS)
        lib.t30_set_supported_image_sizes(engine, _SIZES)
        lib.t30_set_ecm_capability(engine, order.error_correction)
        lib.t30_set_rx_encoding(engine, _T6)
        lib.t30_set_phase_e_handler(engine, self._handler, ffi().NULL)
        path = str(Path(order.file)).encode()
        if order.sends:
            lib.t30_set_tx_file(engine, path, -1, -1)
        else:
            lib.t30_set_rx_file(engine, path, -1)

    def _ended(self, _engine: Any, _user: Any, code: int) -> None:
        if self._code is None:
            self._code = code

    @property
    def ended(self) -> bool:
        """Whether T.30's phase E is over."""
        return self._code is not None

    def finish(self) -> FaxResult:
        """How it ended; what still goes on is broken off. The line must call this before it gives its state back."""
        lib = library()
        if self._code is None:
            lib.t30_terminate(self._engine)
        told = ffi().new("t30_stats_t *")
        lib.t30_get_transfer_statistics(self._engine, told)
        name = lib.t30_get_rx_ident(self._engine)
        code = _BROKEN_OFF if self._code is None else self._code
        return FaxResult(
            reason=_CODES.get(code, "failed"), pages=int(told.pages_tx if self._order.sends else told.pages_rx), rate=int(told.bit_rate),
            station=ffi().string(name).decode("ascii", "replace").strip() if name else "",
            error_correction=bool(told.error_correcting_mode), detail=ffi().string(lib.t30_completion_code_to_str(code)).decode(),
        )  # fmt: skip


class FaxTerminal:
    """A fax over audio (G.711). ``hear`` a frame, ``speak`` a frame, until ``ended``; ``close`` it at last. Raises ``FaxUnavailable``."""

    def __init__(self, order: FaxOrder) -> None:
        lib = library()
        self._state = lib.fax_init(ffi().NULL, order.sends)
        if self._state == ffi().NULL:
            raise MemoryError("fax_init")
        lib.fax_set_transmit_on_idle(self._state, True)
        self.t30 = T30(lib.fax_get_t30_state(self._state), order)
        self._result: FaxResult | None = None

    @property
    def ended(self) -> bool:
        """Whether the fax is over."""
        return self.t30.ended

    def hear(self, samples: Samples) -> None:
        """What came from the other side."""
        own = np.ascontiguousarray(samples, dtype=np.int16)
        library().fax_rx(self._state, ffi().cast("int16_t *", own.ctypes.data), len(own))

    def miss(self, count: int) -> None:
        """``count`` samples were lost on the way."""
        library().fax_rx_fillin(self._state, count)

    def speak(self) -> Samples:
        """The next 20 ms for the other side."""
        frame = np.zeros(FRAME, dtype=np.int16)
        library().fax_tx(self._state, ffi().cast("int16_t *", frame.ctypes.data), FRAME)
        return frame

    def close(self) -> FaxResult:
        """Break off what still goes on and give everything back; how it ended."""
        if self._result is None:
            self._result = self.t30.finish()
            library().fax_free(self._state)
        return self._result
