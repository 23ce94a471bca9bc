"""The fold of recordings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.contact.ledger import Event, Fact
from yitong.domains.reporting.model import Rows

FOLDS: dict[type[Fact], Callable[[Any, Event, Rows], None]] = {}
