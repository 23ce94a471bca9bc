"""Assessments: scored by supervisors, seen and answered by agents."""

from __future__ import annotations

from fastapi import APIRouter

from yitong.domains.assessment.api import lists, scoring

router = APIRouter()
for part in (lists, scoring):
    router.include_router(part.router)
