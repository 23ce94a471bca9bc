"""The command line: ``yitong run`` for everything on one machine, or each process by itself, and a few tools."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Awaitable, Callable, Sequence

from yitong.kit.settings import Settings, SettingsError, load

PROCESSES = {
    "media": "moves the audio; one per CPU core",
    "switch": "speaks SIP and owns calls and connections",
    "core": "decides: flows, queues, agents",
    "web": "serves the API, the desks and the pages",
    "worker": "writes projections and does jobs",
}


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(prog="yitong", description="一通: a customer contact centre. Settings: YITONG_... or yitong.toml.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="start everything on this machine")
    for name, meaning in PROCESSES.items():
        commands.add_parser(name, help=meaning)
    commands.add_parser("migrate", help="bring the database and the streams to this release")
    ledger = commands.add_parser("ledger", help="work on the ledger").add_subparsers(dest="action", required=True)
    ledger.add_parser("rebuild", help="drop every projection and make it anew from the ledger")
    trace = commands.add_parser("trace", help="tell the way of one contact from the ledger")
    trace.add_argument("contact", help="the contact's id")
    recordings = commands.add_parser("recordings", help="look after recordings").add_subparsers(dest="action", required=True)
    check = recordings.add_parser("check", help="recordings without a file, files without a recording, and what was changed")
    check.add_argument("--all", action="store_true", help="read every file as a whole")
    who = recordings.add_parser("who", help="who downloaded this recording")
    who.add_argument("file", help="a sound file")
    sealing = commands.add_parser("keys", help="the keys that seal recordings and trunks' passwords")
    keys = sealing.add_subparsers(dest="action", required=True)
    keys.add_parser("list", help="which key opens how much")
    keys.add_parser("rotate", help="make a new key and have it open everything")
    drain = commands.add_parser("drain", help="take no new calls, wait until those there are have ended, then leave")
    drain.add_argument("--seconds", type=float, default=3600.0, help="how long to wait for the calls' ends (3600)")
    drain.add_argument("--stay", action="store_true", help="do not leave")
    drain.add_argument("--back", action="store_true", help="take new calls again")
    commands.add_parser("upgrade", help="restart the processes of a running «yitong run» one after the other; no call is lost")
    demo = commands.add_parser("demo", help="the demo").add_subparsers(dest="action", required=True)
    demo.add_parser("load", help="load the demo pack")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    chosen = parser().parse_args(arguments)
    try:
        settings = load(os.environ)
        if chosen.command in PROCESSES:
            return _process(chosen.command, settings)
        if chosen.command == "run":
            from yitong.app import run

            return asyncio.run(run.run(settings))
        return asyncio.run(_tool(chosen, settings))
    except KeyboardInterrupt:
        return 130
    except SettingsError as error:
        print(f"yitong: {error}", file=sys.stderr)
    except Exception as error:
        if type(error).__name__ not in ("EngineError", "SchemaError"):
            raise
        print(f"yitong: {error}", file=sys.stderr)
    return 2


def _process(name: str, settings: Settings) -> int:
    from yitong.app import process

    for url, variable, needing in (
        (settings.nats_url, "NATS_URL", ("switch", "core", "web", "worker")), (settings.database_url, "DATABASE_URL", ("web", "worker")),
    ):  # fmt: skip
        if not url and name in needing:
            raise SettingsError(f"yitong {name} runs alone and needs YITONG_{variable}; yitong run brings an engine of its own.")
    body: Callable[[Settings], Awaitable[None]] = importlib.import_module(f"yitong.app.processes.{name}").run
    return process.main(name if name != "media" else f"media-{settings.worker}", body, settings)


async def _tool(chosen: argparse.Namespace, settings: Settings) -> int:
    from yitong.app import engines
    from yitong.kit import logs

    logs.configure(chosen.command)
    async with engines.reach(settings) as reached:
        if chosen.command == "migrate":
            await engines.prepare(reached)
            return 0
        if chosen.command == "demo":
            await importlib.import_module("yitong.app.demo").load(reached)
            return 0
        if chosen.command in ("drain", "upgrade"):
            return await _operate(chosen, reached)
        if chosen.command in ("recordings", "keys"):
            tool = importlib.import_module("yitong.app.recordings_tool")
            everything, file = getattr(chosen, "all", False), getattr(chosen, "file", "")
            return int(await tool.run(reached, chosen.command, chosen.action, everything=everything, file=file))
        if chosen.command == "trace":
            return int(await importlib.import_module("yitong.app.trace").trace(reached, chosen.contact))
        return int(await importlib.import_module("yitong.app.rebuild").rebuild(reached))


async def _operate(chosen: argparse.Namespace, settings: Settings) -> int:
    from yitong.app.operate import Operator
    from yitong.kit.clock import SystemClock
    from yitong.kit.nats import Nats

    nats = await Nats.connect(settings.nats_url, "operator")
    try:
        operator = Operator(nats, settings.node, SystemClock(), lambda line: print(line, flush=True))
        if chosen.command == "upgrade":
            return await operator.upgrade()
        return await (operator.go_on() if chosen.back else operator.drain(chosen.seconds, stay=chosen.stay))
    finally:
        await nats.close()


if __name__ == "__main__":
    sys.exit(main())
