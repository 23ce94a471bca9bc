"""An operator's side of a trunk: a user agent that also challenges, refuses, is overloaded or says nothing at all."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from typing import cast

from tests.switches.agents import SDP, Agent

from yitong.sip import negotiation
from yitong.sip.core import Flow, Settings
from yitong.sip.digest import Account, Authenticator, Verdict, ha1
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import RequestReceived


class Gateway(Agent):
    """``answers``: a status for every INVITE instead of ringing. ``silent``: it hears and says nothing. ``line``: user name and password
    that it asks for; ``grants``: for how long it registers, 0: as asked.
    ``stale``: it calls every nonce stale."""

    def __init__(self, user: str, server: tuple[str, int], bind: str = "127.0.0.1") -> None:
        super().__init__(user, server, bind=bind)
        self.answers = 0
        self.headers: list[tuple[str, str]] = []
        self.silent = False
        self.line = ("", "")
        self.grants = 0
        self.stale = False
        self.registrations: list[str] = []
        self.datagrams: list[bytes] = []
        self.challenged = 0
        self._door = Authenticator("operator", secrets.token_bytes(32), lambda: secrets.token_hex(8))

    @property
    def port(self) -> int:
        return int(self.endpoint.core.settings.ports["udp"])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.datagrams.append(data)
        if not self.silent:
            super().datagram_received(data, addr)

    def bring(self, calling: str, called: str) -> None:
        """Somebody in the public network dials; we pass it on to who registered the line."""
        self.released, self.dialog = False, None
        self.invite = self.endpoint.request(
            "INVITE", self.registrations[-1].partition(">")[0].lstrip("<"), self.flow, time.monotonic(),
            from_=f"<sip:{calling}@operator.example>", to=f"<sip:{called}@{self.domain}>", headers=[("Contact", self.contact)],
            body=negotiation.make_offer(self._local).encode(), content_type=SDP,
        )  # fmt: skip
        self.pump()

    def heard(self, method: str) -> list[bytes]:
        """What came, sent again ones and all."""
        return [data for data in self.datagrams if data.startswith(method.encode() + b" ")]

    def _request(self, event: RequestReceived) -> None:
        method = event.request.method
        proxy = method != "REGISTER"
        if self.line[0] and method in ("INVITE", "REGISTER", "BYE") and not self._admitted(event, proxy):
            self.challenged += 1
            name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
            values = self._door.challenges(event.flow.host, time.monotonic(), stale=self.stale)
            self.endpoint.respond(event.transaction, 407 if proxy else 401, time.monotonic(), headers=[(name, value) for value in values])
        elif method == "REGISTER":
            contact = event.request.get("Contact") or ""
            self.registrations.append(contact)
            seconds = self.grants or int(event.request.get("Expires") or 300)
            headers = [("Contact", f"{contact};expires={seconds}")]
            self.endpoint.respond(event.transaction, 200, time.monotonic(), headers=headers)
        elif method == "INVITE" and self.answers and event.dialog is None:
            self.invitations.append(event.request)
            self.endpoint.respond(event.transaction, self.answers, time.monotonic(), headers=self.headers)
        else:
            super()._request(event)

    def _admitted(self, event: RequestReceived, proxy: bool) -> bool:
        user, password = self.line
        account = Account(user, ha1("MD5", user, "operator", password), ha1("SHA-256", user, "operator", password))
        checked = self._door.check(
            event.request, event.flow.host, lambda name: account if name == user else None, time.monotonic(), proxy=proxy
        )
        return checked.verdict is Verdict.OK and not self.stale


class _Stream(asyncio.Protocol):
    """One connection to a gateway over TCP."""

    def __init__(self, owner: StreamGateway) -> None:
        self._owner = owner
        self._peer = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._peer = transport.get_extra_info("peername")[:2]
        self._owner.streams[self._peer] = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._owner.datagrams.append(data)
        self._owner.endpoint.receive(data, Flow(self._owner.kind, str(self._peer), *self._peer), time.monotonic())
        self._owner.pump()


class StreamGateway(Gateway):
    """A gateway that is called over TCP, or with ``tls`` over TLS."""

    def __init__(self, user: str, server: tuple[str, int]) -> None:
        super().__init__(user, server)
        self.streams: dict[tuple[str, int], asyncio.Transport] = {}
        self.tls: ssl.SSLContext | None = None
        self._server: asyncio.Server | None = None

    async def open(self) -> StreamGateway:
        await super().open()
        self._server = await asyncio.get_running_loop().create_server(lambda: _Stream(self), self.bind, 0, ssl=self.tls)
        port = int(self._server.sockets[0].getsockname()[1])
        self.endpoint = Endpoint(Settings(host=self.bind, ports={self.kind: port}, user_agent="suite"), lambda: secrets.token_hex(8))
        return self

    @property
    def port(self) -> int:
        return int(self.endpoint.core.settings.ports[self.kind])

    @property
    def kind(self) -> str:
        """Its transport."""
        return "tcp" if self.tls is None else "tls"

    def _transmit(self, data: bytes, flow: Flow) -> None:
        self.streams[flow.host, flow.port].write(data)

    def close(self) -> None:
        super().close()
        for stream in self.streams.values():
            stream.abort()
        if self._server is not None:
            self._server.close()
