"""Assessments: scored by supervisors, seen and answered by agents."""

from __future__ import annotations

from yitong.domains.assessment.api import lists, scoring

routers = (lists.router, scoring.router)
