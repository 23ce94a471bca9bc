"""The Switch port: what core needs of any switch, ours, a simulated one, or somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from yitong.ct.events import AnyEvent, Snapshot
from yitong.ct.services import AnyService


class Switch(Protocol):
    """One switch. Services are asked without waiting; their effects arrive as events."""

    name: str

    def ask(self, service: AnyService) -> None:
        """Ask for a service; never blocks, never raises for what the switch may refuse."""
        ...

    def monitor(self, listener: Callable[[AnyEvent], None]) -> None:
        """Monitor Start: every later event is given to ``listener``, in order, once."""
        ...

    async def snapshot(self) -> Snapshot:
        """Snapshot: everything alive now. Raises TimeoutError when the switch does not answer in 5 s."""
        ...
