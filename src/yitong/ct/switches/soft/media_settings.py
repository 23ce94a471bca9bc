"""What a media worker is told at its start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from yitong.kit.keyring import Keyring


@dataclass(frozen=True, kw_only=True)
class MediaSettings:
    """A worker of ``home`` that its switch reaches at ``socket``.

    ``bind``: where plain RTP listens; ``ports``: its own, both ends included; ``addresses``: what a browser is offered first, before every
    address of the machine. ``lost_seconds``: silence that is told as ``MediaLost``. ``rows``: the most rows (RTP and conferences).
    ``orphan_seconds``: without a switch for so long, silent rows are closed. ``keyring``: what seals recordings, messages and faxes; None:
    they lie plain.
    """

    home: Path
    socket: Path
    bind: str = "127.0.0.1"
    ports: tuple[int, int] = (20000, 29999)
    addresses: tuple[str, ...] = ()
    rows: int = 1400
    recordings: int = 700
    lost_seconds: float = 30.0
    prompt_bytes: int = 256 << 20
    orphan_seconds: float = 600.0
    keyring: Keyring | None = None
