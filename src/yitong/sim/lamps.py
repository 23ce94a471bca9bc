"""What the telephones of a simulated switch show of their mailboxes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from yitong.ct.model import MessageWaiting


class SimLamps:
    """``lamps``: by extension."""

    lamps: Mapping[str, MessageWaiting] = MappingProxyType({})

    def show_waiting(self, tenant: str, site: str, lamps: tuple[MessageWaiting, ...], whole: bool) -> None:
        """As ``ct.switching.ports.Lines`` has it."""
        self.lamps = {**({} if whole else self.lamps), **{lamp.extension: lamp for lamp in lamps}}
