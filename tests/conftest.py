"""What every test may ask for: real engines. One PostgreSQL and one NATS per test process, started by the product's own code."""

from __future__ import annotations

# ruff: noqa: E402
import sys

# Images often forbid Python to keep what it compiled. There are many processes here, and each would compile every package for itself:
# this comes before all other imports, and holds for the processes that the tests start.
sys.dont_write_bytecode = False

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from tests import chromium, proofs
from tests.databases import Databases

from yitong.app import embedded, engines, streams
from yitong.app.child import Spec
from yitong.app.migrate import migrate
from yitong.app.supervisor import Supervisor
from yitong.kit.nats import Nats
from yitong.kit.settings import Settings
from yitong.media import fax_library

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
ROOT = Path(__file__).parents[1]
KEPT = {"req": ROOT / "build" / "requirements.json", "case": ROOT / "build" / "cases.json"}
"""Mark: the file that keeps which tests of each of its names passed when they last ran."""
_TOOLS = {
    "browser": "chromium",
    "firefox": "firefox",
    "baresip": "baresip",
    "sipp": "sipp",
    "kamailio": "kamailio",
    "fax": "fax",
    "efax": "efax",
    "dovecot": "dovecot",
}
"""Mark: the command it needs; ``fax``: a library."""
_PACKAGES = {
    "chromium": "chromium-headless-shell", "firefox": "firefox-esr", "baresip": "baresip", "sipp": "sip-tester", "kamailio": "kamailio",
    "fax": "libspandsp2", "efax": "efax", "dovecot": "dovecot-imapd",
}  # fmt: skip
_REAL_TIME = (*(mark for mark in _TOOLS if mark not in ("fax", "dovecot")), "phone")
_LONG = (
    "test_rights", "test_schema", "test_calls_page", "test_fax_desk", "test_mail", "test_core_process", "test_core_dies",
    "test_fax_other_maker", "test_random_histories", "test_races", "test_media_fax", "test_loops_and_losses", "test_real_phones",
    "test_fax", "test_run", "test_live", "test_config", "test_contacts", "test_hotline", "test_browsers", "test_tls", "test_conference",
    "test_firefox", "test_agent_and_flow", "test_outside_lines", "test_two_sites", "test_several_at_a_desk",
    "test_supervisor", "test_mailbox", "test_locked_desk", "test_recording_control", "test_draining", "test_calling_out_page",
    "test_markup", "test_detours",
)  # fmt: skip
"""The files that take longest begin first, so that no process works alone at the end."""
_ran: dict[str, dict[str, set[str]]] = {mark: {} for mark in KEPT}
_failed: dict[str, None] = {}
"""The tests that failed, in order."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was asked to be left out; soak tests only when named; keep a file's tests together, real-time ones in one row."""
    without = set(os.environ.get("YITONG_TEST_WITHOUT", "").replace(",", " ").split())
    if unknown := without - {*_TOOLS.values(), "fonts"}:
        raise pytest.UsageError(f"YITONG_TEST_WITHOUT knows {', '.join([*_TOOLS.values(), 'fonts'])}, not {', '.join(sorted(unknown))}")
    marked = {mark for mark, tool in _TOOLS.items() if tool in without}
    if "soak" not in str(config.getoption("markexpr")):
        marked.add("soak")
    left_out = [item for item in items if marked & {mark.name for mark in item.iter_markers()}]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    for item in items:
        real_time = any(item.get_closest_marker(mark) for mark in _REAL_TIME)
        item.add_marker(pytest.mark.xdist_group("real time" if real_time else str(item.path)))
    items.sort(key=lambda item: next((place for place, name in enumerate(_LONG) if item.path.name.startswith(name)), len(_LONG)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A missing phone or browser is a failure that says what installs it."""
    for mark, tool in _TOOLS.items():
        if item.get_closest_marker(mark) and not _is_there(tool):
            pytest.fail(f"{tool} is missing: apt-get install {_PACKAGES[tool]}, or YITONG_TEST_WITHOUT={tool}", pytrace=False)


def _is_there(tool: str) -> bool:
    if tool == "fax":
        return fax_library.available()
    commands = chromium.NAMES if tool == "chromium" else (tool,)
    return any(shutil.which(command) or Path("/usr/sbin", command).exists() for command in commands)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Requirements and cases travel with the report, also from another process."""
    outcome = yield
    for kind in KEPT:
        for mark in item.iter_markers(kind):
            outcome.get_result().user_properties.extend((kind, name) for name in mark.args)  # type: ignore[attr-defined]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what a test proved: nothing when a part of it failed."""
    test = proofs.plain(report.nodeid)
    if report.failed:
        _failed[test] = None
    for mark, ran in _ran.items():
        if not report.passed:
            ran[test] = set()
        elif report.when == "call":
            ran[test] = {str(name) for kind, name in report.user_properties if kind == mark}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What ``make trace`` and scripts/reliability.py read; a run of a few tests changes what they say and no more."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    if (kept := os.environ.get("YITONG_TEST_FAILED_TO")) and _failed:
        Path(kept).write_text("".join(f"{test}\n" for test in _failed))
    for mark, path in KEPT.items():
        if _ran[mark]:
            proofs.save(path, proofs.merged(proofs.load(path, ROOT), _ran[mark]))


@pytest.fixture(scope="session")
def engine_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which this test process's engines live."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="session")
def postgres_engine(engine_home: Path) -> Iterator[str]:
    """The URL of a running PostgreSQL with an empty database ``yitong``."""
    engine = embedded.postgres(engine_home)
    # Every connection would pay for its password as a guesser must, and there are thousands; what was made is kept for the test of it.
    rules = engine_home / "postgres" / "pg_hba.conf"
    rules.rename(rules.with_suffix(".made"))
    rules.write_text("local all all trust\n")
    spec = engines.postgres_spec(engine)
    with _running(engine_home / "pg-run", spec):
        embedded.make_database(engine.url)
        # Hundreds of databases are made and dropped, and no test cuts the power.
        with psycopg.connect(engine.url, autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(f"alter system set {setting} = off".encode())
            connection.execute("select pg_reload_conf()")
        yield engine.url


@pytest.fixture(scope="session")
def postgres_template(postgres_engine: str) -> str:
    """The URL of the database in which every migration was run once; copied for each test, never written."""
    migrate(Settings(database_url=postgres_engine))
    return postgres_engine


@pytest.fixture(scope="session")
def databases(postgres_engine: str) -> Databases:
    """What lends databases."""
    return Databases(postgres_engine)


@pytest.fixture
def empty_postgres_url(databases: Databases) -> Iterator[str]:
    """A fresh database without our schema."""
    with databases.fresh("template0") as url:
        yield url


@pytest.fixture
def postgres_url(postgres_template: str, databases: Databases) -> Iterator[str]:
    """A database with our schema and nothing in it."""
    with databases.lent("yitong") as url:
        yield url


@pytest.fixture(scope="module")
def module_postgres_url(postgres_template: str, databases: Databases) -> Iterator[str]:
    """A database with our schema for all tests of a module."""
    with databases.lent("yitong") as url:
        yield url


@pytest.fixture(scope="session")
def nats_url(engine_home: Path) -> Iterator[str]:
    """The URL of a running NATS with JetStream and the product's streams and buckets; tests use tenants of their own."""
    engine = embedded.nats(engine_home)
    with _running(engine_home / "nats-run", engines.nats_spec(engine)):
        with ThreadPoolExecutor(1) as apart:  # asyncio.run here would leave pytest-asyncio's own loop unclosed
            apart.submit(asyncio.run, _prepare(engine.url)).result()
        yield engine.url


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Nats]:
    """A connection to NATS."""
    connection = await Nats.connect(nats_url, "test", patience_seconds=60)
    yield connection
    await connection.close()


@pytest.fixture
def tenant() -> str:
    """A tenant id that no other test uses."""
    return f"t{secrets.token_hex(6)}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of the test's own; URLs are put in by ``replace``."""
    return replace(Settings(home=tmp_path / "home"), node="test")


async def _prepare(url: str) -> None:
    connection = await Nats.connect(url, "prepare", patience_seconds=60)
    await streams.prepare(connection)
    await connection.close()


class _running:
    """A child under the product's supervisor, in a thread with its own loop, for as long as the ``with``."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        self._folder = folder
        self._spec = spec
        self._up, self._down = Event(), Event()
        self._failure: BaseException | None = None
        self._thread = Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> None:
        self._folder.mkdir(exist_ok=True)
        self._thread.start()
        self._up.wait(60)
        if self._failure is not None:
            raise self._failure

    def __exit__(self, *_: object) -> None:
        self._down.set()
        self._thread.join(30)

    async def _run(self) -> None:
        supervisor = Supervisor(self._folder, log_folder=self._folder)
        try:
            await supervisor.serving([await supervisor.start(self._spec)], 30)
            self._up.set()
            while not self._down.is_set():
                await asyncio.sleep(0.2)
        except BaseException as error:
            self._failure = error
            self._up.set()
        finally:
            await supervisor.stop()


@pytest.fixture
async def until() -> Callable[..., Awaitable[None]]:
    """``await until(lambda: condition, seconds)``: waits for a condition, fails when it does not come.

    ``seconds``: on a machine of its own; four times as long is waited, as other tests run beside.
    """

    async def wait(condition: Callable[[], object], seconds: float = 10.0) -> None:
        end = asyncio.get_running_loop().time() + 4 * seconds
        while not condition():
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"did not come true in {4 * seconds} s")
            await asyncio.sleep(0.01)

    return wait
