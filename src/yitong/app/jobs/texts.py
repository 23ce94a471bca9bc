"""The worker's part in text messages: connections to message centres, and the outbox."""

from __future__ import annotations

from yitong.domains.messaging.channels.smpp import SmppChannel
from yitong.domains.messaging.service.sending import Texts
from yitong.kit.clock import Clock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.sealed_text import sealer_of
from yitong.kit.settings import Settings
from yitong.kit.tasks import Tasks


class TextJobs:
    """Idle while no connection is set up."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, tasks: Tasks) -> None:
        life = f"{settings.node}/{settings.worker}/{RandomIds().new(clock.now())}"
        sealer = sealer_of(settings.secrets_folder, clock)
        self._texts = Texts(database, clock, SmppChannel(tasks), sealer, tasks, life, days=settings.text_days)

    def start(self, tasks: Tasks) -> None:
        """Begin."""
        tasks.keep(self._texts.run, "text messages")
        tasks.keep(self._texts.tidy, "old text messages")

    def figures(self) -> dict[str, float]:
        """Messages that wait or ended badly, connections that are up and down."""
        return {name: float(count) for name, count in self._texts.figures.items()}

    @property
    def fault(self) -> str:
        """What an operator must look at; empty: nothing."""
        down = self._texts.figures.get("text_lines_unbound", 0)
        return f"text messages: {down} connections are not bound" if down else ""
