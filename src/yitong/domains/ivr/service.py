"""What was spoken for a caller is played to him, if he waits for it still."""

from __future__ import annotations

from yitong.contact.bus import Bus, Unit
from yitong.ct.model import Prompt
from yitong.ct.services import Play
from yitong.flow.messages import Speak
from yitong.flow.runner import Runner


class Speaking:
    """Hears what came of ``Speak``."""

    def __init__(self, bus: Bus, runner: Runner, *, tenant: str) -> None:
        self._runner = runner
        self._tenant = tenant
        bus.answers(Speak, self._spoken)

    def _spoken(self, asked: Speak, file: str, unit: Unit) -> None:
        """Play it, or what stands in its place; where there is neither the flow goes on. Who pressed a key or left has no use for it."""
        session = self._runner.session(asked.contact)
        if session is None or session.waiting != asked.service:
            return
        prompts = (Prompt(file=file),) if file else asked.otherwise
        if prompts:
            unit.ask(Play(id=asked.service, tenant=self._tenant, connection=asked.connection, prompts=prompts))
        else:
            self._runner.resume(asked.contact, "done", unit)
