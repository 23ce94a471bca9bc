"""An operator's words to the processes of a node: drain, go on, leave, restart; by request over NATS on ``operate.{process}.{node}``.

A draining switch takes no new call, and proxies turn elsewhere (503 to INVITE and OPTIONS, with Retry-After); what runs goes on.
``yitong drain`` waits until nothing runs, then has the node leave; ``yitong upgrade`` restarts what ``yitong run`` runs, one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from yitong.kit.clock import Clock
from yitong.kit.nats import OUTAGES, Nats

SPARE = "spare"
"""The process that has imported everything and takes the place of the next that ends (``app/reserve.py``)."""
NOBODY = "No switch of this node answers. 本节点没有交换机应答。"
ASK_SECONDS = 1.0
ALONE = 3.0
"""For so long nobody has to answer before it is believed that nobody is there."""
_AWAY: tuple[type[Exception], ...] = (*OUTAGES, msgspec.MsgspecError)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """``look`` changes nothing. ``name``: which child the supervisor restarts."""

    act: Literal["look", "drain", "go_on", "leave", "restart"]
    name: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the asked one stands: ``busy`` counts what must end before it can leave; ``children`` of a supervisor, with their states."""

    draining: bool = False
    busy: int = 0
    children: dict[str, str] = {}
    pids: dict[str, int] = {}


def subject(process: str, node: str) -> str:
    """Where a process of a node is asked."""
    return f"operate.{process}.{node.replace('.', '-')}"


class Operator:
    """The asking side. ``say`` prints a line for the operator."""

    def __init__(self, nats: Nats, node: str, clock: Clock, say: Callable[[str], None]) -> None:
        self._nats = nats
        self._node = node
        self._clock = clock
        self._say = say

    async def ask(self, process: str, order: Order) -> Standing | None:
        """The answer; None when nobody answers."""
        try:
            found: Standing = await self._nats.request(subject(process, self._node), order, Standing, seconds=ASK_SECONDS)
        except _AWAY:
            return None
        return found

    async def drain(self, seconds: float, *, stay: bool) -> int:
        """Let no new call in, wait until the calls have ended or the time is over, then have the node leave. Exit code 0: all ended."""
        end, last, silent_since = self._clock.monotonic() + seconds, -1, self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            standing = await self.ask("switch", Order(act="drain"))  # said again and again: one that was restarted meanwhile drains, too
            if standing is None:
                if now - silent_since > ALONE:
                    self._say(NOBODY)
                    return 2
            else:
                silent_since = now
                if standing.busy != last:
                    last = standing.busy
                    self._say(f"Draining: {last} call(s) left. 正在排空：还有 {last} 个通话。")
                if not last:
                    self._say("Drained. 已排空。")
                    break
            if now > end:
                self._say(f"The time is over, {last} call(s) are still there. 时限已到，还有 {last} 个通话。")
                break
            await self._clock.sleep(1.0)
        if not stay:
            await self._leave()
        return 0 if last == 0 else 1

    async def _leave(self) -> None:
        """Everything that one supervisor runs, else the switch alone."""
        whom = "supervisor" if await self.ask("supervisor", Order(act="look")) is not None else "switch"
        await self.ask(whom, Order(act="leave"))
        self._say("Leaving. 正在退出。")

    async def go_on(self) -> int:
        """Take a draining back."""
        standing = await self.ask("switch", Order(act="go_on"))
        if standing is None:
            self._say(NOBODY)
            return 2
        self._say("New calls are taken again. 已恢复接听新来电。")
        return 0

    async def upgrade(self) -> int:
        """Restart what ``yitong run`` runs, one after the other, without losing a call: media processes only when they carry none."""
        looked = await self.ask("supervisor", Order(act="look"))
        if looked is None:
            self._say("No «yitong run» of this node answers. 本节点没有 yitong run 应答。")
            return 2
        left = []
        await self.ask("supervisor", Order(act="restart", name=SPARE))  # it has imported the release of before
        for name in in_order(looked.children):
            if name in ("core", "switch"):
                await self._spare()
            if name.startswith("media") and ((row := await self.ask(name, Order(act="look"))) is None or row.busy):
                left.append(name)
                self._say(f"{name}: still carries {row.busy if row else '?'} call(s), stays. 仍有通话，暂不重启。")
            elif not await self._restart(name):
                return 1
        if left:
            self._say(f"Call «yitong upgrade» again when their calls have ended: {', '.join(left)}. 这些进程的通话结束后请再次执行。")
        return 0

    async def _spare(self) -> None:
        """Wait a while for a new spare: with it calls hardly notice a restart, without it they wait for its start."""
        for _ in range(80):
            looked = await self.ask("supervisor", Order(act="look"))
            if looked is not None and SPARE in looked.children:
                return
            await self._clock.sleep(0.25)

    async def _restart(self, name: str) -> bool:
        """Have one child restarted, and wait until it serves."""
        before = await self.ask("supervisor", Order(act="look"))
        pid = before.pids.get(name, 0) if before is not None else 0
        await self.ask("supervisor", Order(act="restart", name=name))
        for _ in range(240):
            await self._clock.sleep(0.25)
            now = await self.ask("supervisor", Order(act="look"))
            if now is not None and now.children.get(name) == "running" and now.pids.get(name, pid) != pid:
                self._say(f"{name}: restarted. 已重启。")
                return True
        self._say(f"{name}: does not come back, see its log. 未恢复，请查看日志。")
        return False


def in_order(children: dict[str, str]) -> list[str]:
    """Ours alone, those first of which nobody notices; the engines have their own releases."""
    order = ("worker", "web", "core", "switch", "media")
    ours = [name for name in children if name.partition("-")[0] in order]
    return sorted(ours, key=lambda name: (order.index(name.partition("-")[0]), name))
