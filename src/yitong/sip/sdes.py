"""Keys of SRTP in a description (RFC 4568): the crypto attribute, for AES counter mode with HMAC-SHA1 and one key for the whole talk."""

from __future__ import annotations

import re

import msgspec

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
_LINE = re.compile(r"([0-9]{1,9}) ([A-Za-z0-9_]{1,64}) inline:([A-Za-z0-9+/]{40})(?:\|(?:2\^[0-9]{1,2}|[0-9]{1,15}))?((?: [^ ]+)*)")
"""Tag, suite, key and salt (30 octets), a lifetime that is not looked at, session parameters. A master key identifier does not match."""


class Crypto(msgspec.Struct, frozen=True):
    """One acceptable line: ``key`` is base64 of master key and salt."""

    tag: str
    suite: str
    key: str

    def __str__(self) -> str:
        return f"{self.tag} {self.suite} inline:{self.key}"


def choose(values: list[str]) -> Crypto | None:
    """The first of the offered (or the answered) lines that we can use: a suite of ours, and no session parameters (§6.3: whoever does
    not know one must not take the line)."""
    for value in values[:32]:
        match = _LINE.fullmatch(value)
        if match is not None and match[2] in SUITES and not match[4]:
            return Crypto(match[1], match[2], match[3])
    return None
