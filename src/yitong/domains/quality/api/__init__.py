"""Contacts afterwards, and their recordings."""

from __future__ import annotations

from fastapi import APIRouter

from yitong.domains.quality.api import conferences, contacts, following, keeping, links, recordings

router = APIRouter()
for part in (contacts, conferences, following, keeping, links, recordings):
    router.include_router(part.router)
