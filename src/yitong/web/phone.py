"""Short-lived SIP credentials for telephones in web pages: an agent's desk, and a guest who calls us once."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from yitong.contact.bus import Refused
from yitong.domains.security.rules import Allowance
from yitong.kit.clock import SECOND, SystemClock
from yitong.kit.http import Caller, iso, need, part
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.settings import Settings
from yitong.web.published import Published
from yitong.web.users import digests

BUCKET = "credentials"
GUEST_LIFE = 120 * SECOND
GUEST_TRIES = 5
GUEST_WINDOW = 60 * SECOND
_SECRET_BYTES = 24

_log = structlog.get_logger("yitong.web")
router = APIRouter(tags=["telephones"])


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What the switch is told of a page's telephone. ``number``: the only one that a guest may call; ``device``: as core knows it."""

    id: str
    tenant: str
    site: str
    username: str
    realm: str
    ha1_md5: str
    ha1_sha256: str
    kind: str
    issued_at: int
    expires_at: int
    agent: str = ""
    extension: str = ""
    number: str = ""
    device: str = ""
    session: str = ""
    language: str = "zh-CN"


class Phone(BaseModel):
    """How a page registers: SIP over WebSocket (RFC 7118), digest with these."""

    url: str
    uri: str
    username: str
    password: str
    realm: str
    expires_at: str
    ice: list[dict[str, Any]] = []
    number: str | None = None


class GuestCall(BaseModel):
    """Whom the guest wants to call."""

    model_config = ConfigDict(extra="forbid")
    number: str = Field(min_length=1, max_length=32)
    tenant: str = Field(default="", max_length=63)
    """The code of the tenant whose number it is; without it the oldest that offers the number."""


class Phones:
    """Gives out and takes back credentials."""

    def __init__(self, nats: Nats, settings: Settings, clock: SystemClock) -> None:
        self._nats = nats
        self._settings = settings
        self._clock = clock
        self._owed: set[tuple[str, str]] = set()
        self.guests = Allowance(GUEST_TRIES, GUEST_WINDOW)

    async def give(self, request: Request, credential: Credential, domain: str) -> Phone:
        """A new secret for ``credential``, told to the switch; ``domain``: of the page's address. Raises what ``OUTAGES`` of NATS holds."""
        password = secrets.token_urlsafe(_SECRET_BYTES)
        told = msgspec.structs.replace(credential, **digests(credential.username, credential.realm, password))
        bucket = await self._nats.bucket(BUCKET)
        await bucket.put(f"{credential.tenant}.page.{credential.id}", msgspec.json.encode(told))
        url = f"{'wss' if self._settings.tls else 'ws'}://{self._host(request)}:{self._settings.sip_ws_port}"
        return Phone(
            url=url, username=credential.username, uri=f"sip:{credential.username}@{domain}", password=password, realm=credential.realm,
            expires_at=iso(credential.expires_at) or "", number=credential.number or None,
        )  # fmt: skip

    async def take_back(self, tenant: str, session: str) -> None:
        """The session is over: so is its page's telephone. While NATS is away this is remembered and done later."""
        self._owed.add((tenant, session))
        await self.settle()

    async def settle(self) -> None:
        """Take back what could not be taken back before."""
        if not self._nats.connected:
            return
        try:
            bucket = await self._nats.bucket(BUCKET)
            for tenant, session in list(self._owed):
                await bucket.delete(f"{tenant}.page.{session}")
                self._owed.discard((tenant, session))
        except OUTAGES as error:
            _log.warning("credentials not taken back yet", owed=len(self._owed), error=repr(error))

    def _host(self, request: Request) -> str:
        """Where the page finds the switch: as the page itself was found, unless the operator says otherwise."""
        if self._settings.public_address:
            host = self._settings.public_address
            return f"[{host}]" if ":" in host else host
        name = request.url.hostname or self._settings.bind
        return f"[{name}]" if ":" in name else name


@router.post("/me/phone", status_code=201)
async def my_phone(
    request: Request,
    caller: Caller = need("calls.take"),
    phones: Phones = part(Phones),
    published: Published = part(Published),
    clock: SystemClock = part(SystemClock),
) -> Phone:
    """A telephone for the desk page, valid while the session lives; a newer one replaces it."""
    if not caller.agent:
        raise Refused("no_agent")
    realm = published.realm(caller.tenant)
    return await phones.give(request, Credential(
        id=caller.session, tenant=caller.tenant, site=caller.site, username=f"page-{secrets.token_hex(6)}", realm=realm, ha1_md5="",
        ha1_sha256="", kind="page", issued_at=clock.now(), expires_at=caller.expires_at, agent=caller.agent, extension=caller.extension,
        device=f"{caller.tenant}/page/{caller.extension}", session=caller.session, language=caller.language,
    ), published.domain(caller.tenant))  # fmt: skip


@router.post("/guest/phone", status_code=201)
async def guest_phone(
    given: GuestCall,
    request: Request,
    phones: Phones = part(Phones),
    published: Published = part(Published),
    clock: SystemClock = part(SystemClock),
) -> Phone:
    """A telephone for one call from the customer page to a number that may be called from the web."""
    now = clock.now()
    wait = phones.guests.take(request.client.host if request.client else "", now)
    if wait:
        raise Refused("too_many_attempts", retry_after=wait)
    number = published.number(given.number, given.tenant)
    tenant = number.tenant
    name = f"guest-{secrets.token_hex(8)}"
    return await phones.give(request, Credential(
        id=name, tenant=tenant, site=number.site, username=name, realm=published.realm(tenant), ha1_md5="", ha1_sha256="", kind="guest",
        issued_at=now, expires_at=now + GUEST_LIFE, number=given.number, language=number.language,
        device=f"{tenant}/guest/{name}",
    ), published.domain(tenant))  # fmt: skip
