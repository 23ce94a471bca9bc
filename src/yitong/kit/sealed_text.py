"""Short secrets that must be read again, sealed at rest: a trunk's password, which a challenge of the operator wants (RFC 7616 §3.4).

``sealed:{key id}:{nonce, text and tag in base64}``: AES-256-GCM with the newest key of the owner's keyring. Owner and purpose are bound to
it, so that what was sealed for one tenant or field opens nowhere else. Empty stays empty: nothing is there to be kept secret.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from yitong.kit.clock import Clock
from yitong.kit.ids import RandomIds
from yitong.kit.keyring import Key, Keyring
from yitong.kit.sealing import Damaged

PREFIX = "sealed:"
_NONCE = 12


class Sealer:
    """Seals and opens with the keys of a keyring. Blocking, but for a small file only."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    def seal(self, owner: str, purpose: str, text: str) -> str:
        """The text as it is kept. Raises OSError when the first key cannot be made."""
        return _sealed(self.keyring.current(owner), _bound(owner, purpose), text) if text else ""

    def open(self, owner: str, purpose: str, kept: str) -> str:
        """The text again; what is not sealed, by a release that did not know how, is the text itself. Raises KeyMissing, Damaged."""
        if not kept.startswith(PREFIX):
            return kept
        id, _, body = kept.removeprefix(PREFIX).partition(":")
        key = self.keyring.find(owner)(id)
        try:
            octets = base64.b64decode(body, validate=True)
            return AESGCM(key).decrypt(octets[:_NONCE], octets[_NONCE:], _bound(owner, purpose)).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise Damaged("a sealed text was changed, or is another's") from error


def sealer_of(folder: Path, clock: Clock) -> Sealer:
    """The sealer whose keys are in ``folder``."""
    return Sealer(Keyring(folder, clock, RandomIds()))


def key_of(kept: str) -> str:
    """The id of the key that opens a sealed text; empty for what is not sealed."""
    return kept.removeprefix(PREFIX).partition(":")[0] if kept.startswith(PREFIX) else ""


def _sealed(key: Key, bound: bytes, text: str) -> str:
    nonce = secrets.token_bytes(_NONCE)
    body = nonce + AESGCM(key[1]).encrypt(nonce, text.encode(), bound)
    return f"{PREFIX}{key[0]}:{base64.b64encode(body).decode()}"


def _bound(owner: str, purpose: str) -> bytes:
    return f"{owner}\0{purpose}".encode()
