"""What crm is asked: whose number is this? (``ask.crm.{tenant}``; the answer is ``contact.messages.Card`` or nothing)"""

from __future__ import annotations

import msgspec


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Whose ``number`` (as the network gave it) is this? ``contact`` is for whom it is asked."""

    contact: str
    number: str
