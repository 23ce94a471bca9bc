"""Faxes over HTTP: the mailbox, and what is sent."""

from __future__ import annotations

from yitong.domains.fax.api.mailbox import router as mailbox
from yitong.domains.fax.api.sendings import router as sendings

routers = (mailbox, sendings)
