"""What other parts may know of security: the rights, and the roles a new tenant begins with. Roles themselves are data."""

from __future__ import annotations

RIGHTS = (
    "calls.take", "calls.supervise", "contacts.own", "contacts.team", "contacts.all", "recordings.listen", "recordings.pause",
    "recordings.start", "recordings.edit", "recordings.download", "recordings.delete", "faxes.read", "faxes.own", "faxes.send",
    "faxes.manage", "conferences.host", "board.see",
    "customers.read", "customers.write", "config.read", "config.write", "audit.read", "users.manage", "mailboxes.own", "mailboxes.all",
    "assessments.write", "assessments.own",
    "texts.read", "texts.manage", "texts.send",
    "mails.own", "mails.all",
)  # fmt: skip

STANDARD_ROLES: dict[str, tuple[str, ...]] = {
    "agent": (
        "calls.take", "contacts.own", "recordings.listen", "recordings.pause", "faxes.own", "faxes.send", "conferences.host",
        "customers.read", "customers.write", "mailboxes.own", "assessments.own",
        "texts.send",
        "mails.own",
    ),
    "supervisor": (
        "calls.take", "calls.supervise", "contacts.own", "contacts.team", "recordings.listen", "recordings.pause",
        "recordings.start", "recordings.edit", "recordings.download", "recordings.delete", "faxes.read", "faxes.own", "faxes.send",
        "faxes.manage", "conferences.host", "board.see", "customers.read", "customers.write", "config.read", "mailboxes.own",
        "mailboxes.all", "assessments.write", "assessments.own",
        "texts.read", "texts.manage", "texts.send",
        "mails.own", "mails.all",
    ),
    "administrator": (
        "contacts.all", "recordings.listen", "recordings.edit", "recordings.download", "recordings.delete", "faxes.read", "faxes.send",
        "faxes.manage", "board.see", "customers.read", "customers.write", "config.read", "config.write", "audit.read", "users.manage",
        "mailboxes.own", "mailboxes.all", "assessments.write",
        "texts.read", "texts.manage",
        "mails.own", "mails.all",
    ),
}  # fmt: skip
