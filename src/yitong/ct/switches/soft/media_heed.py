"""Which rows are listened to. Of one that nobody listens to (a supervisor who only listens, a hearer of a conference, a caller who hears
music) one packet in eight is read, as long as that lasts; when somebody listens again, all are, at once.
"""

from __future__ import annotations

from yitong.ct.switches.soft.media_fax import Faxes
from yitong.ct.switches.soft.media_filter import Filter
from yitong.ct.switches.soft.media_record import Recordings
from yitong.ct.switches.soft.media_reports import STEPS_PER_SECOND, Reports
from yitong.ct.switches.soft.media_row import Row
from yitong.media.plane import Plane

_SURE_LOOKS = 2
"""Looks (one a second) at which nobody listened, before packets are left out: a call that is set up is left alone."""
_SILENT_SECONDS = 1.0


class Heed:
    """Eases rows, and heeds them again."""

    def __init__(self, plane: Plane, recordings: Recordings, faxes: Faxes, reports: Reports) -> None:
        self._plane = plane
        self._recordings = recordings
        self._faxes = faxes
        self._reports = reports
        self._filter = Filter()

    def heed(self, row: Row) -> None:
        """Somebody is about to listen to the row: all of it from now on."""
        row.unheard_looks = 0
        if row.eased:
            row.eased = False
            self._plane.heed(row.index)
            if row.rtp is not None:
                self._filter.detach(row.rtp)

    def review(self, rows: dict[int, Row], step: int) -> None:
        """Look at every row once a second, spread over the steps."""
        for index in range(step % STEPS_PER_SECOND, self._plane.capacity, STEPS_PER_SECOND):
            row = rows.get(index)
            if row is None or row.rtp is None:
                continue
            if self._is_heard(row):
                self.heed(row)
            elif not row.eased:
                self._ease(row)
            elif self._reports.silent_seconds(row) > _SILENT_SECONDS:
                row.irregular = True  # it has fallen silent, or its sequence numbers are no count: read whatever comes
                self.heed(row)

    def _is_heard(self, row: Row) -> bool:
        index = row.index
        return (
            bool(self._plane.matrix.heard_by.get(index)) or self._plane.listens(index) or self._recordings.records(row.port)
            or row.taking is not None or row.judged or row.image or self._faxes.runs(row)
        )  # fmt: skip

    def _ease(self, row: Row) -> None:
        row.unheard_looks += 1
        if row.unheard_looks >= _SURE_LOOKS and row.connected and not row.irregular and row.rtp is not None:
            row.eased = self._filter.attach(row.rtp)
            if row.eased:
                self._plane.ease(row.index)
