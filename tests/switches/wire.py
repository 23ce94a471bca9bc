"""Raw SIP for the tests of what strangers may do: hand-written requests, and the answers as they come."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time

from yitong.sip.digest import Credentials, authorize
from yitong.sip.message import Request, Response, parse

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
)


class Wire:
    """A UDP socket at ``address`` that talks to the switch by hand."""

    def __init__(self, server: tuple[str, int], address: str = "127.0.0.1") -> None:
        self.server, self.address = server, address
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 0))
        self.sock.setblocking(False)
        self.port = int(self.sock.getsockname()[1])

    def build(
        self, method: str, uri: str = "", *, user: str = "stranger", to: str = "", call_id: str = "", cseq: int = 1, to_tag: str = "",
        tag: str = "t1", headers: tuple[str, ...] = (), body: str = "", branch: str = "", via: str = "",
    ) -> bytes:  # fmt: skip
        """A request; ``uri`` is a user part or a whole URI."""
        target = uri if uri.startswith("sip:") else f"sip:{uri}@{self.server[0]}:{self.server[1]}" if uri else f"sip:{self.server[0]}"
        lines = [
            f"{method} {target} SIP/2.0",
            via or f"Via: SIP/2.0/UDP {self.address}:{self.port};branch={branch or 'z9hG4bK' + secrets.token_hex(6)};rport",
            "Max-Forwards: 70",
            f"From: <sip:{user}@{self.address}>;tag={tag}",
            f"To: <{to or target}>{';tag=' + to_tag if to_tag else ''}",
            f"Call-ID: {call_id or secrets.token_hex(8)}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{user}@{self.address}:{self.port}>",
            *headers,
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, self.server)

    async def receive(self, seconds: float = 2.0) -> Response | Request | None:
        """The next message, or None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                return parse(self.sock.recv(65536))
            except BlockingIOError:
                await asyncio.sleep(0.003)
        return None

    async def final(self, seconds: float = 3.0) -> Response | None:
        """The next final answer; requests (OPTIONS of the switch) are passed over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = await self.receive(max(0.01, end - time.monotonic()))
            if isinstance(message, Response) and message.status >= 200:
                return message
        return None

    async def ask(self, method: str, uri: str = "", **fields: object) -> Response | None:
        """Send a request and wait for its final answer."""
        self.send(self.build(method, uri, **fields))  # type: ignore[arg-type]
        return await self.final()

    async def authorized(self, method: str, uri: str, username: str, password: str, **fields: object) -> tuple[Response | None, bytes]:
        """Ask, answer the challenge, and return the final answer and the request that carried the credentials."""
        data = self.build(method, uri, **fields)  # type: ignore[arg-type]
        self.send(data)
        challenge = await self.final()
        assert challenge is not None
        request = parse(data)
        assert isinstance(request, Request)
        if method == "INVITE":
            self.send(self.ack(request, challenge))
        header = authorize(request, challenge, Credentials(username, password), secrets.token_hex(4))
        assert header is not None
        again = self.build(method, uri, **{**fields, "headers": (*fields.get("headers", ()), f"{header[0]}: {header[1]}"), "cseq": 2})  # type: ignore[misc, arg-type]
        self.send(again)
        return await self.final(), again

    def ack(self, request: Request, response: Response) -> bytes:
        lines = [f"ACK {request.uri_text} SIP/2.0", f"Via: {request.need('Via')}", f"From: {request.need('From')}"]
        lines += [f"To: {response.need('To')}", f"Call-ID: {request.call_id}", f"CSeq: {request.cseq.number} ACK", "Content-Length: 0"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def close(self) -> None:
        self.sock.close()
