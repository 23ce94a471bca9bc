"""What crm is asked: whose numbers are these? (``ask.crm.{tenant}``; the answer has a ``contact.messages.Card`` or nothing for each)"""

from __future__ import annotations

import msgspec


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Whose ``number`` (as the network gave it; of a mail: whose address) is this? ``contact`` is for whom it is asked."""

    contact: str
    number: str
