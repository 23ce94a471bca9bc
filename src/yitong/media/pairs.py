"""Two rows heard at once (a supervisor at a talk, each of three who talk together), from their octets.

What decoding both, adding, clipping and encoding gives stands in a table of 65,536 octets for each choice of laws; a frame is 160 look-ups
in it in place of 320 in one table, a sum, and 160 in another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yitong.media import g711

Octets = NDArray[np.uint8]
_BITS = 16
"""Of the index within a table: the first row's octet above the second's."""


def _table(first: int, second: int, out: int) -> Octets:
    one, other = (g711.DECODE[256 * law : 256 * law + 256].astype(np.int32) for law in (first, second))
    total = np.clip(one[:, None] + other[None, :], -32768, 32767).astype(np.int16)
    return g711.encode(total, np.full(256, out, dtype=np.uint8)).reshape(-1)


_SUM: Octets = np.concatenate([_table(choice >> 2, choice >> 1 & 1, choice & 1) for choice in range(8)])


def add(first: Octets, second: Octets, first_law: Octets, second_law: Octets, law: Octets) -> Octets:
    """The sum of the frames ``first`` and ``second`` [n, m] in ``law`` [n]; all laws as ``g711.law_index`` has them."""
    index = first.astype(np.intp)
    index <<= 8
    index += second
    choice = (first_law << 2 | second_law << 1 | law).astype(np.intp)
    if np.count_nonzero(choice):
        index += (choice << _BITS)[:, None]
    return _SUM.take(index)
