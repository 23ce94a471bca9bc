"""A table of whole numbers with a line for each row, made for reading and writing some rows' lines at once.

What every packet of a row touches stands in one line, so that it is one line of the processor's cache as well; gathering and scattering
lines as opaque blocks takes a quarter of what it takes as two-dimensional arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]


class Lines:
    """``rows`` lines of ``columns`` numbers, 0 at first. ``column`` is a view of one column."""

    def __init__(self, rows: int, columns: int) -> None:
        self._columns = columns
        self._kind = np.dtype(f"V{8 * columns}")
        self.all = np.zeros((rows, columns), dtype=np.int64)
        self._blocks = self.all.view(self._kind)[:, 0]

    def column(self, number: int) -> Longs:
        """All of one column; writing to it writes the table."""
        return self.all[:, number]

    def read(self, rows: NDArray[np.intp]) -> Longs:
        """A copy of the lines of ``rows`` [n, columns]."""
        return self._blocks[rows].view(np.int64).reshape(-1, self._columns)

    def write(self, rows: NDArray[np.intp], lines: Longs) -> None:
        """Put lines back that ``read`` gave."""
        self._blocks[rows] = lines.view(self._kind)[:, 0]
