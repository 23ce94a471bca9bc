"""What a person may see: handed out at the door, taken by every query that shows data to someone."""

from __future__ import annotations

import msgspec


class Denied(Exception):
    """The scope lacks ``right``."""

    def __init__(self, right: str) -> None:
        super().__init__(right)
        self.right = right


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One user's view: one tenant, the sites and teams he may see (ids), and his rights (``"config.write"``)."""

    tenant: str
    user: str = ""
    sites: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    rights: frozenset[str] = frozenset()

    def may(self, right: str) -> bool:
        """Whether the user has ``right``."""
        return right in self.rights

    def require(self, right: str) -> None:
        """Raises Denied when the user lacks ``right``."""
        if right not in self.rights:
            raise Denied(right)
