"""When it is open, for the «hours» step. Pure."""

from __future__ import annotations

from yitong.kit.week import DAYS as DAYS
from yitong.kit.week import is_open as is_open
