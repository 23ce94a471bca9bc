"""Mail servers as customers have them: Debian's Dovecot (IMAP over TLS) for what comes, aiosmtpd for what goes. Each test has its own."""

from __future__ import annotations

import email
import email.policy
import grp
import os
import pwd
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from imaplib import IMAP4_SSL
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from tests.kit.certificates import make_certificate
from tests.ports import free_port

USER, PASSWORD = "service@example.com", "mail-secret"
_CONFIG = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
default_login_user = {login}
default_internal_user = {user}
default_internal_group = {group}
mail_location = maildir:{home}/mail/%n
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 0
first_valid_gid = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}/mail/%n
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  mailbox Done {{
    auto = create
  }}
}}
"""


@dataclass
class Servers:
    """``sent``: what was taken for others; ``answers`` are given instead of taking it."""

    imap_port: int
    smtp_port: int
    certificate: Path
    sent: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.sent.append(mail)
        return "250 OK"

    @contextmanager
    def mailbox(self, folder: str = "INBOX") -> Iterator[IMAP4_SSL]:
        """Signed in, as any mail program."""
        context = ssl.create_default_context(cafile=self.certificate)
        with IMAP4_SSL("127.0.0.1", self.imap_port, ssl_context=context) as box:
            box.login(USER, PASSWORD)
            box.select(folder)
            yield box

    def deliver(self, octets: bytes) -> None:
        """A mail comes."""
        with self.mailbox() as box:
            assert box.append("INBOX", None, None, octets)[0] == "OK"

    def flags(self, folder: str = "INBOX") -> list[bytes]:
        """The flags of every mail."""
        with self.mailbox(folder) as box:
            if not _count(box, folder):
                return []
            return [line for line in box.fetch("1:*", "(FLAGS)")[1] if isinstance(line, bytes)]

    def empty(self) -> None:
        """Nothing is left of the test before."""
        self.sent.clear()
        self.answers.clear()
        for folder in ("INBOX", "Done"):
            with self.mailbox(folder) as box:
                if _count(box, folder):
                    box.store("1:*", "+FLAGS", r"(\Deleted)")
                    box.expunge()


@contextmanager
def servers(home: Path) -> Iterator[Servers]:
    """Both, running. The folder must have a short name (sockets are in it) and let everybody pass."""
    certificate, key = home / "certificate.pem", home / "key.pem"
    make_certificate(certificate, key)
    made = Servers(free_port(), free_port(), certificate)
    # Started by root it gives root up, and wants the users of its package for that.
    me = pwd.getpwnam("dovecot") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    (home / "mail").mkdir()
    os.chown(home / "mail", me.pw_uid, me.pw_gid)
    config = home / "dovecot.conf"
    config.write_text(_CONFIG.format(
        home=home, certificate=certificate, key=key, user=me.pw_name, group=grp.getgrgid(me.pw_gid).gr_name, port=made.imap_port,
        password=PASSWORD, login="dovenull" if os.getuid() == 0 else me.pw_name,
    ))  # fmt: skip
    dovecot = subprocess.Popen([shutil.which("dovecot") or "/usr/sbin/dovecot", "-F", "-c", str(config)])
    post = Controller(made, hostname="127.0.0.1", port=made.smtp_port)
    try:
        post.start()
        _wait(made, home / "log")
        yield made
    finally:
        post.stop()
        dovecot.send_signal(signal.SIGTERM)
        dovecot.wait(20)


def _count(box: IMAP4_SSL, folder: str) -> int:
    return int((box.select(folder)[1] or [b"0"])[0] or 0)


def _wait(made: Servers, log: Path) -> None:
    for _ in range(600):
        try:
            with made.mailbox():
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text() if log.is_file() else "dovecot did not begin")
