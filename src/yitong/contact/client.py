"""Asking the owner of a partition from another process: a command, and its result or refusal."""

from __future__ import annotations

from typing import Any

import msgspec

from yitong.contact.bus import Refused
from yitong.contact.messages import Command
from yitong.kit.nats import OUTAGES, Nats

ANSWER_SECONDS = 2.0
_AWAY: tuple[type[Exception], ...] = (*OUTAGES, msgspec.MsgspecError)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What core answers: ``ok`` the result, or ``refused`` a stable code with its parameters."""

    ok: Any = None
    refused: str = ""
    parameters: dict[str, Any] = {}


class Core:
    """The owners of all partitions, over NATS."""

    def __init__(self, nats: Nats) -> None:
        self._nats = nats

    async def obey(self, tenant: str, site: str, command: Command) -> Any:
        """The command's result. Raises Refused: core's own code, or ``core_unavailable`` when nobody answers in 2 s."""
        try:
            answer: Answer = await self._nats.request(f"core.command.{tenant}.{site}", command, Answer, seconds=ANSWER_SECONDS)
        except _AWAY as error:
            raise Refused("core_unavailable") from error
        if answer.refused:
            raise Refused(answer.refused, **answer.parameters)
        return answer.ok

    async def document(self, tenant: str, site: str, topic: str) -> Any:
        """The data of a live document now. Raises Refused (core_unavailable)."""
        try:
            answer: dict[str, Any] = await self._nats.request(
                f"core.live.{tenant}.{site}", {"topic": topic, "once": "yes"}, dict[str, Any], seconds=ANSWER_SECONDS
            )
        except _AWAY as error:
            raise Refused("core_unavailable") from error
        return answer.get("data")
