"""A fax machine on a SIP line: T.30 over G.711, and T.38 when it is offered or wanted, over datagrams that may be lost."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from tests.switches.agents import SDP, Agent, Rtp

from yitong.media import fax_page, g711, rtp
from yitong.media.fax import FaxOrder, FaxResult, FaxTerminal
from yitong.media.fax_ear import FaxEar
from yitong.media.fax_t38 import T38Terminal
from yitong.sip import image, negotiation
from yitong.sip.events import RequestReceived, ResponseReceived
from yitong.sip.negotiation import Local
from yitong.sip.sdp import Session, parse

_FLUSH = 10


def page(path: Path, seed: int = 1) -> Image.Image:
    """A page that is sent in some seconds."""
    chance = random.Random(seed)
    made = Image.new("1", (fax_page.WIDTH, fax_page.HEIGHT), 1)
    draw = ImageDraw.Draw(made)
    draw.text((120, 120), f"一通 传真 {seed}", font=fax_page.font(60), fill=0)
    for _ in range(40):
        x, y = chance.randrange(1_500), chance.randrange(200, 2_200)
        draw.rectangle((x, y, x + chance.randrange(1, 200), y + chance.randrange(1, 60)), fill=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    fax_page.save([made], path)
    return made


def same(path: Path, sent: Image.Image) -> bool:
    """Whether a file is one page, point by point the one that was sent."""
    with Image.open(path) as came:
        return came.n_frames == 1 and came.size == sent.size and came.convert("1").tobytes() == sent.tobytes()  # type: ignore[attr-defined]


class FaxRtp(Rtp):
    """The modem's side of the line."""

    def __init__(self, order: FaxOrder, loss: float) -> None:
        super().__init__()
        self.order, self.loss = order, loss
        self.ear = FaxEar()
        self.terminal: FaxTerminal | T38Terminal = FaxTerminal(order)
        self.result: FaxResult | None = None
        self.started = True
        """False: somebody listens and speaks first, and presses start later."""
        self._chance = random.Random(11)

    def _arrives(self) -> bool:
        return self._chance.random() >= self.loss

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.result is not None or not self.started:
            return
        if isinstance(self.terminal, T38Terminal):
            if self._arrives():
                self.terminal.receive(data)
            return
        packet = rtp.parse(data)
        if packet is not None and packet.payload_type in (0, 8):
            self._hear(self.terminal, self.ear.put(packet))

    def _hear(self, terminal: FaxTerminal, heard: list) -> None:  # type: ignore[type-arg]
        for samples, missing in heard:
            if samples is not None:
                terminal.hear(samples)
            else:
                terminal.miss(missing)

    def goes_over(self, target: tuple[str, int]) -> None:
        """T.38 from now on."""
        self.terminal.close()
        self.terminal = T38Terminal(self.order)
        self.talk(target)

    async def _talk(self) -> None:
        begun, turn, flush = time.monotonic(), 0, _FLUSH
        while flush:
            self._turn()
            turn += 1
            flush -= self.terminal.ended
            await asyncio.sleep(max(0.0, begun + turn * 0.02 - time.monotonic()))
        self.result = self.terminal.close()

    def _turn(self) -> None:
        terminal = self.terminal
        if not self.started:
            if self.sending:
                self._send(self.codec, self.frame, self._timestamp)
            self._timestamp += 160
            return
        if isinstance(terminal, T38Terminal):
            for datagram in terminal.tick():
                if self._arrives() and self.transport is not None and not self.transport.is_closing():
                    self.transport.sendto(datagram, self.target)
            return
        self._hear(terminal, self.ear.tick())
        law = np.array([g711.law_index(self.codec)], dtype=np.uint8)
        self._send(self.codec, g711.encode(terminal.speak()[None], law)[0].tobytes(), self._timestamp)
        self._timestamp += 160

    def close(self) -> None:
        super().close()
        self.result = self.result or self.terminal.close()


class FaxMachine(Agent):
    """A line with a modem. ``t38``: takes T.38 when offered; ``offers``: offers it by itself, as a receiver does."""

    def __init__(
        self, user: str, server: tuple[str, int], order: FaxOrder, *, t38: bool = True, loss: float = 0.0, password: str = ""
    ) -> None:
        super().__init__(user, server)
        self.modem = FaxRtp(order, loss)
        self.rtp = self.modem
        self.t38 = t38
        self.changes: list[str] = []
        """What the line was changed to by re-INVITEs: image, audio, refused."""

    def _request(self, event: RequestReceived) -> None:
        if event.request.method != "INVITE" or event.dialog is None or not event.request.body:
            super()._request(event)
            return
        offer, now = parse(event.request.body), time.monotonic()
        if image.wants_image(offer) and not self.t38:
            self.changes.append("refused")
            self.endpoint.respond(event.transaction, 488, now)
            return
        self.endpoint.respond(event.transaction, 200, now, body=self._answer(offer).encode(), content_type=SDP)

    def _answer(self, offer: Session) -> Session:
        self._local = next_version(self._local)
        if image.wants_image(offer):
            self.changes.append("image")
            answer, theirs = image.make_answer(offer, self._local)
            self.modem.goes_over((theirs.address, theirs.port))
            return answer
        self.changes.append("audio")
        return negotiation.make_answer(offer, self._local)[0]

    def offer_t38(self) -> None:
        """Ask for T.38."""
        assert self.dialog is not None
        self._local = next_version(self._local)
        body = image.make_offer(self._local).encode()
        self.endpoint.request_in_dialog(self.dialog, "INVITE", time.monotonic(), body=body, content_type=SDP)
        self.pump()

    def _connected(self, event: ResponseReceived) -> None:
        answer = parse(event.response.body)
        if event.dialog is None or not image.wants_image(answer):
            super()._connected(event)
            return
        self.endpoint.ack(event.transaction, event.dialog, time.monotonic())
        self.changes.append("image")
        theirs = image.accept_answer(answer, self._local)
        self.modem.goes_over((theirs.address, theirs.port))


def next_version(local: Local) -> Local:
    return Local(address=local.address, rtp_port=local.rtp_port, session=local.session, version=local.version + 1)
