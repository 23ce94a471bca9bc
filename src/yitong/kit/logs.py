"""Structured logs: JSON lines for machines, readable lines at a terminal. Ids of what is worked on come from context variables.

``bound(contact=..., call=...)`` puts ids on every line written inside it, in this task and those it starts; ``about(...)`` does so from
where it stands to the end of the ``step`` around it, for what is learnt under way.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

if "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment] # structlog would load it, half of a process's start, for a renderer we do not use
    import structlog

    del sys.modules["rich"]
else:
    import structlog
from structlog.types import EventDict, Processor, WrappedLogger

_LONGEST_VALUE = 2_000
_naming: contextvars.ContextVar[Callable[[], dict[str, str]] | None] = contextvars.ContextVar("yitong.naming", default=None)
_told: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("yitong.told", default=None)


def configure(process: str, *, readable: bool | None = None, level: int = logging.INFO) -> None:
    """Send structlog's and the standard library's lines to stderr. ``readable``: None asks whether stderr is a terminal."""
    if readable is None:
        readable = sys.stderr.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        named,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _one_line,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if readable else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    structlog.contextvars.bind_contextvars(process=process)


def bound(**ids: str) -> AbstractContextManager[None]:
    """Put ``ids`` on every line written inside the ``with``."""
    return structlog.contextvars.bound_contextvars(**ids)


@contextlib.contextmanager
def naming(ids: Callable[[], dict[str, str]]) -> Iterator[None]:
    """Put ``ids()`` on every line written inside the ``with``; asked only when there is a line. Must not be awaited in."""
    token = _naming.set(ids)
    try:
        yield
    finally:
        _naming.reset(token)


def step(action: Callable[[], None]) -> None:
    """Do ``action``; what it says it is ``about`` is forgotten at its end."""
    token = _told.set(None)
    try:
        action()
    finally:
        _told.reset(token)


def about(**ids: str) -> None:
    """Put ``ids`` on every line from here to the end of the ``step``. Call it inside one only."""
    told = _told.get()
    _told.set(ids if told is None else told | ids)


def get(name: str) -> Any:
    """The logger called ``name``; its lines are an event in a few words and values: ``log.info("call refused", cause="full")``."""
    return structlog.get_logger(name)


def named(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """What ``naming`` and ``about`` say of the step under way."""
    ids, told = _naming.get(), _told.get()
    return {**(ids() if ids is not None else {}), **(told or {}), **event}


def _one_line(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """One event is one line, whatever a stranger put into it (reliability P6): no control characters, nothing endless."""
    for key, value in event.items():
        if key != "exception" and isinstance(value, str):
            event[key] = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in value[:_LONGEST_VALUE])
    return event
