"""Who wrote: a person, or a machine whom nobody answers (RFC 3834 §2, §5; RFC 3464; RFC 5321 §4.5.5)."""

from __future__ import annotations

import re
from email.message import Message

LOOP_HEADER = "X-Yitong-Mail"
"""Stands in every mail of ours: what comes back with it goes round in a circle."""
_MACHINES = re.compile(r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+-][^@]*)?@", re.IGNORECASE)
_ID = re.compile(rb"^(?:Original-)?Message-ID:\s*(<[!-;=?-~]{1,250}>)", re.IGNORECASE | re.MULTILINE)


def kind_of(message: Message, sender: str, ours: frozenset[str]) -> str:
    """person, bounce, auto_reply, bulk or loop."""
    if message.get_content_type() == "multipart/report" and str(message.get_param("report-type", "")).lower() == "delivery-status":
        return "bounce"
    automatic = str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    returned = str(message.get("Return-Path", "")).replace(" ", "") == "<>"
    if returned or sender.lower().startswith("mailer-daemon@"):
        return "bounce" if automatic != "auto-replied" else "auto_reply"
    if automatic not in ("", "no") or message.get("X-Autoreply") or message.get("X-Autorespond"):
        return "auto_reply"
    precedence = str(message.get("Precedence", "")).strip().lower()
    if precedence == "auto_reply" or (_MACHINES.match(sender) and not message.get("Reply-To")):
        return "auto_reply"
    if precedence in ("bulk", "junk"):
        return "bulk"
    return "loop" if sender.lower() in ours or message.get(LOOP_HEADER) else "person"


def failed_message(message: Message) -> str:
    """The Message-ID of the mail that a delivery report is about, where it says so; empty for any other mail."""
    if message.get_content_type() != "multipart/report":
        return ""
    for part in message.walk():
        if part.get_content_type() in ("message/delivery-status", "message/rfc822", "text/rfc822-headers"):
            found = _ID.search(part.as_bytes())
            if found is not None:
                return found.group(1).decode("ascii", "replace")
    return ""
