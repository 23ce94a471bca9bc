"""Digest authentication (RFC 8760 with RFC 7616: SHA-256 and MD5, qop=auth): the challenging side and the answering side.

A nonce is its time, randomness and a MAC over both, the realm and the source address: nothing is stored for a challenge, a nonce from
elsewhere or older than five minutes is worth nothing, and a stranger cannot use up another address's tries.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from yitong.sip.grammar import ParseError, parse_auth, quote
from yitong.sip.message import Header, Request, Response
from yitong.sip.uri import Uri

NONCE_SECONDS = 300.0
"""Lifetime of a nonce (case R6)."""

MAXIMUM_NONCES = 50_000

ALGORITHMS = ("MD5", "SHA-256")
"""In the order of the challenges. MD5 first: JsSIP and sipp read only the first challenge and know only MD5; who knows SHA-256 finds it."""

MD5_ONLY = ("baresip v0.", "baresip v1.")
"""User agents that give up when any challenge names another algorithm (libre before 2.0)."""

_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_HEX_LENGTH = {"MD5": 32, "SHA-256": 64}


class Account(msgspec.Struct, frozen=True):
    """What is known of a user: H(username:realm:password) in hexadecimal; an empty one cannot be used."""

    username: str
    ha1_md5: str = ""
    ha1_sha256: str = ""


class Verdict(StrEnum):
    """Of credentials. Everything but ``OK`` is answered with a challenge; only ``WRONG`` counts as a try."""

    OK = "ok"
    MISSING = "missing"
    STALE = "stale"
    WRONG = "wrong"


class Checked(NamedTuple):
    """The verdict and the name that was claimed (empty when none could be read)."""

    verdict: Verdict
    username: str


def _hex(algorithm: str, text: str) -> str:
    return _HASHES[algorithm](text.encode("utf-8", "surrogateescape")).hexdigest()


def ha1(algorithm: str, username: str, realm: str, password: str) -> str:
    """H(A1) for ``MD5`` or ``SHA-256``."""
    return _hex(algorithm, f"{username}:{realm}:{password}")


def digest_response(algorithm: str, a1: str, method: str, params: dict[str, str]) -> str:
    """The ``response`` value (RFC 7616 §3.4.1); ``params`` holds uri, nonce and, with qop, nc, cnonce and qop."""
    a2 = _hex(algorithm, f"{method}:{params['uri']}")
    if not params.get("qop"):
        return _hex(algorithm, f"{a1}:{params['nonce']}:{a2}")
    return _hex(algorithm, f"{a1}:{params['nonce']}:{params['nc']}:{params['cnonce']}:{params['qop']}:{a2}")


class Authenticator:
    """The challenging side for one realm."""

    def __init__(self, realm: str, secret: bytes, token: Callable[[], str]) -> None:
        """``secret``: at least 32 random bytes, the same for as long as nonces shall hold. ``token``: fresh randomness as text."""
        self.realm = realm
        self._secret = secret
        self._token = token
        self._used: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def challenges(self, source: str, now: float, stale: bool = False, user_agent: str = "") -> list[str]:
        """The challenge values, one header line each, in our order (RFC 8760 §2.4). The same whatever user is asked for.

        ``user_agent``: the request's User-Agent; some phones take no other challenge beside MD5.
        """
        nonce = self._nonce(source, now)
        tail = ", stale=true" if stale else ""
        algorithms = ALGORITHMS[:1] if user_agent.startswith(MD5_ONLY) else ALGORITHMS
        head = f'Digest realm={quote(self.realm)}, nonce="{nonce}", qop="auth"'
        return [f"{head}, algorithm={algorithm}{tail}" for algorithm in algorithms]

    def check(self, request: Request, source: str, lookup: Callable[[str], Account | None], now: float, *, proxy: bool = False) -> Checked:
        """Judge a request's credentials. The work is the same for a user that does not exist (case R3)."""
        try:
            params = self._credentials(request, "Proxy-Authorization" if proxy else "Authorization")
            if params is None:
                return Checked(Verdict.MISSING, "")
            fresh = self._nonce_age(params["nonce"], source, now)
            count = int(params["nc"], 16)
        except (ParseError, KeyError, ValueError):
            return Checked(Verdict.MISSING, "")
        username = params["username"]
        if fresh is None:
            return Checked(Verdict.STALE, username)
        if not self._right(params, request.method, lookup):
            return Checked(Verdict.WRONG, username)
        if fresh > NONCE_SECONDS or not self._count(params["nonce"], count, now):
            return Checked(Verdict.STALE, username)
        return Checked(Verdict.OK, username)

    def _credentials(self, request: Request, name: str) -> dict[str, str] | None:
        """The first credentials for this realm that can be used; ``None`` without. Raises ``ParseError`` or ``KeyError``."""
        for value in request.all(name)[:4]:
            scheme, params = parse_auth(value)
            if scheme != "digest" or params.get("realm") != self.realm:
                continue
            params["algorithm"] = algorithm = params.get("algorithm", "MD5").upper()
            plain = params["qop"].lower() == "auth" and len(params["nc"]) == 8 and bool(params["cnonce"])
            if algorithm not in _HASHES or not plain or not _names(params["uri"], request):
                raise ParseError("unusable credentials")
            return params
        return None

    def _right(self, params: dict[str, str], method: str, lookup: Callable[[str], Account | None]) -> bool:
        algorithm, username = params["algorithm"], params["username"]
        account = lookup(username)
        stand_in = hmac.digest(self._secret, username.encode("utf-8", "surrogateescape"), "sha256").hex()
        known = "" if account is None else account.ha1_md5 if algorithm == "MD5" else account.ha1_sha256
        expected = digest_response(algorithm, known or stand_in[: _HEX_LENGTH[algorithm]], method, params)
        equal = hmac.compare_digest(expected.encode(), params["response"].lower().encode("utf-8", "surrogateescape"))
        return equal and bool(known)

    def _nonce(self, source: str, now: float) -> str:
        stamp = f"{int(now * 1000):x}.{self._token()}"
        return base64.urlsafe_b64encode(f"{stamp}.{self._mac(stamp, source)}".encode()).decode()

    def _mac(self, stamp: str, source: str) -> str:
        return hmac.digest(self._secret, f"{stamp}|{self.realm}|{source}".encode(), "sha256").hex()[:32]

    def _nonce_age(self, nonce: str, source: str, now: float) -> float | None:
        """Seconds since we made this nonce for this source; ``None`` when we did not."""
        try:
            text = base64.urlsafe_b64decode(nonce.encode("ascii")).decode("ascii")
        except (binascii.Error, UnicodeError, ValueError):
            return None
        stamp, _, mac = text.rpartition(".")
        if len(text) > 200 or not hmac.compare_digest(mac.encode(), self._mac(stamp, source).encode()):
            return None
        age = now - int(stamp.partition(".")[0], 16) / 1000
        return age if age >= -1.0 else None

    def _count(self, nonce: str, count: int, now: float) -> bool:
        """Note a use of a nonce; ``False`` for a count that does not rise (a replay)."""
        used = self._used
        while used and (len(used) > MAXIMUM_NONCES or next(iter(used.values()))[0] < now - NONCE_SECONDS - 1):
            used.popitem(last=False)
        first, last = used.get(nonce, (now, 0))
        if count <= last:
            return False
        used[nonce] = (first, count)
        return True


def _names(uri: str, request: Request) -> bool:
    """Whether the digest's URI is the request's (RFC 7616 §3.4.6); another would be a replay for another purpose."""
    return uri == request.uri_text or Uri.parse(uri).key == request.uri.key


class Credentials(msgspec.Struct, frozen=True):
    """Ours, for a trunk. ``realm``: the only one that is answered (case R8); empty answers any."""

    username: str
    password: str
    realm: str = ""


def authorize(request: Request, response: Response, credentials: Credentials, cnonce: str) -> Header | None:
    """The header that answers the challenge of a 401 or 407 to ``request``: the topmost challenge that we can answer (RFC 8760 §2.4).

    ``None``: no challenge of the right realm and a known algorithm, or our credentials were refused already (not stale).
    """
    name = "Authorization" if response.status == 401 else "Proxy-Authorization"
    asking = "WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate"
    for value in response.all(asking)[:8]:
        try:
            scheme, params = parse_auth(value)
        except ParseError:
            continue
        algorithm = params.get("algorithm", "MD5").upper()
        realm, nonce = params.get("realm", ""), params.get("nonce", "")
        if scheme != "digest" or algorithm not in _HASHES or not nonce or (credentials.realm and realm != credentials.realm):
            continue
        if request.get(name) is not None and params.get("stale", "").lower() != "true":
            return None
        return name, _credentials_text(request, credentials, params, algorithm, cnonce)
    return None


def _credentials_text(request: Request, credentials: Credentials, challenge: dict[str, str], algorithm: str, cnonce: str) -> str:
    params = {"uri": request.uri_text, "nonce": challenge["nonce"]}
    if "auth" in [item.strip().lower() for item in challenge.get("qop", "").split(",")]:
        params.update(qop="auth", nc="00000001", cnonce=cnonce)
    a1 = ha1(algorithm, credentials.username, challenge.get("realm", ""), credentials.password)
    text = f"Digest username={quote(credentials.username)}, realm={quote(challenge.get('realm', ''))}, nonce={quote(params['nonce'])}"
    text += f', uri="{request.uri_text}", response="{digest_response(algorithm, a1, request.method, params)}", algorithm={algorithm}'
    if "qop" in params:
        text += f', qop=auth, nc={params["nc"]}, cnonce="{cnonce}"'
    return text + (f", opaque={quote(challenge['opaque'])}" if "opaque" in challenge else "")
