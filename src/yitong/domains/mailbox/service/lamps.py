"""The lamps of telephones: how many messages wait for the owners of mailboxes, told to the switch as it changes (RFC 3842)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yitong.contact.bus import Unit
from yitong.ct.model import MessageWaiting
from yitong.ct.services import SetMessageWaiting
from yitong.domains.mailbox import rules
from yitong.domains.mailbox.model.boxes import Boxes
from yitong.domains.mailbox.model.kept import Kept


class Lamps:
    """What the switch was told. ``changed``: something happened in a mailbox.

    It is told all at once when it is new to us, or when somebody has no mailbox any more; else only what differs. Whatever was told is
    told once more when we next compare with the switch, for a service may be lost on the way.
    """

    def __init__(self, boxes: Boxes, tenant: str, site: str) -> None:
        self.changed = False
        self._boxes = boxes
        self._tenant, self._site = tenant, site
        self._extensions: dict[str, str] = {}
        self._told: dict[str, MessageWaiting] = {}
        self._epoch = 0
        self._again = False
        self._whole = False

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Agents have extensions; mailboxes have owners."""
        if kind == "agent":
            self._extensions.pop(key, None)
            if value is not None:
                self._extensions[key] = str(value.get("extension") or "")
        self.changed = self.changed or kind in ("agent", "mailbox")

    def met(self, epoch: int) -> None:
        """We compare with the switch, in its life ``epoch``."""
        if epoch != self._epoch or self._again:
            self._epoch, self._again, self._whole = epoch, False, True

    def tell(self, messages: Mapping[str, Mapping[str, Kept]], unit: Unit) -> None:
        """Ask the switch to show what changed."""
        if not self.changed and not self._whole:
            return
        self.changed = False
        now = self._waiting(messages)
        whole = self._whole or bool(self._told.keys() - now.keys())
        differ = [lamp for extension, lamp in now.items() if self._told.get(extension) != lamp]
        self._again = self._again or bool(differ)
        self._whole = False
        if differ or (whole and (now or self._told)):
            lamps = tuple(now.values()) if whole else tuple(differ)
            unit.ask(SetMessageWaiting(id=unit.new_id(), tenant=self._tenant, site=self._site, lamps=lamps, whole=whole))
        self._told = now

    def _waiting(self, messages: Mapping[str, Mapping[str, Kept]]) -> dict[str, MessageWaiting]:
        counts: dict[str, tuple[int, int]] = {}
        for box in self._boxes:
            new, heard = rules.counted(messages.get(box.id, {}).values())
            for extension in {self._extensions.get(owner, "") for owner in box.owners} - {""}:
                before = counts.get(extension, (0, 0))
                counts[extension] = (before[0] + new, before[1] + heard)
        return {extension: MessageWaiting(extension=extension, new=new, heard=heard) for extension, (new, heard) in sorted(counts.items())}
