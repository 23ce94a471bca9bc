"""PINs kept so that they cannot be read back: salted and hashed. Few digits can be tried out by whoever has the hash; the hash makes a
mistake or a backup harmless, not a thief. Checked inside decisions, hence a few milliseconds at most.
"""

from __future__ import annotations

import hashlib
import hmac

_ROUNDS = 4_000
_METHOD = "pbkdf2-sha256"


def seal(pin: str, salt: bytes) -> str:
    """The PIN as it is kept. ``salt``: 16 random octets, another one for every PIN."""
    return f"{_METHOD}${_ROUNDS}${salt.hex()}${_hash(pin, salt, _ROUNDS).hex()}"


def fits(pin: str, sealed: str) -> bool:
    """Whether this PIN was sealed so; what is no seal fits none."""
    method, _, rest = sealed.partition("$")
    parts = rest.split("$")
    if method != _METHOD or len(parts) != 3 or not parts[0].isdigit() or not pin:
        return False
    try:
        salt, kept = bytes.fromhex(parts[1]), bytes.fromhex(parts[2])
    except ValueError:
        return False
    return hmac.compare_digest(_hash(pin, salt, int(parts[0])), kept)


def _hash(pin: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, rounds)
