"""A mailbox by IMAP (RFC 3501, IDLE: RFC 2177), read without changing it until told so. Everything here blocks: call it in a thread."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted, MailMessageFlags
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError
from imap_tools.mailbox import BaseMailBox

from yitong.kit.clock import microseconds

TIMEOUT_SECONDS = 30.0
_SIZES = re.compile(rb"UID (\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_DATE = re.compile(rb'INTERNALDATE "([^"]{10,40})"')
_FAULTS = (ImapToolsError, imaplib.IMAP4.error, OSError, ValueError)


class ImapFault(Exception):
    """The server cannot be used now; ``code``: no_connection, certificate, credentials, no_folder, protocol."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}"[:200])
        self.code = code


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where, and as whom. ``security``: tls, starttls (refused without) or none; ``trusted``: PEM of whom to trust besides the system's."""

    host: str
    port: int
    security: str
    username: str
    password: str
    folder: str
    trusted: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in the folder. ``bytes``: its size; ``octets`` are all of them, or its head alone (``cut``)."""

    uid: int
    received_at: int
    octets: bytes
    cut: bool
    bytes: int


class Folder:
    """One connection to one folder. Every method raises ImapFault; after one make a new connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._box: BaseMailBox | None = None
        self.validity = 0

    def open(self) -> None:
        """Connect, sign in, select."""
        try:
            self._box = self._connected()
            self._box.login(self._server.username, self._server.password, initial_folder=None)
            self._box.folder.set(self._server.folder)
            self.validity = int(self._box.folder.status(self._server.folder, ["UIDVALIDITY"])["UIDVALIDITY"])
        except _FAULTS as error:
            self.close()
            raise _fault(error) from error

    def _connected(self) -> BaseMailBox:
        one = self._server
        if one.security == "none":
            return MailBoxUnencrypted(one.host, one.port, timeout=TIMEOUT_SECONDS)
        context = ssl.create_default_context(cadata=one.trusted or None)
        kind = MailBox if one.security == "tls" else MailBoxStartTls
        return kind(one.host, one.port, timeout=TIMEOUT_SECONDS, ssl_context=context)

    def after(self, uid: int, *, most: int, largest: int, unseen: bool = False) -> list[Found]:
        """The next ``most`` mails behind ``uid`` (``unseen``: that nobody has seen), in their order; of those over ``largest`` the head."""
        try:
            listed = self._uid("FETCH", f"{uid + 1}:*", "(UID RFC822.SIZE INTERNALDATE FLAGS)")
            looked = [one for one in listed if not (unseen and b"\\Seen" in _line(one))]
            wanted = sorted(one for one in map(_listed, looked) if one is not None and one[0] > uid)[:most]
            return [self._fetched(*one, largest) for one in wanted]
        except _FAULTS as error:
            raise _fault(error) from error

    def _fetched(self, uid: int, size: int, at: int, largest: int) -> Found:
        cut = size > largest
        answer = self._uid("FETCH", str(uid), "(BODY.PEEK[HEADER])" if cut else "(BODY.PEEK[])")
        octets = next((piece[1] for piece in answer if isinstance(piece, tuple)), b"")
        return Found(uid=uid, received_at=at, bytes=size, octets=bytes(octets), cut=cut)

    def settle(self, uids: list[int], folder: str) -> None:
        """They are kept: seen, and moved to ``folder`` where one is named."""
        names = [str(uid) for uid in uids]
        try:
            self._there.flag(names, [MailMessageFlags.SEEN], True)
            if folder:
                self._there.move(names, folder)
        except _FAULTS as error:
            raise _fault(error) from error

    def wait(self, seconds: float) -> bool:
        """Until something comes, ``seconds`` at most (IDLE); false at once where the server does not know that."""
        try:
            if "IDLE" not in self._there.client.capabilities:
                self._there.client.noop()
                return False
            self._there.idle.wait(timeout=seconds)
        except _FAULTS as error:
            raise _fault(error) from error
        return True

    def abort(self) -> None:
        """Break off, also from another thread: whoever waits for the server stops."""
        box, self._box = self._box, None
        if box is not None:
            with suppress(*_FAULTS):
                box.client.sock.shutdown(socket.SHUT_RDWR)
            with suppress(*_FAULTS):
                box.client.shutdown()

    def close(self) -> None:
        """Leave."""
        box, self._box = self._box, None
        if box is not None:
            with suppress(*_FAULTS):
                box.logout()
            with suppress(*_FAULTS):
                box.client.shutdown()

    @property
    def _there(self) -> BaseMailBox:
        if self._box is None:
            raise OSError("not connected")
        return self._box

    def _uid(self, *words: str) -> list[Any]:
        status, answer = self._there.client.uid(*words)
        if status != "OK":
            raise imaplib.IMAP4.error(str(answer)[:200])
        return list(answer)


def _line(answer: Any) -> bytes:
    line = answer[0] if isinstance(answer, tuple) else answer
    return line if isinstance(line, bytes) else b""


def _listed(answer: Any) -> tuple[int, int, int] | None:
    line = _line(answer)
    uid, size, date = _SIZES.search(line), _SIZE.search(line), _DATE.search(line)
    if uid is None or size is None or date is None:
        return None
    at = microseconds(datetime.strptime(date.group(1).decode("ascii", "replace").strip(), "%d-%b-%Y %H:%M:%S %z"))
    return int(uid.group(1)), int(size.group(1)), at


def _fault(error: BaseException) -> ImapFault:
    if isinstance(error, ssl.SSLCertVerificationError):
        return ImapFault("certificate", str(error))
    if isinstance(error, MailboxLoginError):
        return ImapFault("credentials")
    if isinstance(error, MailboxFolderSelectError):
        return ImapFault("no_folder")
    if isinstance(error, OSError):
        return ImapFault("no_connection", f"{type(error).__name__}: {error}")
    return ImapFault("protocol", f"{type(error).__name__}: {error}")
