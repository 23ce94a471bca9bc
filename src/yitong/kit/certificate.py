"""The certificate of HTTPS and WSS: TLS 1.2 at least, renewed while we run.

A certificate is renewed every few weeks by a tool of the operator's that writes the files anew. Whoever listens keeps one ``ServerContext``
and lets ``follow`` run beside: new connections get the new certificate, those that are there keep theirs, no call is touched.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

from yitong.kit.clock import Clock

SECONDS = 5.0
"""How often the files are looked at."""

_log = structlog.get_logger("yitong.certificate")
_Seen = tuple[tuple[int, int, int], ...]


class ServerContext:
    """The TLS context of a listener. ``certificate`` is a PEM chain, ``key`` its PEM key. Raises OSError (``ssl.SSLError`` is one) when
    they cannot be used, or do not belong together.
    """

    def __init__(self, certificate: str, key: str) -> None:
        self._files = (certificate, key)
        self._seen = self._look()
        self._refused: _Seen | None = None
        self.context = self._load(_empty())

    async def follow(self, clock: Clock) -> None:
        """Take a changed pair of files into use, for ever."""
        while True:
            await clock.sleep(SECONDS)
            self.renew()

    def renew(self) -> bool:
        """Take the files into use when they changed; whether that was done. A pair that cannot be used is said and the old one stays."""
        try:
            seen = self._look()
        except OSError:
            return False  # being replaced just now
        if seen in (self._seen, self._refused):
            return False
        try:
            self._load(_empty())  # half a pair in the real context would leave it without any
            self._load(self.context)
        except OSError as error:
            self._refused = seen
            _log.warning("the changed certificate cannot be used, the old one stays", certificate=self._files[0], error=str(error))
            return False
        self._seen = seen
        _log.info("certificate renewed", certificate=self._files[0])
        return True

    def _look(self) -> _Seen:
        stats = [Path(file).stat() for file in self._files]
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in stats)

    def _load(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.load_cert_chain(*self._files, password="")  # a key that wants a password is refused, not asked for at the terminal
        return context


def _empty() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
