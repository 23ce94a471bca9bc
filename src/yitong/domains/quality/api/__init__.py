"""Contacts afterwards, and their recordings."""

from __future__ import annotations

from yitong.domains.quality.api import conferences, contacts, following, keeping, links, recordings

routers = tuple(part.router for part in (contacts, conferences, following, keeping, links, recordings))
