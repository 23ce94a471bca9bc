"""The files of mails: each as it came or went (RFC 5322), sealed."""

from __future__ import annotations

from yitong.kit.clock import moment
from yitong.kit.kept import KeptFolder

FORM = "mail"


class MailsFolder(KeptFolder):
    """Where web and worker read and write mails."""

    def name(self, tenant: str, id: str, at: int) -> str:
        """The file of a mail, by tenant and month."""
        return f"{tenant}/{moment(at):%Y-%m}/{id}.eml"
