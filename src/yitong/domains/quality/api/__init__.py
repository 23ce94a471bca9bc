"""Contacts afterwards, and their recordings."""

from __future__ import annotations

from fastapi import APIRouter

from yitong.domains.quality.api import conferences, contacts, keeping, recordings

router = APIRouter()
for part in (contacts, conferences, keeping, recordings):
    router.include_router(part.router)
