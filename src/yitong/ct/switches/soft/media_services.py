"""Playing and collecting on rows: prompts, keys, time-outs."""

from __future__ import annotations

from collections.abc import Callable

from yitong.ct.switches.soft.media_messages import (
    MediaCollect,
    MediaCollected,
    MediaDigit,
    MediaEvent,
    MediaMessage,
    MediaPlay,
    MediaPlayed,
)
from yitong.ct.switches.soft.media_prompts import Prompts
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_taking import Messages
from yitong.media.collect import Collector, Rules
from yitong.media.plane import Plane
from yitong.media.player import Piece

Answer = Callable[[str], None]
"""Gets "" when the prompts are there, else the refusal's reason."""


class Services:
    """Play and PlayCollect. ``tell`` gets the events; ``now`` is in seconds."""

    def __init__(
        self, plane: Plane, prompts: Prompts, messages: Messages, tell: Callable[[MediaEvent], None], monotonic: Callable[[], float]
    ) -> None:
        self._plane = plane
        self._prompts = prompts
        self._tell = tell
        self._now = monotonic
        self._messages = messages
        self._collecting: dict[Row, Collector] = {}

    def play(self, row: Row, request: MediaPlay, answer: Answer) -> None:
        """Play when the prompts are loaded; what played before ends now."""
        self.stop(row)
        row.tag_id = request.tag_id
        self._plane.fax_tones.begin(row.index)

        def ready(pieces: tuple[Piece, ...] | None) -> None:
            if pieces is None:
                answer("no_such_file")
                if row.tag_id == request.tag_id:
                    row.tag_id = ""
                return
            answer("")
            if row.tag_id == request.tag_id:
                self._begin(row, request.tag_id, pieces, request.loop)
            else:
                self._tell(MediaPlayed(port=row.port, tag_id=request.tag_id, completed=False))

        self._prompts.ask(request.prompts, ready)

    def _begin(self, row: Row, tag_id: str, pieces: tuple[Piece, ...], loop: bool) -> None:
        row.playing_tag = tag_id
        self._plane.player.start(row.index, pieces, loop)
        if not self._plane.player.playing[row.index]:
            self.play_ended(row)

    def collect(self, row: Row, request: MediaCollect) -> None:
        """Play prompts, gather keys; keys pressed before count unless ``discard``."""
        self.stop(row)
        rules = Rules(
            request.minimum, max(1, request.maximum), request.terminators, request.first_seconds, request.between_seconds, request.barge_in
        )
        collector = Collector(rules)
        row.tag_id, row.collector = request.tag_id, collector
        self._collecting[row] = collector
        self._plane.fax_tones.begin(row.index)
        if request.discard:
            row.ahead.take()
        self._feed(row, collector)
        if collector.result is None and request.prompts and not collector.digits:
            self._prompts.ask(request.prompts, lambda pieces: self._prompt_collect(row, collector, pieces))
        else:
            collector.prompts_ended(self._now())
        self._settle(row, collector)

    def take(self, row: Row, request: MediaMessage) -> None:
        """Play the prompts, then record a message."""
        self.stop(row)
        row.tag_id, row.taking = request.tag_id, request
        if request.prompts:
            self._prompts.ask(request.prompts, lambda pieces: self._prompt_message(row, request, pieces))
        else:
            self._messages.begin(row)

    def _prompt_message(self, row: Row, request: MediaMessage, pieces: tuple[Piece, ...] | None) -> None:
        if row.taking is not request:
            return
        if pieces is None:
            self._messages.end(row, "prompt_missing")
        else:
            self._begin(row, "", pieces, False)

    def _prompt_collect(self, row: Row, collector: Collector, pieces: tuple[Piece, ...] | None) -> None:
        if row.collector is not collector or collector.result is not None:
            return
        if pieces is None:
            collector.stop("prompt_missing")
        elif not collector.digits:
            self._begin(row, "", pieces, False)
        self._settle(row, collector)

    def _feed(self, row: Row, collector: Collector) -> None:
        """Type-ahead into the collection; what it does not need stays."""
        keys = row.ahead.take()
        used = 0
        while used < len(keys) and collector.press(keys[used], self._now()):
            used += 1
        row.ahead.put_back(keys[used:])

    def press(self, row: Row, key: str, way: str = "audio") -> None:
        """A key came from the row; ``way``: audio (event or tone) or signalling."""
        if not row.presses.counts(key, way, self._now()):
            return
        if self._messages.wants(row, key):
            self._plane.player.stop(row.index)
            self._messages.end(row, "key")
            return
        collector = row.collector
        if collector is not None and collector.press(key, self._now()):
            if collector.stops_prompts:
                self._plane.player.stop(row.index)
            self._settle(row, collector)
            return
        if collector is None and self._messages.hushed(row):
            return
        row.ahead.add(key)
        if collector is None:
            self._tell(MediaDigit(port=row.port, digit=key))

    def play_ended(self, row: Row) -> None:
        """The list that played in the row is through."""
        if row.taking is not None:
            self._messages.begin(row)
        elif row.collector is not None:
            row.collector.prompts_ended(self._now())
            self._feed(row, row.collector)
            self._settle(row, row.collector)
        elif row.playing_tag:
            tag_id, row.playing_tag, row.tag_id = row.playing_tag, "", ""
            self._tell(MediaPlayed(port=row.port, tag_id=tag_id, completed=True))

    def stop(self, row: Row, why: str = "stopped") -> None:
        """Stop what plays, collects or takes a message."""
        self._plane.player.stop(row.index)
        self._messages.end(row, why)
        if row.collector is not None:
            row.collector.stop()
            self._settle(row, row.collector)
        if row.playing_tag:
            tag_id, row.playing_tag = row.playing_tag, ""
            self._tell(MediaPlayed(port=row.port, tag_id=tag_id, completed=False))
        row.tag_id = ""

    def time_out(self) -> None:
        """Look at all deadlines; once in 20 ms."""
        now = self._now()
        for row, collector in list(self._collecting.items()):
            if collector.deadline is not None:
                collector.time_out(now)
                self._settle(row, collector)

    def _settle(self, row: Row, collector: Collector) -> None:
        """A collection that has its result ends."""
        if collector.result is None or row.collector is not collector:
            return
        tag_id, row.tag_id, row.collector = row.tag_id, "", None
        self._collecting.pop(row, None)
        self._plane.player.stop(row.index)
        self._tell(MediaCollected(port=row.port, tag_id=tag_id, digits=collector.result.digits, reason=collector.result.reason))
