"""Faxes over HTTP: the mailbox, and what is sent."""

from __future__ import annotations

from fastapi import APIRouter

from yitong.domains.fax.api.mailbox import router as mailbox
from yitong.domains.fax.api.sendings import router as sendings

router = APIRouter(tags=["faxes"])
router.include_router(mailbox)
router.include_router(sendings)
