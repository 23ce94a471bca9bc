"""Where messages begin and end: in a TCP stream (RFC 3261 §18.3, RFC 5626 §4.4.1 keep-alive) and in WebSocket frames (RFC 7118 §5)."""

from __future__ import annotations

import re

from yitong.sip.grammar import ParseError, number
from yitong.sip.message import MAXIMUM_MESSAGE

PONG = b"\r\n"
"""The answer to a keep-alive of two line ends."""

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(?:\r\n[ \t]+)?([^\r\n]*)", re.IGNORECASE)


class StreamFramer:
    """Cuts a byte stream into messages. After a ``ParseError`` the stream cannot be understood any more and must be closed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._needed = 0
        self.pongs = 0
        """Keep-alives to be answered with ``PONG``; the caller sets it back."""
        self.work = 0
        """Bytes looked at in search of a header's end: what the tests bound."""

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return len(self._buffer) > 3

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes. Raises ``ParseError`` for a message over 64 KB or without a usable Content-Length."""
        self._buffer += data
        messages: list[bytes] = []
        start = 0
        try:
            while True:
                start = self._skip_line_ends(start)
                end = self._end(start)
                if end < 0:
                    break
                messages.append(bytes(self._buffer[start:end]))
                start = end
                self._searched = self._needed = 0
        finally:
            del self._buffer[:start]
        return messages

    def _skip_line_ends(self, start: int) -> int:
        """Line ends before a message (§7.5); each pair is a keep-alive."""
        if self._needed or self._searched:
            return start
        begin = start
        while self._buffer.startswith(b"\r\n", start):
            start += 2
        self.pongs += (start - begin) // 4
        if (start - begin) % 4 and bytes(self._buffer[start : start + 2]) in (b"", b"\r"):
            start -= 2  # half a pair: the other half may come
        return start

    def _end(self, start: int) -> int:
        """Where the message that begins at ``start`` ends, -1 while it is not complete."""
        if not self._needed:
            found = self._buffer.find(b"\r\n\r\n", start + self._searched)
            self.work += (found if found >= 0 else len(self._buffer)) - start - self._searched
            if found < 0 or found == start:
                if len(self._buffer) - start > MAXIMUM_MESSAGE:
                    raise ParseError("message too long", 513)
                self._searched = max(0, len(self._buffer) - start - 3)
                return -1
            self._needed = found + 4 - start + content_length(bytes(self._buffer[start : found + 2]))
            if self._needed > MAXIMUM_MESSAGE:
                raise ParseError("message too long", 513)
        end = start + self._needed
        return end if len(self._buffer) >= end else -1


def content_length(head: bytes) -> int:
    """The length that a header block names: exactly one value, as a stream must have it (§20.14). Raises ``ParseError``."""
    values = {value.strip() for value in _LENGTH.findall(head)}
    if len(values) != 1:
        raise ParseError("no single Content-Length in a stream")
    return number(values.pop().decode("ascii", "replace"))
