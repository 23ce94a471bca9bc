"""Messages that wait (RFC 3842): the event package message-summary and its body."""

from __future__ import annotations

import msgspec

from yitong.sip.message import Request

PACKAGE = "message-summary"
BODY = "application/simple-message-summary"
SUBSCRIPTION_SECONDS = 3_600
LEAST_SECONDS = 60


class Waiting(msgspec.Struct, frozen=True):
    """Voice messages in a mailbox: not heard and heard, those marked urgent among them."""

    new: int = 0
    old: int = 0
    urgent_new: int = 0
    urgent_old: int = 0

    def body(self, account: str) -> bytes:
        """The summary of the mailbox with the address ``account`` (§5.2)."""
        lines = [f"Messages-Waiting: {'yes' if self.new else 'no'}", f"Message-Account: {account}"]
        lines.append(f"Voice-Message: {self.new}/{self.old} ({self.urgent_new}/{self.urgent_old})")
        return ("\r\n".join(lines) + "\r\n").encode()


def package_of(request: Request) -> tuple[str, str]:
    """The event package of a SUBSCRIBE and its id parameter, both in lower case; empty without."""
    package, _, rest = (request.get("Event") or "").partition(";")
    identifier = next((part.strip()[3:] for part in rest.split(";") if part.strip().lower().startswith("id=")), "")
    return package.strip().lower(), identifier


def takes_summary(request: Request) -> bool:
    """Whether the subscriber can read the body: named in Accept, or no Accept (§3.5)."""
    accepted = [value.partition(";")[0].strip().lower() for value in ",".join(request.all("Accept")).split(",")]
    return accepted == [""] or any(one in (BODY, "application/*", "*/*") for one in accepted)
