"""Typed settings: the environment over ``yitong.toml`` over the defaults. Read once at start, then passed as a value.

Every setting has one name: ``YITONG_HTTP_PORT`` in the environment is ``http_port`` in the file. A setting that cannot be
used is refused with one sentence (``SettingsError``), never guessed.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from yitong.kit.certificate import ServerContext

PREFIX = "YITONG_"
FILE = "yitong.toml"


class SettingsError(Exception):
    """A setting that cannot be used; the message is one sentence for the operator."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator decides. Empty ``database_url`` or ``nats_url``: the embedded engine.

    ``media_workers`` 0 means one per CPU core. ``recording_keys``: the folder of the keys that seal recordings, empty: ``home``/keys.
    ``secret_keys``: that of the keys that seal trunks' passwords, empty: ``home``/secrets/keys.
    ``recording_key_days`` 0: no new key by itself; ``recording_opus_hours`` 0: recordings stay WAV.
    ``fax_days``: for how long the pages of faxes are kept, 0: for ever. ``text_days``: the same of text messages.
    ``smtp_host``: the server that takes mails, empty: none are sent; ``smtp_security``: tls, starttls or none; ``smtp_ca``: a PEM file of
    whom to trust besides.
    ``runtime`` (sockets) and ``worker`` (which of several equal processes this one is, from 0) are set by the supervisor.
    """

    home: Path = Path("var")
    http_port: int = 8000
    sip_port: int = 5060
    sip_ws_port: int = 8089
    rtp_ports: tuple[int, int] = (20000, 29999)
    bind: str = "127.0.0.1"
    database_url: str = ""
    nats_url: str = ""
    demo_password: str = field(default="", repr=False)
    public_address: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    node: str = field(default_factory=socket.gethostname)
    media_workers: int = 0
    workers: int = 1
    fax_days: int = 365
    text_days: int = 90
    recording_keys: str = ""
    secret_keys: str = ""
    recording_key_days: int = 90
    recording_opus_hours: int = 24
    recording_undo_hours: int = 12
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: str = "starttls"
    smtp_username: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_sender: str = ""
    smtp_ca: str = ""
    runtime: str = ""
    worker: int = 0

    @property
    def tls(self) -> bool:
        """HTTPS and WSS are on."""
        return bool(self.tls_cert)

    @property
    def runtime_folder(self) -> Path:
        """A private folder whose path is short enough for sockets in it."""
        return Path(self.runtime) if self.runtime else self.home / "run"

    @property
    def media_count(self) -> int:
        """How many media workers there are."""
        return self.media_workers or os.cpu_count() or 1

    @property
    def keys_folder(self) -> Path:
        """Where the keys of recordings are: apart from the recordings."""
        return Path(self.recording_keys) if self.recording_keys else self.home / "keys"

    @property
    def secrets_folder(self) -> Path:
        """Where the keys of sealed passwords are: apart from the database that has the passwords."""
        return Path(self.secret_keys) if self.secret_keys else self.home / "secrets" / "keys"

    def media_socket(self, worker: int) -> Path:
        """Where media worker ``worker`` (from 0) listens."""
        return self.runtime_folder / f"media-{worker}.sock"

    def media_ports(self, worker: int) -> tuple[int, int]:
        """The RTP ports of media worker ``worker``: its share of ``rtp_ports``, beginning even, both ends included."""
        low, high = self.rtp_ports
        share = (high - low + 1) // self.media_count // 2 * 2
        first = low + low % 2 + worker * share
        return first, min(first + share - 1, high)

    @property
    def address(self) -> str:
        """What SDP, Contact and candidates say: the public address, else the address bound."""
        return self.public_address or self.bind


def load(environ: Mapping[str, str], folder: Path | None = None) -> Settings:
    """Settings from ``environ`` over the file (``YITONG_CONFIG``, else ``yitong.toml`` in ``folder``). Raises SettingsError."""
    given = _file(environ, folder or Path.cwd())
    names = {one.name for one in fields(Settings)}
    for name in names:
        text = environ.get(PREFIX + name.upper())
        if text is not None and text != "":
            given[name] = text
    given = {"home": Settings.home, **{name: value for name, value in given.items() if value != ""}}
    unknown = sorted(set(given) - names)
    if unknown:
        raise SettingsError(f"{FILE} names the unknown setting {unknown[0]!r}.")
    settings = Settings(**{name: _typed(name, value) for name, value in given.items()})
    _check(settings)
    return settings


def _file(environ: Mapping[str, str], folder: Path) -> dict[str, Any]:
    named = environ.get(PREFIX + "CONFIG", "")
    path = Path(named) if named else folder / FILE
    if not path.is_file():
        if named:
            raise SettingsError(f"{PREFIX}CONFIG names {named}, which is not a file.")
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.") from error


def _typed(name: str, value: object) -> Any:
    if name == "home":
        return Path(str(value)).expanduser().absolute()
    if name == "rtp_ports":
        return _range(str(value))
    if name in ("recording_key_days", "recording_opus_hours", "recording_undo_hours"):
        return _whole(name, value, 0, 999_999)
    if name.endswith("_port"):
        return _whole(name, value, 1, 65535)
    if name == "text_days":
        return _whole(name, value, 0, 36_500) if str(value) == "0" else _whole(name, value, 3, 36_500)
    if name == "fax_days":
        return _whole(name, value, 0, 36_500)
    if name in ("media_workers", "workers", "worker"):
        return _whole(name, value, 0, 256)
    return str(value)


def _whole(name: str, value: object, low: int, high: int) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and low <= int(text) <= high):
        raise SettingsError(f"{PREFIX}{name.upper()} must be a whole number from {low} to {high}, not {text!r}.")
    return int(text)


def _range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not dash:
        raise SettingsError(f"{PREFIX}RTP_PORTS must look like 20000-29999, not {text!r}.")
    low, high = _whole("rtp_ports", first.strip(), 1024, 65535), _whole("rtp_ports", last.strip(), 1024, 65535)
    if high - low < 3:
        raise SettingsError(f"{PREFIX}RTP_PORTS must hold at least four ports, not {text!r}.")
    return low, high


def _check(settings: Settings) -> None:
    try:
        beyond = not ipaddress.ip_address(settings.bind).is_loopback
    except ValueError as error:
        raise SettingsError(f"{PREFIX}BIND must be an IP address, not {settings.bind!r}.") from error
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise SettingsError(f"{PREFIX}TLS_CERT and {PREFIX}TLS_KEY belong together; only one of them is set.")
    for name, text in (("TLS_CERT", settings.tls_cert), ("TLS_KEY", settings.tls_key)):
        if text and not Path(text).is_file():
            raise SettingsError(f"{PREFIX}{name} names {text}, which is not a file.")
    if settings.tls:
        _usable(settings)
    _check_smtp(settings)
    if beyond and not settings.tls:
        raise SettingsError(
            f"{PREFIX}BIND={settings.bind} would offer passwords and speech beyond this machine without encryption: "
            f"set {PREFIX}TLS_CERT and {PREFIX}TLS_KEY, or bind to 127.0.0.1.\n"
            f"{PREFIX}BIND={settings.bind} 会让密码和通话未经加密离开本机：请设置 {PREFIX}TLS_CERT 和 {PREFIX}TLS_KEY，或绑定到 127.0.0.1。"
        )


def _check_smtp(settings: Settings) -> None:
    """Mail is off without ``smtp_host``; passwords and speech leave this machine encrypted only."""
    if settings.smtp_security not in ("tls", "starttls", "none"):
        raise SettingsError(f"{PREFIX}SMTP_SECURITY must be tls, starttls or none, not {settings.smtp_security!r}.")
    if not settings.smtp_host:
        return
    if not re.fullmatch(r"[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,255}", settings.smtp_sender):
        raise SettingsError(f"{PREFIX}SMTP_SENDER must be the address that mails come from, not {settings.smtp_sender!r}.")
    if settings.smtp_security == "none" and settings.smtp_host not in ("127.0.0.1", "::1", "localhost"):
        raise SettingsError(f"{PREFIX}SMTP_SECURITY=none would send messages in the clear; it is for a server on this machine only.")
    if settings.smtp_ca and not Path(settings.smtp_ca).is_file():
        raise SettingsError(f"{PREFIX}SMTP_CA names {settings.smtp_ca}, which is not a file.")


def _usable(settings: Settings) -> None:
    try:
        ServerContext(settings.tls_cert, settings.tls_key)
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}TLS_CERT and {PREFIX}TLS_KEY cannot be used ({error}): a PEM chain and its PEM key without a password are wanted."
        ) from error


def environment(settings: Settings) -> dict[str, str]:
    """``settings`` as environment variables: what the supervisor hands to its processes."""
    given: dict[str, str] = {}
    for one in fields(Settings):
        value = getattr(settings, one.name)
        given[PREFIX + one.name.upper()] = f"{value[0]}-{value[1]}" if isinstance(value, tuple) else str(value)
    return given
