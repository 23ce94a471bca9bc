"""Which engines a process that runs alone must be told of: only those that it uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from yitong.app import cli, process

NATS, DATABASE = "YITONG_NATS_URL", "YITONG_DATABASE_URL"
USED = {"media": (), "switch": (NATS,), "core": (NATS,), "web": (NATS, DATABASE), "worker": (NATS, DATABASE)}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Without engines, and with the processes' bodies left out; their names are kept."""
    started: list[str] = []
    monkeypatch.setenv("YITONG_HOME", str(tmp_path))
    for name in (NATS, DATABASE):
        monkeypatch.delenv(name, raising=False)

    def started_as(name: str, body: object, settings: object) -> int:
        started.append(name)
        return 0

    monkeypatch.setattr(process, "main", started_as)
    return started


@pytest.mark.parametrize("name", USED)
def test_a_process_starts_with_the_engines_it_uses(name: str, alone: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in USED[name]:
        monkeypatch.setenv(variable, "nats://127.0.0.1:1" if variable == NATS else "postgresql://127.0.0.1:1/x")
    assert cli.main([name]) == 0
    assert [one.partition("-")[0] for one in alone] == [name]


@pytest.mark.parametrize(("name", "missing"), [(name, missing) for name, used in USED.items() for missing in used])
def test_a_process_says_which_engine_it_misses(
    name: str, missing: str, alone: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in USED[name]:
        if variable != missing:
            monkeypatch.setenv(variable, "nats://127.0.0.1:1" if variable == NATS else "postgresql://127.0.0.1:1/x")
    assert cli.main([name]) == 2
    assert missing in capsys.readouterr().err
    assert not alone
