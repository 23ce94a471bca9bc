"""``Idempotency-Key`` on POST: the same key and request get the same answer, once done (reliability L1).

Answers are kept for a day in a bucket of NATS, not in PostgreSQL, because an agent's hang-up must work while PostgreSQL is away. They may
hold tokens and SIP secrets, so each is sealed with a key made from the request itself: only who can repeat the request can read it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yitong.kit import once
from yitong.kit.clock import SECOND, Clock
from yitong.kit.nats import OUTAGES, Bucket, Nats
from yitong.web.problems import problem

BUCKET = "idempotency"
LARGEST_ANSWER = 512 * 1024
ABANDONED = 30 * SECOND
"""After this long without an answer who had the request is taken for dead, and it is done again. Was he only slow, ``kit/once.py`` lets
one of the two change things."""
_KEY = re.compile(r"[\x21-\x7e]{1,200}\Z")
_BOUNDARY = re.compile(rb'boundary="?([^";,\s]{1,100})')
_NOT_KEPT = frozenset({401, 408, 409, 425, 429})
_NONCE = 12


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was begun (``sealed`` empty) or answered."""

    request: bytes
    begun_at: int
    sealed: bytes = b""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it went out."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Idempotency:
    """The middleware, behind the body limit."""

    def __init__(self, app: ASGIApp, nats: Nats, clock: Clock) -> None:
        self._app = app
        self._nats = nats
        self._clock = clock
        self._bucket: Bucket | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is not a POST with a key."""
        request = Request(scope) if scope["type"] == "http" and scope["method"] == "POST" else None
        given = request.headers.get("idempotency-key") if request else None
        if request is None or given is None:
            await self._app(scope, receive, send)
            return
        if not _KEY.match(given):
            await problem(request, "idempotency_key_invalid")(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        await self._once(request, given, body, send)

    async def _once(self, request: Request, given: str, body: bytes, send: Send) -> None:
        scope, again = request.scope, _again(body)
        who = request.headers.get("authorization") or (request.client.host if request.client else "")
        name = hashlib.sha256(f"{who}\0{scope['path']}\0{given}".encode()).hexdigest()
        print_ = _fingerprint(request, body)
        secret = hashlib.sha256(b"yitong answer\0" + f"{who}\0{given}\0".encode() + print_).digest()
        try:
            code, answered, revision = await self._begin(name, print_, secret)
        except OUTAGES:
            await problem(request, "bus_unavailable")(scope, again, send)
            return
        if answered is not None:
            await _send(answered, send)
            return
        if code:
            await problem(request, code)(scope, again, send)
            return
        await self._do(scope, again, send, name, print_, secret, revision)

    async def _begin(self, name: str, print_: bytes, secret: bytes) -> tuple[str, Answered | None, int]:
        """Take the key: a refusal's code, the answer kept, or neither: it is ours to do, and this is the entry's revision."""
        bucket, now = await self._kept(), self._clock.now()
        mine = msgspec.msgpack.encode(Kept(request=print_, begun_at=now))
        if revision := await bucket.put_if(name, mine, 0):
            return "", None, revision
        entry = await bucket.get(name)
        kept = msgspec.msgpack.decode(entry.value, type=Kept) if entry is not None and entry.value else None
        if kept is None or entry is None:
            return "idempotency_in_progress", None, 0
        if not secrets.compare_digest(kept.request, print_):
            return "idempotency_mismatch", None, 0
        if kept.sealed:
            return "", _open(kept.sealed, secret), 0
        if now - kept.begun_at > ABANDONED and (revision := await bucket.put_if(name, mine, entry.revision)):
            return "", None, revision
        return "idempotency_in_progress", None, 0

    async def _do(self, scope: Scope, receive: Receive, send: Send, name: str, print_: bytes, secret: bytes, revision: int) -> None:
        status, headers, parts = 500, list[tuple[bytes, bytes]](), list[bytes]()

        async def keep(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], [(bytes(key), bytes(value)) for key, value in message["headers"]]
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            await send(message)

        try:
            with once.under(name):
                await self._app(scope, receive, keep)
        finally:
            body = b"".join(parts)
            worth = status < 500 and status not in _NOT_KEPT and len(body) <= LARGEST_ANSWER
            answered = Answered(status=status, headers=headers, body=body) if worth else None
            await asyncio.shield(self._finish(name, print_, secret, answered, revision))

    async def _finish(self, name: str, print_: bytes, secret: bytes, answered: Answered | None, revision: int) -> None:
        try:
            bucket = await self._kept()
            if answered is None:
                entry = await bucket.get(name)
                if entry is not None and entry.revision == revision:  # else somebody slower than us has answered it after all
                    await bucket.delete(name)
            else:
                kept = Kept(request=print_, begun_at=self._clock.now(), sealed=_seal(answered, secret))
                await bucket.put(name, msgspec.msgpack.encode(kept))
        except OUTAGES:
            return  # the entry says "begun" and is given up after some seconds

    async def _kept(self) -> Bucket:
        if not self._nats.connected:
            raise TimeoutError("nats is away")
        if self._bucket is None:
            self._bucket = await self._nats.bucket(BUCKET)
        return self._bucket


def _fingerprint(request: Request, body: bytes) -> bytes:
    """What must be equal for a request to be the same one; a form's boundary, which every sending makes anew, is left out."""
    boundary = _BOUNDARY.search(request.headers.get("content-type", "").encode())
    if boundary is not None:
        body = body.replace(boundary.group(1), b"")
    return hashlib.sha256(request.scope["query_string"] + b"\0" + body).digest()


def _seal(answered: Answered, secret: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + ChaCha20Poly1305(secret).encrypt(nonce, msgspec.msgpack.encode(answered), None)


def _open(sealed: bytes, secret: bytes) -> Answered | None:
    try:
        plain = ChaCha20Poly1305(secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
    except InvalidTag:
        return None
    return msgspec.msgpack.decode(plain, type=Answered)


async def _read(receive: Receive) -> bytes | None:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes) -> Receive:
    """A ``receive`` that gives the body once more."""
    waiting = [body]

    async def receive() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    return receive


async def _send(answered: Answered, send: Send) -> None:
    headers = [*answered.headers, (b"idempotency-replayed", b"true")]
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    await send({"type": "http.response.body", "body": answered.body})
