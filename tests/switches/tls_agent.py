"""A telephone that signals over TLS, and seals its speech when it is told to."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time

from tests.switches.agents import SDP, Agent

from yitong.ct.switches.soft.media_srtp import from_description
from yitong.sip import negotiation
from yitong.sip.core import Flow, Settings
from yitong.sip.endpoint import Endpoint
from yitong.sip.sdp import Session, parse


class Stream(asyncio.Protocol):
    def __init__(self, owner: TlsAgent) -> None:
        self._owner = owner

    def data_received(self, data: bytes) -> None:
        self._owner.endpoint.receive(data, self._owner.flow, time.monotonic())
        self._owner.pump()


class TlsAgent(Agent):
    """``server``: where the switch listens for TLS; its certificate is not looked at."""

    async def open(self) -> TlsAgent:
        await super().open()
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        stream, _ = await asyncio.get_running_loop().create_connection(lambda: Stream(self), *self.server, ssl=context)
        self._stream = stream
        self.flow = Flow("tls", "tls", *self.server)
        port = int(stream.get_extra_info("sockname")[1])
        self.endpoint = Endpoint(Settings(host=self.bind, ports={"tls": port}, user_agent="suite"), lambda: secrets.token_hex(8))
        return self

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.host}:{self.endpoint.core.settings.ports['tls']};transport=tls>"

    def _transmit(self, data: bytes, flow: Flow) -> None:
        self._stream.write(data)

    @property
    def offered(self) -> Session:
        """What its last INVITE offered."""
        return parse(self.invitations[-1].body)

    def pick_up(self) -> None:
        assert self.ringing is not None
        _, remote = negotiation.make_answer(self.offered, self._local)
        if remote.suite:
            self.rtp.srtp = from_description(remote.suite, remote.their_key, remote.our_key)
        super().pick_up()

    def call_without_offer(self, number: str) -> None:
        """Whoever answers is to make the offer (RFC 3261 §13.2.1)."""
        to, from_ = f"<sip:{number}@{self.domain}>", f"<sip:{self.user}@{self.host}>"
        self.invite = self.endpoint.request(
            "INVITE", f"sip:{number}@{self.domain}:{self.server[1]}", self.flow, time.monotonic(), from_=from_, to=to,
            headers=[("Contact", self.contact), ("Accept", SDP)],
        )  # fmt: skip
        self.pump()

    def close(self) -> None:
        super().close()
        self._stream.abort()
